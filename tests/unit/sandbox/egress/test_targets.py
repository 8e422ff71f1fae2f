"""A URL has one reading, and that reading is what is sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Refusal
from holdfast.contracts.urls import Target, canonical, redirected


def code_of(url: str) -> str:
    with pytest.raises(Refusal) as refused:
        canonical(url)
    assert not url or url not in str(refused.value.reason)
    return refused.value.reason.code


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://EXAMPLE.com:443/a", "https://example.com/a"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com/a/../b/./c", "https://example.com/b/c"),
        ("https://example.com/../../b", "https://example.com/b"),
        ("https://example.com/a/b/..", "https://example.com/a/"),
        ("https://example.com/a/%2e%2E/b", "https://example.com/b"),
        ("https://example.com/%41%7e", "https://example.com/A~"),
        ("https://example.com/%e2%82%ac", "https://example.com/%E2%82%AC"),
        ("https://example.com/€ x", "https://example.com/%E2%82%AC%20x"),
        ("https://example.com/?q=a b&c=%2f", "https://example.com/?q=a%20b&c=%2F"),
        ("https://example.com/?", "https://example.com/?"),
        ("https://example.com/a#b?c", "https://example.com/a"),
        ("https://example.com?q#f", "https://example.com/?q"),
        ("https://[2606:4700:0:0::1111]/", "https://[2606:4700::1111]/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_a_url_is_written_in_one_form(url: str, sent: str) -> None:
    assert canonical(url).url == sent


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "https:/example.com/",
        "https:example.com",
        "https://",
        "https:///path",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript://example.com/%0aalert(1)",
        " https://example.com/",
        "https://example.com/ ",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://example.com@evil.test/",
        "https://example.com\\@evil.test/",
        "https://example.com\\.evil.test/",
        "https://exam\tple.com/",
        "https://example.com/a\r\nHost: evil",
        "https://example.com/\x00",
        "https://example.com/\x7f",
        "https://example.com/\ud800",
        "https://example.com.",
        "https://example..com/",
        "https://-example.com/",
        "https://exa mple.com/",
        "https://ex%61mple.com/",
        "https://exämple.com/",
        "https://example。com/",
        "https://example.com:/",
        "https://example.com:0/",
        "https://example.com:00443/",
        "https://example.com:65536/",
        "https://example.com:+443/",
        "https://example.com:443:443/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[v1.x]/",
        "https://example.com/a%2fb",
        "https://example.com/a%5Cb",
        "https://example.com/a%00",
        "https://example.com/%0d%0a",
        "https://example.com/%",
        "https://example.com/%zz",
        "https://example.com/?%2",
        "https://example.com/..;/admin",
        "https://example.com/a/..;x=y/admin",
        "https://example.com/%252e%252e/admin",
        "https://example.com/a%255cb",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 130 + "com/",
        "https://example.com/" + "a" * 9000,
        "https://example.com/" + "€" * 2000,
    ],
)
def test_a_url_that_can_be_read_in_two_ways_is_refused(url: str) -> None:
    assert code_of(url) == "egress/url"


@pytest.mark.parametrize(
    "host",
    [
        *("2130706433", "017700000001", "0x7f000001", "0x7f.1", "127.1", "127.0.1", "0177.0.0.1", "127.0.0.01"),
        *("0", "1.2.3", "1.2.3.4.5", "256.1.1.1", "127.0.0.1.", "0x", "1.2.3.0x4", "foo.0x7f", "foo.1"),
    ],
)
def test_a_number_that_is_no_plain_address_is_no_host(host: str) -> None:
    assert code_of(f"https://{host}/") == "egress/url"


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "https://example.com/b"),
        ("b", "https://example.com/x/b"),
        ("../b", "https://example.com/b"),
        ("?q", "https://example.com/x/y?q"),
        ("//other.test/z", "https://other.test/z"),
        ("http://other.test/", "http://other.test/"),
        ("HTTPS://OTHER.test/", "https://other.test/"),
        ("#frag", "https://example.com/x/y"),
    ],
)
def test_a_redirect_is_resolved_against_where_it_came_from(location: str, leads_to: str) -> None:
    assert redirected(canonical("https://example.com/x/y"), location).url == leads_to


@pytest.mark.parametrize(
    "location",
    [
        "https://user:x@other.test/",
        "\\\\other.test/",
        "/\\other.test",
        "gopher://x/",
        "ht\ttps://x.test/",
        "//[::1",
        "a\nb",
    ],
)
def test_a_redirect_that_can_be_read_in_two_ways_is_refused(location: str) -> None:
    with pytest.raises(Refusal):
        redirected(canonical("https://example.com/x/y"), location)


@given(st.text(max_size=60))
def test_the_written_form_reads_as_itself(rest: str) -> None:
    try:
        target = canonical(f"https://example.com/{rest}")
    except Refusal:
        return

    assert canonical(target.url) == target
    assert target.host == "example.com"
    assert not {".", ".."} & set(target.path.split("/"))


@given(st.text(alphabet="abAB01.-_:@[]%/\\?#x", max_size=25))
def test_whatever_stands_for_the_host_is_plain_or_refused(authority: str) -> None:
    try:
        target = canonical(f"https://{authority}/")
    except Refusal:
        return

    assert isinstance(target, Target)
    assert target.address is not None or set(target.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_")
    assert canonical(target.url) == target
