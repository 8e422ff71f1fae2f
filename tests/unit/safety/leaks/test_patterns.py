"""Every shipped rule finds its examples and leaves its near misses, with hyperscan and without."""

import re._parser as sre
from dataclasses import replace

import pytest

from holdfast.contracts import Action, Where
from holdfast.safety import checksums
from holdfast.safety.leaks import Checksum, LeakDetector, LeakRule, Tier, checks, load_rules
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.redaction import redact

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
        "password = os.environ" + "['PASSWORD']",
        "def login(self, user='', password=''):",
    ],
)
def test_placeholders_are_not_secrets(detector: LeakDetector, text: str) -> None:
    assert _found(detector, text) == set()


def test_digests_ids_and_pictures_are_refused_nowhere(detector: LeakDetector) -> None:
    """Whatever stands around them: a false alarm may cost a mark in output, never a call."""
    drawn = ("{hex:32}", "{hex:40}", "{hex:64}", "{HEX:64}", "{hex:96}", "{hex:128}", "{uuid}", "sha512-{base64:86}==")
    drawn += ("h1:{base64:43}=", "data:image/png;base64,iVBORw0KGgo{base64:400}", "sha256:{hex:64}")
    around = (
        "{}",
        "commit {}",
        "index {} 100644",
        '"id": "{}",',
        "etag={}",
        "https://host/{}.png",
        "key={}",
        "{} *file",
    )
    around += ("x {} y", "trace {}: done", '<img src="{}">', "- {}\n", "integrity={}", '"version": "{}"')

    refused = [
        (template, frame)
        for template in drawn
        for frame in around
        for seed in SEEDS
        for found in detector.scan([frame.replace("{}", expand(template, seed))], Where.ARGUMENTS)
        if found.action is Action.DENY
    ]

    assert refused == []


@pytest.mark.parametrize("text", ["pk_live_{base62:24}", 'key = "sb_publishable_{base62:31}"', "phc_{base62:43}"])
def test_what_is_public_by_design_is_no_token_of_somebody_unknown(detector: LeakDetector, text: str) -> None:
    assert {found.action for found in detector.scan([expand(text)], Where.ARGUMENTS)} == {Action.ANNOTATE}


def test_a_note_takes_nothing_out(rules: tuple[LeakRule, ...]) -> None:
    for rule in rules:
        alone = LeakDetector.build_without_database([rule])
        for template in rule.examples if rule.tier is Tier.NOTE else ():
            text = expand(template)
            assert redact([text], alone.scan([text], Where.OUTPUT)) == (text,)
            assert [found.action for found in alone.scan([text], Where.ARGUMENTS)] == [Action.ANNOTATE]


def test_what_tier_a_rule_has_decides_what_is_done() -> None:
    (rule,) = load_rules({"a.toml": ACME})
    actions = {
        (tier, where): LeakDetector.build_without_database([replace(rule, tier=tier)])
        .scan([f"acme_{'5e' * 16}"], where)[0]
        .action
        for tier in Tier
        for where in Where
    }

    assert actions == {
        (Tier.DENY, Where.ARGUMENTS): Action.DENY,
        (Tier.DENY, Where.OUTPUT): Action.REDACT,
        (Tier.REDACT, Where.ARGUMENTS): Action.REDACT,
        (Tier.REDACT, Where.OUTPUT): Action.REDACT,
        (Tier.NOTE, Where.ARGUMENTS): Action.ANNOTATE,
        (Tier.NOTE, Where.OUTPUT): Action.ANNOTATE,
    }


ACME = """
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


@pytest.mark.parametrize(
    "name",
    [
        "maxmind_license_key",
        "pagerduty_token",
        "cachet_api_token",
        "shared_secret",
        "KEY_VAULT_SECRET",
        "admin_password",
    ],
)
def test_a_name_is_read_in_words(detector: LeakDetector, name: str) -> None:
    """`maxmind` is no maximum, `shared` no digest."""
    assert _found(detector, expand(name + ' = "{base62:30}7x"'))


@pytest.mark.parametrize(
    "name",
    [
        "max_token_bytes",
        "next_page_token",
        "cacheKey",
        "secret_sha256",
        "csrfToken",
        "public_key",
        "password_hash",
        "pageToken",
    ],
)
def test_a_name_that_only_sounds_secret_is_read_as_what_it_is(detector: LeakDetector, name: str) -> None:
    assert _found(detector, expand(name + ' = "{base62:30}7x"')) == set()


def test_a_query_string_and_words_are_no_bare_literal() -> None:
    before = "db-password="

    assert not checks.is_bare_literal("x9Kq2LmPz1&domain=host", before)
    assert not checks.is_bare_literal("x9Kq2LmPz1 --host=db", before)
    assert checks.is_bare_literal("x9Kq2LmPz1", before)


def test_a_long_number_given_to_a_token_is_one_and_a_short_one_a_count() -> None:
    assert checks.is_bare_literal("7469117297657461", "APPLICATION_KEY=")
    assert not checks.is_bare_literal("74691172", "token_limit=")


@pytest.mark.parametrize(
    "text",
    [
        '"LABEL_PASSWORD": "Wachtwoord",',
        '"SHOW_PASSWORD_ADVICE": "VIS_KODEORD"',
        '"password": "\u043f\u0430\u0440\u043e\u043b\u044c"',
        '"minipass": "^7.1.3",',
        "Popen(pass_fds=pass_fds, cwd=cwd)",
        "keywords = ['in', 'match', 'pass', 'return', 'str']",
        "backend.load_key_and_certificates_from_pkcs12(data",
        'author = "j.doe7@mail.internal",',
        "jdbc.password=" + "\n" + "jdbc.url=",
        "const X509_PUBKEY *key);\nX509_PUBKEY *next(void);",
        "private_key: ed25519.Ed25519PrivateKey, fill: bool",
        "self._auth = _sdk_client.AsyncX509WorkloadIdentityAuth(",
    ],
)
def test_labels_versions_and_code_around_a_secret_word_are_not_secrets(detector: LeakDetector, text: str) -> None:
    assert _found(detector, text) == set()


@pytest.mark.parametrize(
    "text",
    [
        "acme_live_{base62:32}",
        "zorbly-pat-{base36:40}",
        "the access token is {base62:32}7x",
        "DEPLOY_PAT={base62:36}7x",
        "zorbly KEY {base62:10}7x",
        "https://hooks.zorbly.internal/v1/{base62:32}7x",
        "eventlog LOGIN={hex:40}",
    ],
)
def test_a_token_of_an_issuer_nobody_told_of_is_found_by_how_it_stands_there(detector: LeakDetector, text: str) -> None:
    assert all(_found(detector, expand(text, seed)) for seed in SEEDS)


def test_the_example_of_a_form_with_a_checksum_has_it_and_one_letter_more_or_less_breaks_it(
    rules: tuple[LeakRule, ...],
) -> None:
    for rule in rules:
        alone = LeakDetector.build_without_database([rule])
        for text in map(expand, rule.examples if rule.checksum and rule.tier is Tier.DENY else ()):
            (found,) = alone.scan([text], Where.ARGUMENTS)
            assert found.action is Action.DENY, rule.id
            broken = _other_letter(
                text, found.start + (8 if rule.checksum in AT_THE_HEAD else found.end - found.start - 3)
            )
            assert {each.action for each in alone.scan([broken], Where.ARGUMENTS)} <= {Action.REDACT}, rule.id


AT_THE_HEAD = (Checksum.JWT_HEADER, Checksum.SNOWFLAKE)


def _other_letter(text: str, at: int) -> str:
    """*text* with the letter at *at* exchanged for one of every alphabet that has it."""
    return text[:at] + ("3" if text[at] == "2" else "2") + text[at + 1 :]


@pytest.mark.parametrize(
    ("prefix", "body", "written"),
    [
        ("bc", bytes.fromhex("00" + "14" * 4), None),
        ("a", b"", "a12uel5l"),
    ],
)
def test_bech32_is_that_of_its_standard(prefix: str, body: bytes, written: str | None) -> None:
    made = checksums.bech32(prefix, body)

    assert written in (None, made)
    assert checksums.holds_bech32(made)
    assert not checksums.holds_bech32(made[:-1] + ("q" if made[-1] != "q" else "p"))


def test_base58check_is_that_of_its_standard() -> None:
    """The address of twenty zero bytes is known to everybody."""
    assert checksums.base58check(bytes(21)) == "1111111111111111111114oLvT2"
    assert checksums.holds_base58check(checksums.base58check(b"\x04\x88" + bytes(range(40))))
    assert not checksums.holds_base58check("4oLvT2")
