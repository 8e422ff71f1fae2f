"""`[grants]` of a tool whose convention can import them: what each key gives a running guest, and nothing beyond it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from holdfast.contracts import Secret, TenantId
from holdfast.contracts._mint import mint
from holdfast.sandbox.wasm.broker import CallBroker
from holdfast.tools.manifest import load_manifest

from ..integration.broker.conftest import Far, Guest, b64, far_side
from ..integration.broker.conftest import World as Brokering
from .test_manifest_keys import manifest
from .world import World, opened

pytestmark = pytest.mark.anyio

BEARER = {"in": "bearer"}
GRANTED = {"tool.abi": "extism", "tool.effects": ["read_private", "write", "egress"]}


@pytest.fixture(scope="module")
async def far(anyio_backend: str) -> AsyncIterator[Far]:
    async with far_side() as server:
        yield server


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory, far: Far) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("grants")
    for name in ("docs", "docsx", "out"):
        (folder / "workspace" / name).mkdir(parents=True)
        (folder / "workspace" / name / "a.txt").write_text(name)
    rows = "".join(
        f'[[egress]]\nscheme = "http"\nhost = "{host}"\nport = {far.port}\nmethods = {methods}\n'
        f'path = "{path}"\nunsafe_allow_network = "127.0.0.0/8"\n'
        for host, methods, path in (
            ("127.0.0.1", '["GET"]', "/in/"),
            ("127.0.0.1", '["GET", "POST"]', "/in/"),
            ("127.0.0.1", '["GET"]', "/"),
            ("localhost", '["GET"]', "/in/"),
        )
    )
    text = f'[workspace]\nroot = "workspace"\n[limits]\nburst = 10000\ncalls_per_minute = 10000\n{rows}'
    async with opened(folder, text) as house:
        yield house


async def guest(world: World, **grants: Any) -> Guest:
    """A call of a tool whose manifest has *grants*, under way in a session of its own."""
    keys = {**GRANTED, **{f"grants.{name}": value for name, value in grants.items()}}
    spec = load_manifest(manifest("granted", b"\0asm", keys)).spec()
    brokering = Brokering(world.house, Far(), world.folder / "workspace")
    under_way = await brokering.guest(spec.grants, limits=replace(spec.limits, host_calls=1000))
    call = under_way.call
    fields: Mapping[str, Any] = {name: getattr(call, name) for name in type(call).__slots__}
    whole = mint({**fields, "spec": spec})
    return Guest(CallBroker(whole, world.house.powers), whole)


def http(far: Far, **changed: Any) -> dict[str, Any]:
    given = {"scheme": "http", "host": "127.0.0.1", "port": far.port, "methods": ["GET"], "path": "/in/"}
    return given | changed


async def outcomes(world: World, grants: list[dict[str, Any]], url: str, *, method: str = "GET") -> list[bool]:
    """Whether a request of *method* to *url* goes out under each of *grants*."""
    return [(await (await guest(world, http=[grant])).http(url, method=method)).ok for grant in grants]


async def test_a_read_grant_is_what_a_guest_can_read(world: World) -> None:
    granted, other = await guest(world, workspace_read=["docs/"]), await guest(world, workspace_read=["out/"])

    assert await granted.gets("workspace-read", path="docs/a.txt") == {"data": b64(b"docs")}
    assert await granted.refused("workspace-read", path="docsx/a.txt") == "workspace/not-granted"
    assert await other.refused("workspace-read", path="docs/a.txt") == "workspace/not-granted"
    assert await (await guest(world)).refused("workspace-read", path="docs/a.txt") == "host/not-granted"


async def test_a_write_grant_is_what_a_guest_can_write(world: World) -> None:
    granted = await guest(world, workspace_write=["out/"])

    assert await granted.gets("workspace-write", path="out/new.txt", data=b64(b"new")) == {}
    assert await granted.refused("workspace-write", path="docs/a.txt", data="") == "host/not-granted"
    assert await (await guest(world)).refused("workspace-write", path="out/a.txt", data="") == "host/not-granted"
    assert (world.folder / "workspace" / "out" / "new.txt").read_text() == "new"


async def test_a_store_of_its_own_is_there_when_it_is_granted(world: World) -> None:
    granted = await guest(world, kv=True)

    await granted.gets("kv", op="set", key="a", value=b64(b"1"))
    assert await granted.gets("kv", op="get", key="a") == {"value": b64(b"1")}
    assert await (await guest(world, kv=False)).refused("kv", op="get", key="a") == "host/not-granted"


async def test_the_tools_it_may_call_are_those_it_names(world: World) -> None:
    granted = await guest(world, tools=["echo"])

    assert (await granted.gets("tool-invoke", name="echo", arguments={"text": "hi"}))["status"] == "ok"
    assert await granted.refused("tool-invoke", name="time", arguments={}) == "host/not-granted"


async def test_the_secrets_it_may_ask_for_are_those_it_names(world: World) -> None:
    granted = await guest(world, secret_exists=["asked-for"])

    assert await granted.gets("secret-exists", name="asked-for") == {"exists": False}
    await world.house.state.vault.put(TenantId("acme"), "asked-for", Secret(b"a-value-of-it"))
    assert await granted.gets("secret-exists", name="asked-for") == {"exists": True}
    assert await granted.refused("secret-exists", name="other") == "host/not-granted"


async def test_the_host_and_port_are_where_a_guest_can_reach(world: World, far: Far) -> None:
    named = http(far, host="localhost")

    assert await outcomes(world, [http(far), named], far.url("/in/x")) == [True, False]
    assert await outcomes(world, [http(far, port=far.port - 1)], far.url("/in/x")) == [False]


async def test_the_scheme_must_be_written_out_when_it_is_not_https(world: World, far: Far) -> None:
    https = {name: value for name, value in http(far).items() if name != "scheme"}

    assert await outcomes(world, [http(far), https], far.url("/in/x")) == [True, False]


async def test_the_methods_are_those_a_guest_can_use(world: World, far: Far) -> None:
    both = http(far, methods=["GET", "POST"])

    assert await outcomes(world, [http(far), both], far.url("/in/x"), method="POST") == [False, True]


async def test_the_path_is_what_a_guest_can_reach_below(world: World, far: Far) -> None:
    assert await outcomes(world, [http(far), http(far, path="/")], far.url("/inside")) == [False, True]


async def sent(world: World, far: Far, url: str, **secret: str) -> bytes:
    """What went out for a guest whose grant has *secret*; empty when nothing did."""
    far.seen.clear()
    await (await guest(world, http=[http(far, secret=secret)])).http(url)
    return b"".join(far.seen)


async def test_the_name_of_a_secret_is_which_one_is_sent(world: World, far: Far) -> None:
    tenant = TenantId("acme")
    for name in ("github", "gitlab"):
        await world.house.state.vault.put(tenant, name, Secret(f"value-of-{name}".encode()))

    assert b"authorization: Bearer value-of-github\r\n" in await sent(
        world, far, far.url("/in/x"), name="github", **BEARER
    )
    assert b"authorization: Bearer value-of-gitlab\r\n" in await sent(
        world, far, far.url("/in/x"), name="gitlab", **BEARER
    )
    assert await sent(world, far, far.url("/in/x"), name="nowhere", **BEARER) == b""
    assert b"value-of" not in await sent_without(world, far)


async def sent_without(world: World, far: Far) -> bytes:
    far.seen.clear()
    await (await guest(world, http=[http(far)])).http(far.url("/in/x"))
    return b"".join(far.seen)


async def test_the_place_of_a_secret_is_where_it_is_sent(world: World, far: Far) -> None:
    await world.house.state.vault.put(TenantId("acme"), "github", Secret(b"value-of-github"))

    assert b"authorization: Bearer value-of-github\r\n" in await sent(
        world, far, far.url("/in/x"), name="github", **BEARER
    )
    header = await sent(world, far, far.url("/in/x"), name="github", **{"in": "header:X-Key"})
    assert b"x-key: value-of-github\r\n" in header
    assert b"authorization" not in header
    assert b"GET /in/x?q=1&key=value-of-github " in await sent(
        world, far, far.url("/in/x?q=1"), name="github", **{"in": "query:key"}
    )


async def test_the_user_of_a_secret_is_whose_password_it_is(world: World, far: Far) -> None:
    await world.house.state.vault.put(TenantId("acme"), "github", Secret(b"value-of-github"))

    for user in ("bob", "eve"):
        basic = await sent(world, far, far.url("/in/x"), name="github", **{"in": "basic", "user": user})
        assert b"authorization: Basic " + b64(f"{user}:value-of-github".encode()).encode() + b"\r\n" in basic
