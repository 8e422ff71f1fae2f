"""Removes what hides from people and acts on machines: controls, invisible text, active HTML; never judges intent."""

from .sanitizer import Sanitizer

__all__ = ["Sanitizer"]
