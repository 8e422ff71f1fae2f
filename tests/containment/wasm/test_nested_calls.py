"""A tool that waits for a call of its own holds its worker meanwhile: with none to spare, all of them still get on."""

import asyncio
import json
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.contracts import (
    MOST_NESTED,
    Authorized,
    Completed,
    Digest,
    Grants,
    HttpGrant,
    HttpResponse,
    Label,
    Place,
    Reason,
    Text,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.broker import Powers
from holdfast.sandbox.wasm.pool import PoolBounds
from holdfast.sandbox.wasm.runtime import NESTED_WORKERS, WasmRuntime

from .conftest import LIMITS, assembled, authorized
from .plugins import plugin, text

pytestmark = pytest.mark.anyio

DEPTH: ContextVar[int] = ContextVar("depth")
ASKS = plugin(
    """(local.set $q (call $http_request (call $text) (i64.const 0)))
    (call $output_set (local.get $q) (call $length (local.get $q))) (i32.const 0)""",
    "alloc",
    "store_u8",
    "length",
    "output_set",
    "http_request",
    parts=text(json.dumps({"url": "https://deeper.example/", "method": "GET"})),
    name="tool",
)


class Deeper:
    """An `Egress` at whose far side the same tool is called again, one deeper, until nothing may be deeper."""

    def __init__(self) -> None:
        self.run = None
        self.most = 0

    async def fetch(self, request, _grants, /, *, wall_ms, tenant=None):
        depth = DEPTH.get()
        self.most = max(self.most, depth)
        assert wall_ms <= 60_000
        body = f"bottom at {depth}".encode() if depth == MOST_NESTED else await self.run(depth + 1)
        return HttpResponse(status=200, url=request.url, headers=(), body=body, hops=0)


class Open:
    """The `Screen` and `Labelling` of nobody's house: nothing is secret, nothing has labels."""

    def refusal(self, _texts: Sequence[str], /) -> Reason | None:
        return None

    async def fetched(self, _call: Authorized, _host: str, /) -> None:
        return

    async def read(self, _call: Authorized, _places: Sequence[Place], /) -> None:
        return

    async def writing(self, _call: Authorized, _places: Sequence[Place], /) -> None:
        return

    async def invoking(self, _call: Authorized, /) -> None:
        return

    async def grown(self, _call: Authorized, /) -> frozenset[Label]:
        return frozenset()


@pytest.fixture
async def nesting(artifacts: Path, anyio_backend: str):
    """A runtime with one worker, and a way to call its one tool at a depth."""
    module = assembled(ASKS)
    egress, there = Deeper(), Open()
    runtime = WasmRuntime(
        {Digest.of(module): module}.__getitem__,
        artifacts=artifacts,
        artifact_key=bytes(range(32)),
        bounds=PoolBounds(workers=1),
        powers=Powers(egress=egress, screen=there, labelling=there),
    )
    grant = HttpGrant(scheme="https", host="deeper.example", port=443, methods=frozenset({"GET"}), path="/")
    spec = ToolSpec(
        name=ToolName("tool"),
        description="asks for itself",
        input_schema={"type": "object"},
        effects=frozenset(),
        runtime=Wasm(module=Digest.of(module), abi="extism"),
        limits=replace(LIMITS, memory_bytes=16 * MIB, host_calls=5, wall_ms=60_000),
        grants=Grants(http=(grant,)),
    )

    async def run(depth: int) -> bytes:
        DEPTH.set(depth)
        call = authorized(spec, {}, "one", None)
        fields = {name: getattr(call, name) for name in Authorized.__slots__}
        outcome = await runtime.run(mint(fields | {"depth": depth}))
        assert isinstance(outcome, Completed), outcome
        assert outcome.usage.host_calls == 1
        return "".join(block.text for block in outcome.content if isinstance(block, Text)).encode()

    egress.run = run
    yield runtime, run, egress
    await runtime.close()


async def test_every_call_waits_for_one_of_the_same_tool_and_all_come_back(nesting):
    runtime, run, egress = nesting

    async with asyncio.timeout(60):
        said = await asyncio.gather(*(asyncio.create_task(run(0)) for _ in range(5)))

    assert said == [b"bottom at 3"] * 5
    assert egress.most == MOST_NESTED
    assert len(runtime.worker_pids) <= 1 + MOST_NESTED * NESTED_WORKERS


async def test_cancelling_the_outermost_ends_every_worker_below_it(nesting):
    runtime, run, egress = nesting
    reached = asyncio.Event()
    going = egress.run

    async def stop(depth: int) -> bytes:
        if depth < MOST_NESTED:
            return await going(depth)
        reached.set()
        await asyncio.Event().wait()
        return b""

    egress.run = stop
    calling = asyncio.create_task(run(0))
    async with asyncio.timeout(60):
        await reached.wait()

    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert runtime.worker_pids == ()
