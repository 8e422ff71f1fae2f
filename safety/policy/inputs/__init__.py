"""Calls as policy sees them, written down: to be kept, judged again, compared and explained. It evaluates nothing."""

from .redacting import redacted
from .tools import ToolSketch
from .values import PolicyInput, Unclear
from .wanting import narrowed

__all__ = ["PolicyInput", "ToolSketch", "Unclear", "narrowed", "redacted"]
