"""A grant admits exactly what it says."""

import pytest

from holdfast.contracts import HttpGrant
from holdfast.sandbox.egress import PUBLIC, admits, canonical

GRANT = HttpGrant(
    scheme="https", host="api.example.com", port=443, methods=frozenset({"GET", "POST"}), path="/v1/messages"
)


def grant(**changed: object) -> HttpGrant:
    fields = {"scheme": "https", "host": "api.example.com", "port": 443, "methods": frozenset({"GET"}), "path": "/"}
    return HttpGrant(**{**fields, **changed})


@pytest.mark.parametrize(
    ("url", "admitted"),
    [
        ("https://api.example.com/v1/messages", True),
        ("https://api.example.com/v1/messages?x=1", True),
        ("https://api.example.com/v1/messages/7", True),
        ("https://api.example.com/v1/%6dessages/7", True),
        ("https://api.example.com/v1/x/../messages", True),
        ("https://api.example.com/v1/messagesX", False),
        ("https://api.example.com/v1/messages/../admin", False),
        ("https://api.example.com/v1/messages/%2e%2e/admin", False),
        ("https://api.example.com/V1/messages", False),
        ("https://api.example.com/v1/message", False),
        ("https://api.example.com/", False),
        ("https://api.example.com:8443/v1/messages", False),
        ("http://api.example.com/v1/messages", False),
        ("http://api.example.com:443/v1/messages", False),
        ("https://example.com/v1/messages", False),
        ("https://x.api.example.com/v1/messages", False),
        ("https://api.example.com.evil.test/v1/messages", False),
        ("https://evil-api.example.com/v1/messages", False),
    ],
)
def test_scheme_host_port_and_whole_path_segments_count(url: str, *, admitted: bool) -> None:
    assert admits(GRANT, canonical(url), "GET") is admitted


def test_a_method_that_is_not_named_is_not_admitted() -> None:
    assert admits(GRANT, canonical("https://api.example.com/v1/messages"), "POST")
    assert not admits(GRANT, canonical("https://api.example.com/v1/messages"), "DELETE")


def test_a_path_with_a_slash_at_its_end_admits_only_what_is_beneath() -> None:
    repos = grant(path="/repos/")

    assert admits(repos, canonical("https://api.example.com/repos/x"), "GET")
    assert admits(repos, canonical("https://api.example.com/repos/"), "GET")
    assert not admits(repos, canonical("https://api.example.com/repos"), "GET")
    assert not admits(repos, canonical("https://api.example.com/reposx"), "GET")


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("a.example.com", True),
        ("a.b.example.com", True),
        ("example.com", False),
        ("aexample.com", False),
        ("a.example.com.evil.test", False),
    ],
)
def test_a_suffix_takes_at_least_one_more_label(host: str, *, admitted: bool) -> None:
    assert admits(grant(host="*.Example.com"), canonical(f"https://{host}/"), "GET") is admitted


def test_a_suffix_never_takes_an_address() -> None:
    assert not admits(grant(host="*.2.3.4"), canonical("https://1.2.3.4/"), "GET")


def test_an_address_is_granted_as_an_address() -> None:
    assert admits(grant(host="[2606:4700::1]"), canonical("https://[2606:4700:0::1]/"), "GET")


@pytest.mark.parametrize(
    ("method", "url", "admitted"),
    [
        ("GET", "https://anything.example/x", True),
        ("GET", "https://1.1.1.1/", True),
        ("HEAD", "https://anything.example/x", False),
        ("POST", "https://anything.example/x", False),
        ("GET", "http://anything.example/x", False),
        ("GET", "https://anything.example:8443/x", False),
        ("GET", "https://localhost/", False),
        ("GET", "https://intranet/", False),
    ],
)
def test_the_public_grant_is_get_over_https_on_its_own_port(method: str, url: str, *, admitted: bool) -> None:
    assert admits(PUBLIC, canonical(url), method) is admitted
