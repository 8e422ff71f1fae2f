"""The command line: parse, ask, print. Data goes to stdout, talk to stderr; nothing is decided here."""

from .app import main

__all__ = ["main"]
