"""A loosened pattern finds wherever the pattern does, and a secret is read off a trigger as the pattern finds it."""

import re

import pytest

from holdfast.safety.expressions import expression
from holdfast.safety.leaks import LeakRule
from holdfast.safety.leaks.loosened import loosened
from holdfast.safety.leaks.specimens import expand

BEFORE = "the token of a key: 'x' = \"y\" "


@pytest.mark.parametrize(
    ("pattern", "text", "lead"),
    [
        ("[a-z]{0,40}(key)=([0-9]{4,400})", "mykey=123456", 40),
        (r"(x|\()[(){3,90}]{2,}\{y{30}", "x(3{" + "y" * 30, 0),
        ("(?:a){17,20}[^]()]{1,900}z", "a" * 17 + "-z", 0),
    ],
)
def test_counts_and_groups_go_and_classes_stay(pattern: str, text: str, lead: int) -> None:
    loose = loosened(pattern)

    assert re.search(pattern, text)
    assert loose is not None
    assert loose.found.search(text.encode()) is not None
    assert (loose.lead, loose.found.groups) == (lead, 0)


def test_a_pattern_that_would_stay_as_it_is_is_not_asked_twice() -> None:
    assert loosened("-{2,5}(?:a{1,9} ){0,3}[b)]{16,}") is None


def test_what_a_rule_finds_its_loosened_pattern_finds_no_later(rules: tuple[LeakRule, ...]) -> None:
    compared = 0
    for rule in rules:
        loose, pattern = loosened(rule.pattern), expression(rule.pattern)
        if not rule.trigger or loose is None:
            continue
        for template in (*rule.examples, *rule.near_misses):
            for seed in range(3):
                text = f"\n{BEFORE}{expand(template, seed)}\n".encode()
                found, near = pattern.search(text), loose.found.search(text)
                if found is not None:
                    assert near is not None, rule.id
                    assert near.start() - loose.lead <= found.start(), rule.id
                    compared += 1
    assert compared > 2 * sum(rule.trigger is not None for rule in rules)


def test_where_a_trigger_ends_the_secret_is_read_off_as_the_pattern_finds_it(rules: tuple[LeakRule, ...]) -> None:
    for rule in rules:
        for template in rule.examples if rule.peek else ():
            text = f"\n{expand(template, 1)}\n".encode()
            found = expression(rule.pattern).search(text)
            assert found is not None, rule.id
            spans = [found.span(group) for group in range(rule.secret, expression(rule.pattern).groups + 1)]
            start, end = next(span for span in spans if span[0] >= 0)
            read = [re.compile(value.encode()).match(text, start) for _back, value in rule.peek]
            assert text[start:end] in [each[each.lastindex or 0] for each in read if each], rule.id
