"""Two opinions on one text: findings of both, and of each who else saw it."""

import pytest

from holdfast.contracts import Action, Finding, RuleId, Severity, Where
from holdfast.safety.credentials import CredentialDetector
from holdfast.safety.detectors import Detectors, agreed
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.pii import PiiDetector
from holdfast.server.assembly.layers import rule_sources


@pytest.fixture(scope="module")
def detectors() -> Detectors:
    leaks = LeakDetector.build_without_database(load_rules(rule_sources()))
    return Detectors(leaks=leaks, credentials=CredentialDetector(), pii=PiiDetector.build([]))


def one(layer: str, start: int, end: int, *, part: int = 0, action: Action = Action.REDACT, rule: str = "x") -> Finding:
    return Finding(
        rule=RuleId(f"{layer}/{rule}"),
        layer=layer,
        severity=Severity.HIGH,
        action=action,
        where=Where.OUTPUT,
        start=start,
        end=end,
        part=part,
    )


def test_what_both_saw_says_so_and_what_one_saw_says_whose_opinion_it_is(detectors: Detectors) -> None:
    both = expand("glpat-{base62:20}")
    only_one = expand("bearer sk-ant-api03-{url64:93}AA")

    found = detectors.scan([both, only_one], Where.OUTPUT)

    seen = {(each.part, each.layer): each.seen_by for each in found}
    assert seen[0, "leaks"] == seen[0, "credentials"] == ("leaks", "credentials")
    assert seen[1, "leaks"] == ("leaks",)
    assert (1, "credentials") not in seen


def test_agreeing_takes_a_common_character_in_the_same_text() -> None:
    ours = (one("leaks", 0, 4), one("leaks", 10, 20), one("leaks", 10, 20, part=1))
    theirs = (one("credentials", 4, 10), one("credentials", 12, 13), one("credentials", 30, 31))

    alone, together = ("leaks",), ("leaks", "credentials")
    assert [each.seen_by for each in agreed(ours, theirs)] == [
        alone,
        together,
        alone,
        ("credentials",),
        together,
        ("credentials",),
    ]


def test_a_text_that_was_not_looked_at_is_nobody_s_opinion() -> None:
    unread = one("credentials", 0, 100, action=Action.ANNOTATE, rule="too-large-to-judge")
    flood = one("leaks", 0, 100, rule="flood")

    found = agreed((flood, one("leaks", 5, 9)), (unread, one("credentials", 50, 60)))

    assert [each.seen_by for each in found] == [(), ("leaks",), (), ("credentials",)]


def test_nothing_is_dropped_or_moved() -> None:
    ours = tuple(one("leaks", at, at + 5) for at in range(0, 100, 3))
    theirs = tuple(one("credentials", at, at + 2) for at in range(0, 100, 7))

    found = agreed(ours, theirs)

    assert [(each.layer, each.start, each.end) for each in found] == [
        (each.layer, each.start, each.end) for each in (*ours, *theirs)
    ]
