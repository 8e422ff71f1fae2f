"""The leak detector: finds credentials in text by their form; says where they are and never repeats one."""

from .detector import HELD, LeakDetector
from .held import Held
from .rules import Checksum, Judge, LeakRule, Tier, load_rules

__all__ = ["HELD", "Checksum", "Held", "Judge", "LeakDetector", "LeakRule", "Tier", "load_rules"]
