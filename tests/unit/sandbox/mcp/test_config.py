"""An entry that cannot be kept to is refused, with a sentence that says what to do."""

import pytest

from holdfast.contracts import ALL_EFFECTS, OperatorError
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import UpstreamConfig


def test_an_entry_without_effects_has_all_of_them():
    assert UpstreamConfig(name="a", command=("x",)).effects == ALL_EFFECTS


@pytest.mark.parametrize("name", ["", "A", "a_b", "1a", "a" * 32, "a b", "ä", "a\n"])
def test_a_name_that_would_blur_the_prefix_is_refused(name):
    with pytest.raises(OperatorError, match="`name`"):
        UpstreamConfig(name=name, command=("x",))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/mcp",
        "ftp://127.0.0.1/",
        "http://127.0.0.1.evil.com/",
        "https://user:pw@example.com/",
        "https:///x",
        "http://localhost@evil.com/",
        "https://example.com:99999/",
        "https://example.com/#x",
        "http://[::2]/",
    ],
)
def test_a_url_that_is_neither_https_nor_loopback_is_refused(url):
    with pytest.raises(OperatorError, match="`url`"):
        UpstreamConfig(name="a", url=url)


@pytest.mark.parametrize(
    "url", ["https://example.com/mcp", "http://127.0.0.1:3/mcp", "http://[::1]/", "http://localhost/"]
)
def test_https_and_loopback_are_taken(url):
    assert UpstreamConfig(name="a", url=url).url == url


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"command": ("x",), "url": "https://example.com/"},
        {"url": "https://example.com/", "readable": ("/srv",)},
        {"url": "https://example.com/", "env": (("A", "b"),)},
        {"command": ("x",), "readable": ("relative",)},
        {"command": ("x\0y",)},
        {"command": ("x",), "max_in_flight": 0},
    ],
)
def test_what_cannot_be_enforced_is_refused(more):
    with pytest.raises(OperatorError):
        UpstreamConfig(name="a", **more)


def test_a_limit_over_its_ceiling_is_refused():
    from dataclasses import replace

    with pytest.raises(OperatorError, match="`wall_ms`"):
        UpstreamConfig(name="a", command=("x",), limits=replace(UPSTREAM, wall_ms=10**9))
