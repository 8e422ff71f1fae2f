"""A guest is given what its manifest grants, no more of it than the counts allow, and told why when not."""

import asyncio
from dataclasses import replace

import pytest

from holdfast.contracts import Grants
from holdfast.sandbox.wasm.broker import NO_POWERS, CallBroker
from holdfast.sandbox.wasm.frames import HostCall
from holdfast.sandbox.wasm.supervisor import HostCallsSpent

from .conftest import LIMITS, b64

pytestmark = pytest.mark.anyio

NOTHING = Grants()
PAYLOADS = {
    "http": {"method": "GET", "url": "https://example.com/", "headers": [], "body": ""},
    "workspace-read": {"path": "docs/a.txt"},
    "workspace-write": {"path": "docs/b.txt", "data": ""},
    "kv": {"op": "get", "key": "a"},
    "secret-exists": {"name": "github"},
    "tool-invoke": {"name": "echo", "arguments": {"text": "x"}},
}
EVERYTHING = Grants(workspace_read=(".",), workspace_write=(".",), kv=True, tools=("echo",), secret_exists=("github",))


@pytest.mark.parametrize("function", sorted(PAYLOADS))
async def test_what_is_not_granted_is_refused(world, function):
    guest = await world.guest(NOTHING)

    assert await guest.refused(function, **PAYLOADS[function]) == "host/not-granted"


@pytest.mark.parametrize("function", sorted(PAYLOADS))
async def test_what_is_granted_and_not_there_is_said_to_be_not_there(world, function):
    grants = replace(EVERYTHING, http=(world.far.grant(),))
    guest = await world.guest(grants)
    broker = CallBroker(guest.call, NO_POWERS)

    answer = await replace(guest, broker=broker).asks(function, **PAYLOADS[function])

    assert answer.code == "host/unavailable"


async def test_a_function_nobody_knows_is_refused(world):
    assert await (await world.guest(EVERYTHING)).refused("exec") == "host/unknown"


@pytest.mark.parametrize(
    ("function", "payload"),
    [
        ("http", {"method": "GET", "url": 1, "headers": [], "body": ""}),
        ("http", {"method": "GET", "url": "x", "headers": [["a"]], "body": ""}),
        ("http", {"method": "GET", "url": "x", "headers": {}, "body": ""}),
        ("http", {"method": "GET", "url": "x", "headers": [], "body": "%"}),
        ("http", {"method": "GET", "url": "x", "headers": [], "body": "", "follow": 1}),
        ("http", {"method": "GET", "url": "x", "headers": [], "body": "", "principal": "root"}),
        ("http", {"method": "GET", "url": "x", "headers": [], "body": "", "timeout_ms": 0}),
        ("http", {"method": "GET", "url": "x", "headers": [], "body": "", "timeout_ms": True}),
        ("workspace-read", {}),
        ("workspace-read", {"path": None}),
        ("workspace-write", {"path": "a", "data": "a"}),
        ("kv", {"op": "drop", "key": "a"}),
        ("kv", {"op": "set", "key": "a"}),
        ("kv", {"op": "set", "key": "", "value": ""}),
        ("kv", {"op": "get", "key": "a" * 513}),
        ("kv", {"op": "get", "key": "a\0"}),
        ("tool-invoke", {"name": "echo", "arguments": []}),
        ("log", {"level": "info"}),
        ("now", {"a": 1}),
    ],
)
async def test_a_payload_of_another_form_is_refused(world, function, payload):
    guest = await world.guest(replace(EVERYTHING, http=(world.far.grant(),)))

    assert await guest.refused(function, **payload) == "host/payload"


@pytest.mark.parametrize("payload", [b"", b"[", b"\xff", b"[" * 100, b'{"ms":NaN}', b'{"a":1,"a":2}', b"1"])
async def test_a_payload_that_is_no_strict_json_object_is_refused(world, payload):
    guest = await world.guest(NOTHING)

    assert (await guest.broker(HostCall(name="now", payload=payload))).code == "host/payload"


async def test_a_file_within_the_grant_is_read(world):
    guest = await world.guest(Grants(workspace_read=("docs/",)))

    assert await guest.gets("workspace-read", path="docs/a.txt") == {"data": b64(b"aaa")}


@pytest.mark.parametrize("path", ["other.txt", "docs/out", "docs/../other.txt", "docsx", "docs/none", "/etc/passwd"])
async def test_a_file_beyond_the_grant_is_not_read_by_any_name(world, path):
    guest = await world.guest(Grants(workspace_read=("docs/",)))

    code = await guest.refused("workspace-read", path=path)

    assert code in {"workspace/not-granted", "workspace/outside-root", "host/failed"}


async def test_a_file_is_written_where_it_is_granted_and_nowhere_else(world):
    guest = await world.guest(Grants(workspace_write=("out/", "one.txt")))

    assert await guest.gets("workspace-write", path="out/deep/er.txt", data=b64(b"new")) == {}
    assert await guest.gets("workspace-write", path="one.txt", data=b64(b"one")) == {}

    assert (world.workspace / "out" / "deep" / "er.txt").read_bytes() == b"new"
    for path in ("other.txt", "out", "out/../other.txt", "/tmp/x", "outside/x", "one.txt.bak"):
        assert await guest.refused("workspace-write", path=path, data=b64(b"no")) in {"host/not-granted", "host/failed"}
    assert (world.workspace / "other.txt").read_text() == "not granted"


async def test_a_protected_name_is_not_written_even_where_it_is_granted(world):
    guest = await world.guest(Grants(workspace_write=(".",)))

    assert await guest.refused("workspace-write", path=".git/config", data="") == "workspace/protected-name"


async def test_more_than_a_mebibyte_is_not_written(world):
    guest = await world.guest(Grants(workspace_write=("out/",)))

    assert await guest.refused("workspace-write", path="out/big", data=b64(bytes((1 << 20) + 1))) == "host/limit"


async def test_a_secret_is_there_or_not_only_if_it_is_named(world):
    guest = await world.guest(Grants(secret_exists=("github",)))

    assert await guest.gets("secret-exists", name="github") == {"exists": False}
    assert await guest.refused("secret-exists", name="gitlab") == "host/not-granted"


async def test_the_clock_is_withheld_when_it_is_not_granted(world):
    assert (await (await world.guest(NOTHING)).gets("now"))["ms"] > 1_600_000_000_000
    assert await (await world.guest(Grants(clock=False))).refused("now") == "host/not-granted"


async def test_a_thousand_lines_of_four_kibibytes_are_logged_and_no_more(world):
    guest = await world.guest(NOTHING)

    for number in range(1010):
        assert await guest.gets("log", level="WARN", message="é" * 5000 if number == 0 else f"line\n{number}") == {}

    lines = guest.broker.log.split("\n")
    assert len(lines) == 1001
    assert lines[0].startswith("warn: éé")
    assert 4093 <= len(lines[0].encode()) <= 4096
    assert lines[1] == "warn: line\\n1"
    assert lines[-1] == "[10 more lines were dropped]"
    assert guest.broker.host_calls == 0


async def test_host_calls_end_the_call_when_they_are_used_up(world):
    guest = await world.guest(Grants(kv=True), limits=replace(LIMITS, host_calls=3))

    for _ in range(3):
        await guest.gets("kv", op="get", key="a")
    with pytest.raises(HostCallsSpent):
        await guest.asks("kv", op="get", key="a")
    assert guest.broker.host_calls == 4


async def test_no_host_calls_are_none(world):
    guest = await world.guest(EVERYTHING, limits=replace(LIMITS, host_calls=0))

    await guest.gets("log", level="info", message="still here")
    with pytest.raises(HostCallsSpent):
        await guest.asks("exec")


async def test_a_flood_of_log_lines_ends_the_call(world):
    guest = await world.guest(NOTHING)

    for _ in range(10_000):
        await guest.asks("now")
    with pytest.raises(HostCallsSpent):
        await guest.asks("log", level="info", message="x")


async def test_a_request_goes_out_and_its_answer_comes_in(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)))

    answer = await guest.gets(
        "http", method="POST", url=world.far.url("/in"), headers=[["X-One", "1"]], body=b64(b"body")
    )

    assert (answer["status"], answer["body"]) == (200, b64(b"hello"))
    assert ["content-length", "5"] in answer["headers"]
    assert b"x-one: 1" in world.far.seen[-1].lower()
    assert world.far.seen[-1].endswith(b"\r\n\r\nbody")


async def test_a_redirect_is_followed_only_if_the_guest_leaves_that_to_the_broker(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)))

    assert b'"status":200' in (await guest.http(world.far.url("/from"))).payload
    assert b'"status":302' in (await guest.http(world.far.url("/from"), follow=False)).payload


async def test_a_request_beyond_its_grant_is_refused_with_the_broker_s_own_reason(world):
    guest = await world.guest(Grants(http=(world.far.grant("GET", path="/in/"),)))

    before = len(world.far.seen)
    for url, method in (
        (world.far.url("/out"), "GET"),
        (world.far.url("/in/"), "POST"),
        ("https://example.com/", "GET"),
    ):
        assert (await guest.http(url, method=method)).code.startswith("egress/")
    assert len(world.far.seen) == before


async def test_a_request_over_a_mebibyte_is_refused(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)))

    answer = await guest.http(world.far.url(), method="POST", body=bytes((1 << 20) + 1))

    assert answer.code == "host/limit"


async def test_a_secret_does_not_leave(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)))
    before = len(world.far.seen)
    token = "ghp_" + "zQ4vX8kLm2Rt7Wy1Bn5Cd9Ef3Gh6Jp0SaUi"[:36].ljust(36, "K")

    in_body = await guest.http(world.far.url(), method="POST", body=f"token={token}".encode())
    in_header = await guest.http(world.far.url(), headers=[["x-token", token]])

    assert in_body.code.endswith("/secret-to-egress")
    assert in_header.code.endswith("/secret-to-egress")
    assert token.encode() not in in_body.payload + in_header.payload
    assert len(world.far.seen) == before


async def test_fifty_requests_are_made_and_no_more(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)))

    answers = [await guest.http(world.far.url()) for _ in range(51)]

    assert all(answer.ok for answer in answers[:50])
    assert answers[50].code == "host/limit"


async def test_a_far_side_that_does_not_answer_is_given_up_at_the_deadline(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)), limits=replace(LIMITS, wall_ms=300))

    async with asyncio.timeout(10):
        answer = await guest.http(world.far.url("/slow"))

    assert answer.code == "egress/far-side"


async def test_a_guest_may_wait_less_than_its_deadline(world):
    guest = await world.guest(Grants(http=(world.far.grant(),)))

    async with asyncio.timeout(10):
        assert (await guest.http(world.far.url("/slow"), timeout_ms=200)).code == "egress/far-side"
