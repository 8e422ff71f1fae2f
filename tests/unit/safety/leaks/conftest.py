"""The shipped rules and one detector made of them, built once for every test here."""

from pathlib import Path

import pytest

import holdfast.safety
from holdfast.safety.leaks import LeakDetector, LeakRule, load_rules

RULES = Path(holdfast.safety.__file__).parent / "rules"


@pytest.fixture(scope="session")
def rules() -> tuple[LeakRule, ...]:
    return load_rules({path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.toml")})


@pytest.fixture(scope="session")
def detector(rules: tuple[LeakRule, ...]) -> LeakDetector:
    return LeakDetector.build(rules)


@pytest.fixture(scope="session")
def slow_detector(rules: tuple[LeakRule, ...]) -> LeakDetector:
    return LeakDetector.build_without_database(rules)
