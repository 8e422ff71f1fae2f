"""A caller sets neither where a message ends nor who it pretends to be."""

import pytest

from holdfast.contracts import Refusal
from holdfast.sandbox.egress.headers import checked_headers, checked_method, for_another_origin, without_body


@pytest.mark.parametrize(
    "name",
    [
        *(
            "Host",
            "host",
            "Content-Length",
            "TRANSFER-ENCODING",
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
        ),
        *("Cookie", "Cookie2", "Expect", "Proxy-Authorization", "proxy-connection", "X-HTTP-Method-Override"),
    ],
)
def test_a_header_of_ours_is_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked_headers(((name, "x"),), most_bytes=1000)

    assert refused.value.reason.code == "egress/header"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x", "a\r\nHost: evil"),
        ("x", "a\nb"),
        ("x", "a\rb"),
        ("x", "a\0b"),
        ("x", "ä"),
        ("x", "\x7f"),
        ("", "v"),
        ("x y", "v"),
        ("x:", "v"),
        ("x\r\nHost", "v"),
        ("ä", "v"),
        (" host", "v"),
    ],
)
def test_a_header_that_could_become_two_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked_headers(((name, value),), most_bytes=1000)

    assert "evil" not in refused.value.reason.message


def test_headers_are_limited_together() -> None:
    with pytest.raises(Refusal):
        checked_headers((("a", "x" * 50), ("b", "x" * 50)), most_bytes=100)


def test_names_come_out_in_lower_case_and_accept_encoding_is_ours() -> None:
    headers = (("Authorization", " Bearer x "), ("Accept-Encoding", "br"))

    assert checked_headers(headers, most_bytes=1000) == (("authorization", "Bearer x"),)


def test_only_innocent_headers_go_to_another_origin() -> None:
    headers = (
        ("authorization", "x"),
        ("x-api-key", "x"),
        ("accept", "text/html"),
        ("referer", "x"),
        ("range", "bytes=0-"),
    )

    assert for_another_origin(headers) == (("accept", "text/html"), ("range", "bytes=0-"))


def test_a_request_that_lost_its_body_loses_what_described_it() -> None:
    assert without_body((("content-type", "a/b"), ("accept", "x"))) == (("accept", "x"),)


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "connect", "GET /", "GE\r\nT", "", "G" * 30, "ÄÖ"])
def test_a_method_that_is_none_or_a_tunnel_is_refused(method: str) -> None:
    with pytest.raises(Refusal):
        checked_method(method)


def test_a_method_is_written_in_capitals() -> None:
    assert checked_method("get") == "GET"
