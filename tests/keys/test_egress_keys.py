"""`[[egress]]`: each key of a row decides what `http_fetch` reaches. One listener a row, all on loopback."""

from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.config import load_settings

from .served import talk_of_serve
from .world import World, code, listening, opened, said

pytestmark = pytest.mark.anyio

LOOPBACK = '"127.0.0.0/8"'
ROW = {
    "host": '"127.0.0.1"',
    "scheme": '"http"',
    "methods": '["GET"]',
    "path": '"/"',
    "unsafe_allow_network": LOOPBACK,
}
ROWS = {
    "whole": {},
    "other host": {"host": '"localhost"'},
    "other scheme": {"scheme": '"https"'},
    "posts": {"methods": '["GET", "POST"]'},
    "below a": {"path": '"/a"'},
    "no network": {"unsafe_allow_network": None},
    "other network": {"unsafe_allow_network": '"10.0.0.0/8"'},
}
"""What each row has different from the first."""


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[World, dict[str, int]]]:
    text = '[policy]\nprofile = "autonomous"\n'
    ports: dict[str, int] = {}
    with ExitStack() as servers:
        for name in (*ROWS, "no row"):
            ports[name] = servers.enter_context(listening()).port
        for name, different in ROWS.items():
            row = {key: value for key, value in (ROW | different).items() if value is not None}
            text += "[[egress]]\n" + "".join(f"{key} = {value}\n" for key, value in row.items())
            text += f"port = {ports[name]}\n"
        async with opened(tmp_path_factory.mktemp("egress"), text) as house:
            yield house, ports


async def fetched(
    world: tuple[World, dict[str, int]], row: str, path: str = "/", *, host: str = "127.0.0.1", method: str = "GET"
) -> str:
    """What came of a fetch from the listener of *row*."""
    house, ports = world
    result = await house.call("http_fetch", {"url": f"http://{host}:{ports[row]}{path}", "method": method})
    return "reached" if "hello" in said(result) else code(result)


async def test_the_host_of_a_row_is_what_is_reached(world) -> None:
    assert await fetched(world, "whole") == "reached"
    assert await fetched(world, "other host") == "egress/scheme"
    assert await fetched(world, "other host", host="localhost") == "reached"
    assert await fetched(world, "whole", host="localhost") == "egress/scheme"


async def test_the_scheme_of_a_row_is_the_one_that_may_be_spoken(world) -> None:
    assert await fetched(world, "whole") == "reached"
    assert await fetched(world, "other scheme") == "egress/scheme"


async def test_the_port_of_a_row_is_the_one_that_is_dialled(world) -> None:
    assert await fetched(world, "whole") == "reached"
    assert await fetched(world, "no row") == "egress/scheme"


async def test_the_methods_of_a_row_are_the_ones_that_may_be_used(world) -> None:
    assert await fetched(world, "posts", method="POST") == "reached"
    assert await fetched(world, "whole", method="POST") == "egress/scheme"


async def test_the_path_of_a_row_is_matched_by_whole_segments(world) -> None:
    paths = ("/a", "/a/b", "/ab", "/", "/a/../b")

    below = [await fetched(world, "below a", path) for path in paths]
    whole = [await fetched(world, "whole", path) for path in paths]

    assert below == ["reached", "reached", "egress/scheme", "egress/scheme", "egress/scheme"]
    assert whole == ["reached"] * 5


async def test_only_the_row_that_opens_a_network_reaches_into_it(world) -> None:
    """The other rows stand beside one that opens this very network."""
    assert await fetched(world, "whole") == "reached"
    assert await fetched(world, "no network") == "egress/address-not-public"
    assert await fetched(world, "other network") == "egress/address-not-public"


def test_a_network_that_is_opened_is_loud_at_the_start(tmp_path, monkeypatch, capsys) -> None:
    row = '[[egress]]\nhost = "intranet.example"\nunsafe_allow_network = "10.0.0.0/8"\n'

    loud = talk_of_serve(tmp_path, row, monkeypatch, capsys)
    quiet = talk_of_serve(tmp_path, row.partition("unsafe")[0], monkeypatch, capsys)

    assert "unsafe: `intranet.example` may have addresses in 10.0.0.0/8" in loud
    assert "unsafe" not in quiet


def read(folder, text: str):
    file = folder / "holdfast.toml"
    file.write_text(text)
    return load_settings(file)


def test_without_a_row_every_public_host_may_be_read_and_an_empty_list_closes_it(tmp_path) -> None:
    (default,) = read(tmp_path, "").egress
    assert (default.host, default.methods, default.unsafe_allow_network) == ("*", ("GET", "HEAD"), None)
    assert read(tmp_path, "egress = []").egress == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host", '""'),
        ("host", '"https://a.example"'),
        ("host", '"a.example:443"'),
        ("host", '"*.*"'),
        ("host", '"a*.example"'),
        ("scheme", '"ftp"'),
        ("port", "0"),
        ("port", "65536"),
        ("methods", '["get"]'),
        ("methods", '["CONNECT"]'),
        ("path", '"a"'),
        ("path", '"/a?b"'),
        ("path", '"/a/../b"'),
        ("path", '"/%2e"'),
        ("path", '"/a%2Fb"'),
        ("path", '"/%25"'),
        ("unsafe_allow_network", '"10.0.0.1/8"'),
        ("unsafe_allow_network", '"all"'),
    ],
)
def test_a_row_that_could_never_admit_what_it_says_is_refused(tmp_path, key: str, value: str) -> None:
    row = {"host": '"a.example"', key: value}
    with pytest.raises(OperatorError, match=rf"`egress\.0\.{key}"):
        read(tmp_path, "[[egress]]\n" + "".join(f"{name} = {one}\n" for name, one in row.items()))


def test_a_network_for_every_host_is_refused(tmp_path) -> None:
    with pytest.raises(OperatorError, match="needs a `host` by name"):
        read(tmp_path, f'[[egress]]\nhost = "*"\nunsafe_allow_network = {LOOPBACK}')


@pytest.mark.parametrize("host", ["*", "*.a.example", "a", "A.Example", "127.0.0.1", "::1", "[2001:db8::1]", "a_b.c"])
def test_a_host_that_can_be_matched_is_taken(tmp_path, host: str) -> None:
    assert read(tmp_path, f'[[egress]]\nhost = "{host}"').egress[0].host == host


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a/.b/c..d", "/caf%C3%A9/", "/a;b=1/@x"])
def test_a_path_that_can_be_matched_is_taken(tmp_path, path: str) -> None:
    assert read(tmp_path, f'[[egress]]\nhost = "a"\npath = "{path}"').egress[0].path == path


async def test_the_hosts_of_the_rows_are_where_links_in_output_may_lead(world) -> None:
    house, _ports = world

    inside = said(await house.call("echo", {"text": "![a](http://localhost/a)"}))
    outside = said(await house.call("echo", {"text": "![a](http://other.example/a?b)"}))

    assert "![a](http://localhost/a)" in inside
    assert "![a] (image left out: `other.example/a?...`)" in outside
