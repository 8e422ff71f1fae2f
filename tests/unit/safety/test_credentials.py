"""detect-secrets as a second opinion on candidate lines, judged again and bounded; requests taken apart by names."""

import base64
import json
import threading
from urllib.parse import quote

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
        ("npm //registry.npmjs.org/:_auth{token}=npm_{base62:36}".replace("{token}", "Token"), "npm"),
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


CODED = base64.b64encode(f"ada:{SECRET}".encode()).decode()
ODD = "pä%ss " + SECRET


@pytest.mark.parametrize(
    ("arguments", "covered"),
    [
        ({"headers": f"Accept: */*\r\nAuthorization: Bearer {SECRET}\r\nHost: x"}, f"Bearer {SECRET}"),
        ({"headers": [["Accept", "*/*"], ["X-Api-Key", SECRET]]}, SECRET),
        ({"headers": ["Accept: */*", f"X-Auth-Token: {SECRET}"]}, SECRET),
        ({"headers": {"Authorization": f"Basic {CODED}"}}, f"Basic {CODED}"),
        ({"headers": {"Cookie": f"session={SECRET}"}}, f"session={SECRET}"),
        ({"url": f"https://api.example.net/v1?a=b&access_token={SECRET}&c=d"}, SECRET),
        ({"url": f"https://api.example.net/cb#access_token={SECRET}"}, SECRET),
        ({"url": f"https://ada:{quote(ODD)}@db.example.net/"}, quote(ODD)),
        ({"url": f"https://x.example.net/?p%61ssword={SECRET}"}, SECRET),
        ({"body": json.dumps({"user": {"name": "ada", "access_token": SECRET}})}, SECRET),
        ({"body": f"user=ada&client_secret={SECRET}"}, SECRET),
        ({"body": f'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{SECRET}\r\n--b--'}, SECRET),
        ({"argv": ["curl", "-H", f"Authorization: Bearer {SECRET}", "https://x"]}, f"Bearer {SECRET}"),
        ({"argv": ["curl", "-u", f"ada:{SECRET}", "https://x"]}, SECRET),
        ({"argv": ["tool", "--password", SECRET]}, SECRET),
        ({"argv": ["tool", f"--api-key={SECRET}"]}, SECRET),
        ({"argv": ["mysql", f"-p{SECRET}", "db"]}, SECRET),
        ({"argv": ["env", f"GITHUB_TOKEN={SECRET}", "gh"]}, SECRET),
        ({"script": f"FOO_TOKEN='{SECRET}' curl https://x"}, SECRET),
        ({"script": f"curl -u 'ada:{SECRET}' https://x"}, SECRET),
    ],
)
def test_a_request_is_taken_apart_whatever_its_form(detector: CredentialDetector, arguments, covered: str) -> None:
    every = list(strings(arguments))

    found = detector.scan_arguments(arguments, Where.ARGUMENTS)

    assert covered in [every[each.part][each.start : each.end] for each in found]
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    "arguments",
    [
        {"headers": "Accept: */*\r\nAuthorization: Bearer ${TOKEN}"},
        {"headers": [["Cache-Key", "page-1"], ["Accept", "*/*"]]},
        {"headers": {"Authorization": "Basic " + base64.b64encode(b"user:password").decode()}},
        {"url": "https://x.example.net/?token=example&page_token=abc123def456&key=name"},
        {"url": "https://ada:<password>@db.example.net/"},
        {"body": json.dumps({"password": None, "tokens": 12, "max_tokens": "4096"})},
        {"body": "user=ada&password="},
        {"argv": ["grep", "-p", "password", "notes.txt"]},
        {"argv": ["ls", "-u", "--token-file", "/run/token", f"-p{SECRET}"]},
        {"argv": ["tool", "--password", "--verbose"]},
        {"script": 'FOO_TOKEN=$OTHER curl -u "$USER:$PASSWORD" https://x'},
        {"text": "Token: the word that a lexer hands on"},
    ],
)
def test_what_only_resembles_a_credential_in_a_request_is_left(detector: CredentialDetector, arguments) -> None:
    assert detector.scan_arguments(arguments, Where.ARGUMENTS) == ()


def test_a_request_of_nothing_but_beginnings_holds_nothing(detector: CredentialDetector) -> None:
    for piece in ("a=", "token=&", "://a:", '{"a":', "-H ", "Name: ", 'name="a"\r\n', "'", "--p "):
        assert detector.scan_arguments({"headers": piece * 4000, "script": piece * 4000}, Where.OUTPUT) == ()


def test_a_token_under_a_secret_name_is_refused_as_a_token(detector: CredentialDetector) -> None:
    found = detector.scan_arguments({"token": expand("glpat-{base62:20}")}, Where.ARGUMENTS)

    assert {each.action for each in found} == {Action.REDACT, Action.DENY}


def test_no_process_wide_setting_is_touched(detector: CredentialDetector) -> None:
    before = get_settings().json()

    detector.scan([f'password = "{SECRET}"'], Where.OUTPUT)

    assert get_settings().json() == before


def test_threads_scan_at_once(detector: CredentialDetector) -> None:
    text = f'x\npassword = "{SECRET}"\n' * 20
    once = detector.scan([text], Where.OUTPUT)
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(detector.scan([text], Where.OUTPUT))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [once] * 8
