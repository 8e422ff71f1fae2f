"""Every shipped rule finds its examples and leaves its near misses, with hyperscan and without."""

import re._parser as sre

import pytest

from holdfast.contracts import Where
from holdfast.safety.leaks import LeakDetector, LeakRule
from holdfast.safety.leaks.specimens import expand

SEEDS = range(3)


def _found(detector: LeakDetector, text: str) -> set[str]:
    return {finding.rule for finding in detector.scan([text], Where.ARGUMENTS)}


def test_every_rule_finds_its_examples(rules: tuple[LeakRule, ...]) -> None:
    missed = [
        (rule.id, template)
        for rule in rules
        for alone in (LeakDetector.build_without_database([rule]),)
        for template in rule.examples
        for seed in SEEDS
        if _found(alone, expand(template, seed)) != {f"leaks/{rule.id}"}
    ]

    assert missed == []


def test_every_rule_leaves_its_near_misses(rules: tuple[LeakRule, ...]) -> None:
    wrong = [
        (rule.id, template)
        for rule in rules
        for alone in (LeakDetector.build_without_database([rule]),)
        for template in rule.near_misses
        for seed in SEEDS
        if _found(alone, expand(template, seed))
    ]

    assert wrong == []


def test_every_example_is_found_among_all_rules(rules: tuple[LeakRule, ...], detector: LeakDetector) -> None:
    missed = [
        rule.id
        for rule in rules
        for template in rule.examples
        for seed in SEEDS
        if not _found(detector, f"first line\n{expand(template, seed)}\nlast line")
    ]

    assert missed == []


def test_both_engines_give_the_same_findings(
    rules: tuple[LeakRule, ...], detector: LeakDetector, slow_detector: LeakDetector
) -> None:
    texts = [expand(template, 7) for rule in rules for template in (*rule.examples, *rule.near_misses)]

    differ = [at for at, text in enumerate(texts) if _spans(detector, text) != _spans(slow_detector, text)]

    assert differ == []


def _spans(detector: LeakDetector, text: str) -> list[tuple[str, int, int]]:
    return [(found.rule, found.start, found.end) for found in detector.scan([text], Where.OUTPUT)]


def test_every_match_holds_a_keyword_of_its_rule(rules: tuple[LeakRule, ...]) -> None:
    without = [
        rule.id
        for rule in rules
        for template in rule.examples
        if not any(word in expand(template).lower() for word in rule.keywords)
    ]

    assert without == []


def test_no_match_is_wider_than_its_rule_says(rules: tuple[LeakRule, ...]) -> None:
    """The width is how far confirmation looks back from where the database saw an end."""
    open_ended = 4096
    narrow = [rule.id for rule in rules if min(sre.parse(rule.pattern).getwidth()[1], open_ended) > rule.width]

    assert [name for name in narrow if name not in BOUNDED_BY_WIDTH] == []


BOUNDED_BY_WIDTH = {
    "authorization-basic",
    "authorization-bearer",
    "authorization-scheme",
    "bare-assignment",
    "byte-array",
    "jwk-private-member",
    "key-material",
    "query-parameter",
    "quoted-assignment",
    "secret-word-then-token",
    "xml-password",
}
"""Rules with a trigger whose value may be longer than anybody would look for."""


@pytest.mark.parametrize(
    "text",
    [
        "sha256:{hex:64}",
        '"sha": "{hex:40}",',
        "commit {hex:40}",
        '"integrity": "sha512-{base64:86}=="',
        "go.uber.org/zap v1.2.3 h1:{base64:43}=",
        '{{"id": "{uuid}"}}',
        "ETag: {hex:32}",
        "0x{hex:40}",
        '"prompt_tokens": 5658, "total_tokens": 98781',
        "the {hex:64} of the page",
        "index {hex:40}..{hex:7} 100644",
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{base64:300} user@host",
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_digests_and_ids_are_not_secrets(detector: LeakDetector, text: str, seed: int) -> None:
    assert _found(detector, expand(text, seed)) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer $TOKEN",
        "Authorization: Bearer [REDACTED]",
        "api_key=YOUR_API_KEY",
        "password: changeme",
        "password: ${PASSWORD}",
        'token = "<your token>"',
        "ghp_" + "x" * 36,
        "AKIA" + "IOSFODNN7" + "EXAMPLE",
        "secret: {{ secrets.DEPLOY }}",
        "password = os.environ['PASSWORD']",
        "def login(self, user='', password=''):",
    ],
)
def test_placeholders_are_not_secrets(detector: LeakDetector, text: str) -> None:
    assert _found(detector, text) == set()
