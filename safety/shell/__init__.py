"""What a shell command would run, from its text alone: programs and how grave they are. It runs and expands nothing."""

from .programs import Risk
from .reading import MOST_BYTES, Commands, commands_in

__all__ = ["MOST_BYTES", "Commands", "Risk", "commands_in"]
