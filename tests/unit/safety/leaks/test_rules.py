"""Rules are data: what is wrong with a file is said with file, rule and key, and nothing is guessed."""

import re

import pytest

from holdfast.contracts import OperatorError, Severity
from holdfast.safety.leaks import Checksum, Judge, LeakRule, Tier, load_rules

RULE = """
[[rule]]
id = "acme-token"
issuer = "Acme"
why = "calls the API"
source = "acme.test, keys"
severity = "high"
tier = "deny"
token = 'acme_[0-9a-f]{32}'
keywords = ["acme_"]
width = 37
examples = ["acme_{hex:32}"]
near_misses = ["acme_{hex:8}"]
"""


def test_a_rule_is_read_whole() -> None:
    (rule,) = load_rules({"a.toml": RULE})

    assert (rule.id, rule.issuer, rule.severity, rule.tier) == ("acme-token", "Acme", Severity.HIGH, Tier.DENY)
    assert rule.across
    assert rule.secret == 1
    assert "acme_[0-9a-f]{32}" in rule.pattern


@pytest.mark.parametrize(
    ("find", "replace", "said"),
    [
        ('why = "calls the API"', "", "key `why` must be a text"),
        ('source = "acme.test, keys"', "", "key `source` must be a text"),
        ('severity = "high"', 'severity = "bad"', "key `severity` must be one of low, medium, high, critical"),
        ('tier = "deny"', 'tier = "block"', "key `tier` must be one of deny, redact, note"),
        ("width = 37", "width = 0", "key `width` must be a whole number"),
        ("width = 37", "width = true", "key `width` must be a whole number"),
        ("width = 37", "width = 37\ncolour = 1", "unknown key `colour`"),
        ("width = 37", "width = 37\nsecret = 1", "key `secret` does not go with this form"),
        ("width = 37", "width = 37\nentropy = 9", "key `entropy` must be a number from 0 to 8"),
        ("width = 37", 'width = 37\nchecksum = "md5"', "key `checksum` must be one of"),
        ("width = 37", "width = 37\npattern = 'x'", "exactly one of `pattern`, `token` and `named`"),
        ("width = 37", "width = 37\npeek = { 0 = 'x' }", "key `peek` does not go with this form"),
        ("token = 'acme_[0-9a-f]{32}'", "pattern = 'x'\npeek = { 0 = 'x' }", "key `peek` goes with a `trigger`"),
        ("token = 'acme_[0-9a-f]{32}'", "pattern = 'x'\ntrigger = 'x'\npeek = 1", "key `peek` goes with a `trigger`"),
        ("token = 'acme_[0-9a-f]{32}'", "pattern = 'x'\ntrigger = 'x'\npeek = { 99 = 'x' }", "from 0 to 16"),
        (
            "token = 'acme_[0-9a-f]{32}'",
            "pattern = 'x'\ntrigger = 'x'\npeek = { 0 = '(' }",
            "a pattern that `re` reads",
        ),
        ('keywords = ["acme_"]', 'keywords = ["Acme_"]', "key `keywords` must be lower-case ASCII"),
        ('keywords = ["acme_"]', "keywords = []", "key `keywords` must be a list"),
        ('examples = ["acme_{hex:32}"]', "", "key `examples` must be a list"),
        ("acme_[0-9a-f]{32}", "acme_(", "key `token` is not a pattern that RE2 reads"),
        ("acme_[0-9a-f]{32}", "^acme_", "key `token` may not use `^`"),
        ("acme_[0-9a-f]{32}", "acmé", "key `token` must be ASCII"),
        ("acme_[0-9a-f]{32}", "{{nothing}}", "key `token` uses an unknown piece"),
        ('id = "acme-token"', 'id = "Acme"', "key `id` must be kebab-case"),
    ],
)
def test_a_broken_rule_is_refused_with_file_rule_and_key(find: str, replace: str, said: str) -> None:
    with pytest.raises(OperatorError) as refused:
        load_rules({"acme.toml": RULE.replace(find, replace)})

    assert "`acme.toml`" in refused.value.message
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_an_id_is_defined_once_over_all_files() -> None:
    with pytest.raises(OperatorError, match=r"`b.toml`: rule `acme-token` is already defined in `a.toml`"):
        load_rules({"a.toml": RULE, "b.toml": RULE})


@pytest.mark.parametrize(
    "sources", [{}, {"a.toml": ""}, {"a.toml": "x = 1"}, {"a.toml": "[["}, {"a.toml": "rule = []"}]
)
def test_no_rules_at_all_is_refused(sources: dict[str, str]) -> None:
    with pytest.raises(OperatorError):
        load_rules(sources)


def test_the_shipped_rules_cover_many_issuers(rules: tuple[LeakRule, ...]) -> None:
    assert len(rules) >= 250
    assert len({rule.issuer for rule in rules}) >= 150
    assert {rule.checksum for rule in rules if rule.checksum} == set(Checksum)
    assert {rule.tier for rule in rules} == set(Tier)


def test_every_rule_has_two_examples_two_near_misses_and_the_place_its_form_is_described(
    rules: tuple[LeakRule, ...],
) -> None:
    thin = [
        rule.id
        for rule in rules
        if len(set(rule.examples)) < 2 or len(set(rule.near_misses)) < 2 or set(rule.examples) & set(rule.near_misses)
    ]
    unsourced = [rule.id for rule in rules if not SOURCE.search(rule.source)]

    assert (thin, unsourced) == ([], [])


SOURCE = re.compile(r"[a-z0-9-]+\.[a-z]{2,}|RFC \d{4}|BIP-\d+|\(\d\) manual page|manual, appendix")
"""A site, a standard or a manual."""


def test_a_form_with_a_check_of_its_own_is_checked(rules: tuple[LeakRule, ...]) -> None:
    """Whose format has a checksum or a structure, and what says so in its rule."""
    checks = {rule.id: rule.checksum or rule.judge for rule in rules}

    assert {name: checks[name] for name in CHECKED} == CHECKED


CRC, BASE58 = Checksum.CRC32_BASE62, Checksum.BASE58CHECK
CHECKED = {
    "github-token": CRC,
    "npm-token": CRC,
    "json-web-token": Checksum.JWT_HEADER,
    "json-web-encryption": Checksum.JWT_HEADER,
    "nkey-seed": Checksum.NKEY_CRC16,
    "age-secret-key": Checksum.BECH32,
    "extended-private-key": BASE58,
    "discord-bot-token": Checksum.SNOWFLAKE,
    "private-key": Judge.PEM,
    "authorization-basic": Judge.BASIC,
    "docker-config-auth": Judge.BASIC,
}
