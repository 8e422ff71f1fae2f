"""Tools that call tools, with every worker taken: the deepest get on, and so do those that wait for them."""

import asyncio

import pytest

from holdfast.contracts import CallId, Digest, Principal, Scope, Status, TenantId, ToolCall, ToolName
from holdfast.contracts.limits import MIB
from holdfast.server.config import load_settings
from holdfast.server.house import Opening, Proving, open_house
from holdfast.server.principals import OPERATOR
from holdfast.server.verbs.calls import new_call_id

from ...containment.wasm.components import built

pytestmark = pytest.mark.anyio

AGENT = Principal(subject="agent", tenant=TenantId("acme"), scopes=frozenset({Scope.CALL}))


def manifest(module: bytes) -> str:
    """A tool that calls what it is told to, itself included: it is called `invoke`."""
    return f"""
[tool]
name = "invoke"
version = "1.0.0"
description = "calls a tool"
abi = "near-agent"
module = "near.wasm"
digest = "{Digest.of(module)}"
effects = []
[tool.input_schema]
type = "object"
[limits]
fuel = 5_000_000_000
memory_bytes = {64 * MIB}
wall_ms = 60_000
[grants]
tools = ["invoke", "echo"]
workspace_read = []
secret_exists = []
http = []
"""


@pytest.fixture(scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, anyio_backend: str):
    folder = tmp_path_factory.mktemp("full")
    file = folder / "holdfast.toml"
    file.write_text("[limits]\nwasm_workers = 1\nburst = 100000\ncalls_per_minute = 100000\n", encoding="utf-8")
    module = await asyncio.to_thread(built, "near")
    opening = Opening(config=file, proving=Proving.EACH_WORKER)
    async with open_house(load_settings(file), folder / "data", opening) as opened:
        await opened.registrar.register(manifest(module), module, OPERATOR)
        await opened.registrar.approve(ToolName("invoke"), OPERATOR)
        yield opened


def nested(levels: int) -> dict:
    """Arguments of a call with *levels* calls below it, the last of `echo`."""
    arguments: dict = {"tool": "echo", "arguments": {"text": '"at the bottom"'}}
    for _ in range(levels - 1):
        arguments = {"tool": "invoke", "arguments": arguments}
    return arguments


async def invoked(house, levels: int):
    call = ToolCall(id=CallId(new_call_id()), tool=ToolName("invoke"), arguments=nested(levels))
    return await house.dispatcher.execute(call, AGENT)


async def test_calls_of_calls_get_on_although_they_need_the_worker_that_waits_for_them(house):
    async with asyncio.timeout(100):
        results = await asyncio.gather(*(invoked(house, 3) for _ in range(4)))

    assert [result.status for result in results] == [Status.OK] * 4, results[0].output
    assert all("at the bottom" in result.output for result in results), results[0].output
    assert len(house.worker_pids()) <= 4


async def test_a_fourth_level_is_refused_to_the_third(house):
    result = await invoked(house, 4)

    assert result.status is Status.OK
    assert "host/limit" in result.output
    assert "at the bottom" not in result.output


async def test_what_ends_the_outermost_call_ends_them_all(house):
    calling = asyncio.ensure_future(invoked(house, 3))
    await asyncio.sleep(0)

    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling

    assert (await invoked(house, 3)).status is Status.OK
