"""Proofs about policies by an SMT solver, cvc5, which is an optional dependency. It reads and judges no real call."""

from .answers import Answer, Found, GivenUp, Oddity, OutOfReach, Proved
from .confirming import Judge
from .imagining import waits
from .prover import LIMIT_MS, Prover
from .questions import can_apply, implies, never, no_wider, unapproved, where, without_scope
from .solver import is_installed

__all__ = [
    "LIMIT_MS",
    "Answer",
    "Found",
    "GivenUp",
    "Judge",
    "Oddity",
    "OutOfReach",
    "Proved",
    "Prover",
    "can_apply",
    "implies",
    "is_installed",
    "never",
    "no_wider",
    "unapproved",
    "waits",
    "where",
    "without_scope",
]
