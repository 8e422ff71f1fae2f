"""Cleans HTML, and nothing else, with whichever library is configured; what neither may leave is one list."""

from .cleaning import (
    LARGE,
    LARGEST_BYTES,
    MAX_BYTES,
    SMALL,
    Cleaned,
    Cleaner,
    Elsewhere,
    clean,
    cleaner_named,
    is_document,
    is_html,
)
from .rules import hides

__all__ = [
    "LARGE",
    "LARGEST_BYTES",
    "MAX_BYTES",
    "SMALL",
    "Cleaned",
    "Cleaner",
    "Elsewhere",
    "clean",
    "cleaner_named",
    "hides",
    "is_document",
    "is_html",
]
