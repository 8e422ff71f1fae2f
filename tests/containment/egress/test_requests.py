"""What is sent is what was judged, and what comes back stays within its limits and the deadline."""

import asyncio
import gzip

import pytest

from holdfast.contracts import HttpRequest, Refusal, ToolError
from holdfast.sandbox.egress import PUBLIC, EgressLimits

from .conftest import World, allow, reply

pytestmark = pytest.mark.anyio
SMALL = EgressLimits(request_bytes=100, response_bytes=1000, header_bytes=2000)


async def small(world: World, **changed: object):
    request = HttpRequest(**{"method": "GET", "url": "https://api.example.com/", **changed})
    return await world.broker(limits=SMALL).fetch(request, (allow(),), wall_ms=20_000)


async def test_the_canonical_url_is_what_is_sent(world: World) -> None:
    response = await world.get("https://API.example.com:443/a/../%62/%e4?x=%2f#secret")

    assert world.secure.requests[0].startswith(b"GET /b/%E4?x=%2F HTTP/1.1\r\n")
    assert b"\r\nhost: api.example.com\r\n" in world.secure.requests[0].lower()
    assert response.url == "https://api.example.com/b/%E4?x=%2F"


async def test_nothing_of_the_environment_is_sent_or_obeyed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    world.secure.answers["/"] = reply(b"", "Set-Cookie: session=T0P; Path=/")
    broker = world.broker()
    request = HttpRequest(method="GET", url="https://api.example.com/")

    for _ in range(2):
        await broker.fetch(request, (allow(),), wall_ms=20_000)

    assert world.routes.dialled == [("93.184.215.14", 443)] * 2
    assert all(b"cookie" not in one.lower() and b"T0P" not in one for one in world.secure.requests)


@pytest.mark.parametrize(
    ("url", "grant", "code"),
    [
        ("https://api.example.com/v1/messagesX", allow(path="/v1/messages"), "egress/host-not-granted"),
        ("https://api.example.com/v1/messages/%2e%2e/x", allow(path="/v1/messages"), "egress/host-not-granted"),
        ("https://api.example.com/v1/messages/..%2fx", allow(path="/v1/messages"), "egress/url"),
        ("https://api.example.com:8443/", allow(), "egress/host-not-granted"),
        ("http://api.example.com/", allow(), "egress/scheme"),
        ("http://api.example.com/", PUBLIC, "egress/scheme"),
        ("ftp://api.example.com/", allow(), "egress/url"),
    ],
)
async def test_what_no_grant_admits_is_not_even_resolved(world: World, url: str, grant, code: str) -> None:
    reason = await world.refusal(url, grant)

    assert reason.code == code
    assert world.looked_up == []


async def test_without_grants_nothing_goes_out(world: World) -> None:
    with pytest.raises(Refusal):
        await world.broker().fetch(HttpRequest(method="GET", url="https://api.example.com/"), (), wall_ms=20_000)

    assert world.looked_up == []


async def test_a_refusal_tells_an_operator_the_very_rows(world: World) -> None:
    import tomllib

    reason = await world.refusal("https://evil.example.net/path?token=T0P", method="POST", body=b"x")

    assert "T0P" not in str(reason)
    assert tomllib.loads(reason.remedy or "")["egress"] == [
        {"scheme": "https", "host": "evil.example.net", "port": 443, "methods": ["POST"], "path": "/"}
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("Host", "evil"), ("X", "a\r\nHost: evil"), ("Transfer-Encoding", "chunked"), ("Proxy-X", "y"), ("Cookie", "a=b")],
)
async def test_a_header_that_is_not_the_callers_is_refused(world: World, name: str, value: str) -> None:
    reason = await world.refusal("https://api.example.com/", headers=((name, value),))

    assert reason.code == "egress/header"
    assert world.looked_up == []


async def test_a_request_body_has_a_limit(world: World) -> None:
    assert (await small(world, method="POST", body=b"x" * 100)).status == 200
    with pytest.raises(Refusal) as refused:
        await small(world, method="POST", body=b"x" * 101)
    assert refused.value.reason.code == "egress/request-too-large"


async def test_a_get_with_a_body_is_refused(world: World) -> None:
    assert (await world.refusal("https://api.example.com/", body=b"x")).code == "egress/body"


async def test_an_announced_size_over_the_limit_is_not_read(world: World) -> None:
    world.secure.answers["/"] = reply(b"x" * 1001)

    with pytest.raises(Refusal) as refused:
        await small(world)

    assert refused.value.reason.code == "egress/response-too-large"


async def test_an_endless_answer_ends_at_the_limit(world: World) -> None:
    ended = asyncio.Event()

    async def endless(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()
        finally:
            ended.set()

    world.secure.answers["/"] = endless

    with pytest.raises(Refusal) as refused:
        await small(world)

    assert refused.value.reason.code == "egress/response-too-large"
    await asyncio.wait_for(ended.wait(), 20)


@pytest.mark.parametrize("packed", [gzip.compress(bytes(50 << 20)), gzip.compress(bytes(5000))], ids=["huge", "small"])
async def test_a_bomb_is_counted_as_it_unpacks(world: World, packed: bytes) -> None:
    world.secure.answers["/"] = reply(packed, "Content-Encoding: gzip")

    with pytest.raises(Refusal) as refused:
        await world.broker(limits=EgressLimits(response_bytes=4000)).fetch(
            HttpRequest(method="GET", url="https://api.example.com/"), (allow(),), wall_ms=20_000
        )

    assert refused.value.reason.code == "egress/response-too-large"


async def test_a_packed_answer_is_unpacked(world: World) -> None:
    world.secure.answers["/"] = reply(gzip.compress(b"hello packed"), "Content-Encoding: gzip")

    assert (await world.get("https://api.example.com/")).body == b"hello packed"


async def test_headers_of_an_answer_have_a_limit(world: World) -> None:
    world.secure.answers["/"] = reply(b"", *(f"X-{number}: {'y' * 100}" for number in range(50)))

    with pytest.raises(ToolError):
        await small(world)


async def test_headers_without_end_do_not_fill_memory(world: World) -> None:
    async def endless(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    world.secure.answers["/"] = endless

    with pytest.raises(ToolError):
        await world.get("https://api.example.com/")


@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx"])
async def test_a_server_that_goes_quiet_ends_at_the_deadline(world: World, begins: bytes) -> None:
    released = asyncio.Event()

    async def quiet(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(begins)
        await writer.drain()
        await released.wait()

    world.secure.answers["/"] = quiet

    with pytest.raises(ToolError, match="within 200 ms"):
        await world.get("https://api.example.com/", wall_ms=200)
    released.set()


async def test_a_drip_that_never_pauses_ends_at_the_deadline(world: World) -> None:
    async def drip(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    world.secure.answers["/"] = drip

    with pytest.raises(ToolError, match="within 200 ms"):
        await world.get("https://api.example.com/", wall_ms=200)


async def test_the_deadline_covers_all_hops_together(world: World) -> None:
    async def slow_circle(_request: bytes, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")

    world.secure.answers["/"] = slow_circle

    with pytest.raises(ToolError, match="within 400 ms"):
        await world.get("https://api.example.com/", wall_ms=400)
    assert len(world.secure.requests) < 6


async def test_only_so_many_requests_are_under_way_at_once(world: World) -> None:
    here, most, released = 0, 0, asyncio.Event()

    async def counted(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal here, most
        here += 1
        most = max(most, here)
        if here == 2:
            released.set()
        await released.wait()
        await reply()(request, writer)
        here -= 1

    world.secure.answers["/"] = counted
    broker = world.broker(limits=EgressLimits(concurrent=2))
    request = HttpRequest(method="GET", url="https://api.example.com/")

    await asyncio.gather(*(broker.fetch(request, (allow(),), wall_ms=20_000) for _ in range(6)))

    assert most == 2


async def test_a_broken_answer_is_told_without_its_words(world: World) -> None:
    async def rubbish(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"T0P SECRET NONSENSE\r\n\r\n")

    world.secure.answers["/"] = rubbish

    with pytest.raises(ToolError) as broken:
        await world.get("https://api.example.com/")

    assert "T0P" not in broken.value.message


async def test_a_head_request_has_no_body(world: World) -> None:
    async def head(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

    world.secure.answers["/"] = head

    assert (await world.get("https://api.example.com/", method="HEAD")).body == b""


async def test_a_cancelled_request_hangs_up(world: World) -> None:
    began, hung_up = asyncio.Event(), asyncio.Event()

    async def drip(_request: bytes, writer: asyncio.StreamWriter) -> None:
        began.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * 100)
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            hung_up.set()

    world.secure.answers["/"] = drip
    under_way = asyncio.ensure_future(world.get("https://api.example.com/"))
    await asyncio.wait_for(began.wait(), 20)

    under_way.cancel()

    with pytest.raises(asyncio.CancelledError):
        await under_way
    await asyncio.wait_for(hung_up.wait(), 20)
