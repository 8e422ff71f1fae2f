"""A kept database is used only for the rules it was made of, and damage is noticed."""

import pytest

from holdfast.contracts import OperatorError, Where
from holdfast.safety.leaks import LeakDetector, LeakRule, load_rules
from holdfast.safety.leaks.database import HyperscanScanner, _load
from holdfast.safety.leaks.specimens import expand

SECRET = expand("ghp_{crc:30}")


def test_a_kept_database_gives_the_same_findings(rules: tuple[LeakRule, ...], detector: LeakDetector) -> None:
    again = LeakDetector.build(rules, database=detector.serialized())

    assert again.scan([SECRET], Where.OUTPUT) == detector.scan([SECRET], Where.OUTPUT) != ()


@pytest.mark.parametrize(
    "spoil",
    [lambda kept: b"", lambda kept: kept[:-1], lambda kept: kept[:-9] + b"x" + kept[-8:]],
    ids=["gone", "cut", "flipped"],
)
def test_a_damaged_database_is_made_anew(rules: tuple[LeakRule, ...], spoil) -> None:
    few = rules[:5]
    kept = LeakDetector.build(few).serialized()

    assert LeakDetector.build(few, database=spoil(kept)).serialized() == kept
    assert _load(spoil(kept), HyperscanScanner(few)._identity) is None


def test_a_database_of_other_rules_is_not_used(rules: tuple[LeakRule, ...]) -> None:
    few, other = rules[:5], rules[5:9]

    scanner = HyperscanScanner(other, LeakDetector.build(few).serialized())

    assert scanner.dump() == HyperscanScanner(other).dump()


def test_a_pattern_that_hyperscan_does_not_take_is_named() -> None:
    text = """
[[rule]]
id = "too-large"
issuer = "x"
why = "x"
source = "acme.test, keys"
severity = "low"
tier = "deny"
pattern = '(?i)x(?:[a-f].{1,30}){30}y'
keywords = ["a"]
width = 16000
examples = ["a"]
near_misses = ["b"]
"""
    with pytest.raises(OperatorError, match="leak rule `too-large`"):
        LeakDetector.build(load_rules({"x.toml": text}))
