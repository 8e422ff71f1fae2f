"""Injection signals: notes text that addresses the model instead of informing it. Edits nothing, blocks nothing."""

from .detector import NOTHING, InjectionDetector, Signals
from .rules import SignalRule, load_signals

__all__ = ["NOTHING", "InjectionDetector", "SignalRule", "Signals", "load_signals"]
