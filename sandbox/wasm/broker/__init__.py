"""What the parent does for a guest in the middle of a call: counted, granted by the manifest, judged like any other."""

from .broker import CallBroker
from .capabilities import CAPABILITIES, NOW, RANDOM, misfit, unused
from .powers import NO_POWERS, Powers

__all__ = ["CAPABILITIES", "NOW", "NO_POWERS", "RANDOM", "CallBroker", "Powers", "misfit", "unused"]
