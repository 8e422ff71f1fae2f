"""A confined process for work on text that could stall everyone: warm, one job at a time, killed at its deadline."""

from .process import ScanProcess

__all__ = ["ScanProcess"]
