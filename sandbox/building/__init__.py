"""Turns a tool's source into its module, in a confined child or process. It runs nothing of what it builds."""

from .builder import Builder, BuildRefused
from .languages import MOST_SOURCE_BYTES, MOST_SOURCES, Language, is_source, language_of

__all__ = ["MOST_SOURCES", "MOST_SOURCE_BYTES", "BuildRefused", "Builder", "Language", "is_source", "language_of"]
