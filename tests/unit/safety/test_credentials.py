"""detect-secrets as a second opinion: candidate lines only, judged again, bounded; and arguments with secret names."""

import threading

import pytest
from detect_secrets.settings import get_settings

from holdfast.contracts import Action, Where
from holdfast.contracts.json_values import strings
from holdfast.safety.credentials import TOO_LARGE, CredentialDetector
from holdfast.safety.leaks.specimens import expand

SECRET = expand("{base62:16}7xK3")


@pytest.fixture(scope="module")
def detector() -> CredentialDetector:
    return CredentialDetector()


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("AWS_KEY=AKIA{base32:16}", "aws"),
        ("token {jwt}", "json-web-token"),
        ("glpat-{base62:20}", "gitlab"),
        ("https://app:{base62:14}@db.internal/x", "basic-auth"),
        ('db_password = "{base62:14}"', "keyword"),
        ("db_password: {base62:14}", "keyword"),
        ("npm //registry.npmjs.org/:_authToken=npm_{base62:36}", "npm"),
        ("xoxb-{digits:12}-{digits:12}-{base62:24}", "slack"),
    ],
)
def test_a_credential_is_found_where_it_stands(detector: CredentialDetector, template: str, rule: str) -> None:
    text = f"first\nzweite Zeile é\n{expand(template)}\nlast"

    found = detector.scan(["nothing", text], Where.OUTPUT)

    assert f"credentials/{rule}" in {each.rule for each in found}
    assert all(each.part == 1 and text[each.start : each.end] in text.split("\n")[2] for each in found)
    assert all(each.action is Action.REDACT for each in found)


@pytest.mark.parametrize(
    "line",
    [
        "password = get_password()",
        'password = "changeme"',
        "token: ${TOKEN}",
        "https://user:$PASSWORD@host/",
        'secret = "secret"',
        "self.password = password",
        "the password is stored in the vault",
        expand("sha256:{hex:64}"),
        'api_key: "<your key>"',
        "next_page_token = 'abc123def456'",
    ],
)
def test_what_a_plugin_says_is_judged_again(detector: CredentialDetector, line: str) -> None:
    assert detector.scan([line], Where.OUTPUT) == ()


def test_tokens_in_arguments_are_denied_and_names_only_redact(detector: CredentialDetector) -> None:
    found = detector.scan([expand("AKIA{base32:16}"), f'db_password = "{SECRET}"'], Where.ARGUMENTS)

    assert {(each.part, each.action) for each in found} == {(0, Action.DENY), (1, Action.REDACT)}


def test_what_was_not_read_is_said() -> None:
    small = CredentialDetector(cap=100)
    lines = f'password = "{SECRET}"\n' * 9

    found = small.scan([lines, lines], Where.OUTPUT)

    unread = [each for each in found if each.rule == TOO_LARGE]
    assert [each.action for each in unread] == [Action.ANNOTATE, Action.ANNOTATE]
    assert [(each.part, each.end) for each in unread] == [(0, len(lines)), (1, len(lines))]
    assert unread[1].start == 0
    assert max(each.end for each in found if each.rule != TOO_LARGE) <= unread[0].start


def test_a_minified_file_is_read_in_stretches(detector: CredentialDetector) -> None:
    text = "var a=1;" * 5000 + f'password="{SECRET}";' + "var b=2;" * 5000

    found = detector.scan([text], Where.OUTPUT)

    assert [text[each.start : each.end] for each in found] == [SECRET]


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"password": SECRET}, SECRET),
        ({"apiKey": SECRET}, SECRET),
        ({"headers": {"Authorization": f"Bearer {SECRET}"}}, f"Bearer {SECRET}"),
        ({"headers": {"X-Api-Key": SECRET}}, SECRET),
        ({"headers": [{"name": "authorization", "value": SECRET}]}, SECRET),
        ({"body": {"client_secret": [SECRET]}}, SECRET),
        ({"clientSecret": SECRET, "x": 1}, SECRET),
    ],
)
def test_a_value_under_a_secret_name_is_a_credential(detector: CredentialDetector, arguments, value: str) -> None:
    every = list(strings(arguments))

    found = detector.scan_arguments(arguments, Where.ARGUMENTS)

    assert [every[each.part][each.start : each.end] for each in found] == [value]
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "arguments",
    [
        {"author": "Ada Lovelace", "key": "settings.theme"},
        {"password": ""},
        {"password": "${DB_PASSWORD}"},
        {"token": "<token>"},
        {"page_token": SECRET},
        {"max_tokens": "4096"},
        {"auth": "basic"},
        {"token": "the token that the lexer returns"},
        {"name": "x", "value": SECRET},
        {"public_key": SECRET},
    ],
)
def test_other_names_are_left_alone(detector: CredentialDetector, arguments) -> None:
    assert detector.scan_arguments(arguments, Where.ARGUMENTS) == ()


def test_arguments_count_parts_with_their_keys(detector: CredentialDetector) -> None:
    arguments = {"a": "x", "b": {"c": f"https://app:{SECRET}@db.internal/"}, "password": SECRET}

    found = detector.scan_arguments(arguments, Where.ARGUMENTS)

    assert [each.part for each in found] == [4, 6]


def test_no_process_wide_setting_is_touched(detector: CredentialDetector) -> None:
    before = get_settings().json()

    detector.scan([f'password = "{SECRET}"'], Where.OUTPUT)

    assert get_settings().json() == before


def test_threads_scan_at_once(detector: CredentialDetector) -> None:
    text = f'x\npassword = "{SECRET}"\n' * 20
    once = detector.scan([text], Where.OUTPUT)
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(detector.scan([text], Where.OUTPUT))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [once] * 4
