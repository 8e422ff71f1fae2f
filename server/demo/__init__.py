"""`holdfast demo`: the real thing on a fresh data directory, told as a tour."""

from .tour import run_demo

__all__ = ["run_demo"]
