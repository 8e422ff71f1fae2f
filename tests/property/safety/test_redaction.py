"""Laws of redaction: nothing found survives, nothing else changes, and doing it again changes nothing."""

import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import holdfast.safety
from holdfast.contracts import Action, Finding, RuleId, Severity, Where
from holdfast.safety.leaks import LeakDetector, LeakRule, load_rules
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.redaction import redact

MARK = re.compile(r"\[REDACTED:[a-z0-9-]+\]")
PLAIN = "abcdefghijklmnopqrstuvwxyz é🙂\n"
SECRET_LETTERS = "0123456789"


def _finding(start: int, end: int, part: int = 0, action: Action = Action.REDACT, rule: str = "leaks/x") -> Finding:
    return Finding(
        rule=RuleId(rule),
        layer="leaks",
        severity=Severity.HIGH,
        action=action,
        where=Where.OUTPUT,
        start=start,
        end=end,
        part=part,
    )


@cache
def rules() -> tuple[LeakRule, ...]:
    folder = Path(holdfast.safety.__file__).parent / "rules"
    return load_rules({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")})


@cache
def detector() -> LeakDetector:
    return LeakDetector.build(rules())


spans = st.lists(
    st.builds(
        _finding,
        st.integers(-5, 45),
        st.integers(-5, 45),
        st.integers(0, 2),
        st.sampled_from([Action.REDACT, Action.DENY, Action.DENY, Action.ANNOTATE, Action.REMOVE]),
        st.sampled_from(["leaks/a", "leaks/bee", "credentials/keyword"]),
    ),
    max_size=12,
)
texts = st.lists(st.text(PLAIN, max_size=50), min_size=3, max_size=3)


@given(texts, spans)
def test_exactly_the_characters_outside_every_span_are_kept(written: list[str], found: list[Finding]) -> None:
    redacted = redact(written, found)

    for part, text in enumerate(written):
        taken = {
            at
            for each in found
            if each.part == part and each.action in (Action.REDACT, Action.DENY)
            for at in range(max(0, each.start), min(each.end, len(text)))
        }
        kept = "".join(char for at, char in enumerate(text) if at not in taken)
        assert MARK.sub("", redacted[part]) == kept
        assert len(MARK.findall(redacted[part])) == sum(at in taken and at - 1 not in taken for at in range(len(text)))


@given(texts, spans)
def test_the_order_of_findings_does_not_matter(written: list[str], found: list[Finding]) -> None:
    assert MARK.sub("#", "|".join(redact(written, found))) == MARK.sub("#", "|".join(redact(written, found[::-1])))


@given(texts)
def test_no_findings_no_change(written: list[str]) -> None:
    assert redact(written, ()) == tuple(written)


def test_a_finding_of_a_part_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="part 1"):
        redact(["x"], [_finding(0, 1, part=1)])


def test_a_span_inside_another_takes_nothing_back() -> None:
    assert redact(["abcdefgh"], [_finding(1, 7), _finding(2, 4)]) == ("a[REDACTED:x]h",)


def test_touching_spans_become_one_mark_named_by_the_worst() -> None:
    worse = Finding(
        rule=RuleId("leaks/worse"),
        layer="leaks",
        severity=Severity.CRITICAL,
        action=Action.DENY,
        where=Where.OUTPUT,
        start=2,
        end=4,
    )

    assert redact(["abcdef"], [_finding(0, 2), worse]) == ("[REDACTED:worse]ef",)


secrets = st.builds(
    lambda number, seed: expand(rules()[number % len(rules())].examples[0], seed),
    st.integers(0, 10_000),
    st.integers(0, 50),
)
around = st.text(PLAIN, max_size=30)


@given(st.lists(st.tuples(around, secrets, around), min_size=1, max_size=4))
def test_redacting_what_was_found_leaves_nothing_to_find(made: list[tuple[str, str, str]]) -> None:
    written = ["\n".join(each) for each in made]

    once = redact(written, detector().scan(written, Where.OUTPUT))

    assert redact(once, detector().scan(once, Where.OUTPUT)) == once


@given(st.integers(0, 50), st.integers(1, 39), around, around)
def test_no_part_of_a_split_secret_survives(seed: int, cut: int, before: str, after: str) -> None:
    secret = expand("ghp_{crc:30}", seed)
    written = [f"{before} {secret[:cut]}", f"{secret[cut:]} {after}"]

    redacted = redact(written, detector().scan(written, Where.OUTPUT))

    assert redacted == (f"{before} [REDACTED:github-token]", f"[REDACTED:github-token] {after}")
