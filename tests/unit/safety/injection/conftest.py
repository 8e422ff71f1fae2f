"""The shipped injection rules and the detectors made of them, built once for every test here."""

from pathlib import Path

import pytest

import holdfast.safety
from holdfast.safety.injection import InjectionDetector, SignalRule, load_signals

RULES = Path(holdfast.safety.__file__).parent / "rules" / "injection"


@pytest.fixture(scope="session")
def signals() -> tuple[SignalRule, ...]:
    return load_signals({path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.toml")})


@pytest.fixture(scope="session")
def injection(signals: tuple[SignalRule, ...]) -> InjectionDetector:
    return InjectionDetector.build(signals)
