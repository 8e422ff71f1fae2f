"""The two ends of a terminal, and text without anything that one, or rich, would act on."""

from rich.console import Console
from rich.markup import escape

OUT = Console(highlight=False, soft_wrap=True)
"""Data."""
TALK = Console(stderr=True, highlight=False, soft_wrap=True)
"""Everything said beside it."""


def visible(text: str) -> str:
    """*text* without anything a terminal would act on."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)


def plain(text: str) -> str:
    """*text* without anything a terminal or rich would act on."""
    return escape(visible(text))
