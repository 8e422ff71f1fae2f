"""How labels flow through calls: what a call touches, what policy is told of it, what is remembered. Denies nothing."""

from .currents import Currents
from .flow import Answer, Flow, Look, reads_answer
from .ground import Files, Ground
from .passing import Passing
from .references import NO_REFERENCES, References

__all__ = [
    "NO_REFERENCES",
    "Answer",
    "Currents",
    "Files",
    "Flow",
    "Ground",
    "Look",
    "Passing",
    "References",
    "reads_answer",
]
