"""For any bytes as URL or redirect, the broker refuses in words of ours, or sends what every parser reads as judged."""

import ipaddress
import sys
from urllib.parse import unquote, urlsplit

import httpcore2

from holdfast.contracts import HttpGrant, Refusal
from holdfast.contracts.urls import redirected
from holdfast.sandbox.egress import PUBLIC, Target, admits, canonical

_START = canonical("https://api.example.com/v1/messages")
_NARROW = HttpGrant(scheme="https", host="api.example.com", port=443, methods=frozenset({"GET"}), path="/v1/messages")


def check(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for read in (canonical, lambda location: redirected(_START, location)):
        try:
            target = read(text)
        except Refusal as refusal:
            _ours(refusal)
            continue
        _one_reading(target)
        _narrow(target)


def _ours(refusal: Refusal) -> None:
    assert refusal.reason.code == "egress/url"
    assert refusal.reason.message.isascii()


def _one_reading(target: Target) -> None:
    assert canonical(target.url) == target
    assert target.url.isascii()
    assert target.url.isprintable()
    assert " " not in target.url
    parts = urlsplit(target.url)
    assert (parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[target.scheme]) == target.origin
    assert parts.username is None
    assert parts.password is None
    assert httpcore2.URL(target.url).host.decode().strip("[]") == target.host
    try:
        address = ipaddress.ip_address(target.host)
    except ValueError:
        assert not target.host.rpartition(".")[2].isdecimal()
    else:
        assert str(address) == target.host


def _narrow(target: Target) -> None:
    segments = target.path.split("/")
    assert not {".", ".."} & {
        unquote(segment).partition(";")[0] for segment in segments if ";" in segment or "%" in segment
    }
    assert not {".", ".."} & set(segments)
    if admits(_NARROW, target, "GET"):
        assert target.host == "api.example.com"
        assert target.path == "/v1/messages" or target.path.startswith("/v1/messages/")
    assert not admits(PUBLIC, target, "POST")


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
