"""Personal data: a class of its own. Found by form and check digits; a note, taken out where asked."""

from .detector import PiiDetector
from .rules import CLASSES, PiiRule, load_pii_rules

__all__ = ["CLASSES", "PiiDetector", "PiiRule", "load_pii_rules"]
