"""Checks policy sets and runs their cases, for people who write them: everything that is wrong at once, as values."""

from .asking import QUESTIONS, Unjudged
from .audit import Audit, audit
from .junit import junit_text
from .rehearsing import Run, Tried, rehearse
from .remarks import RULES, Remark, Rule, Severity
from .sarif import sarif_log

__all__ = [
    "QUESTIONS",
    "RULES",
    "Audit",
    "Remark",
    "Rule",
    "Run",
    "Severity",
    "Tried",
    "Unjudged",
    "audit",
    "junit_text",
    "rehearse",
    "sarif_log",
]
