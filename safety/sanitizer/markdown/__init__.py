"""Finds links and images of Markdown that lead outside the hosts an operator listed; it renders and fetches nothing."""

from .hosts import Listed
from .links import Reading, outside, terminal_links

__all__ = ["Listed", "Reading", "outside", "terminal_links"]
