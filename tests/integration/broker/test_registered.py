"""From the manifest to the far side: a real plugin in a real worker makes requests as far as its manifest says."""

import json

import pytest

from holdfast.contracts import CallId, Digest, Grants, Label, OperatorError, Status, ToolCall, ToolName
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR
from holdfast.server.verbs.calls import new_call_id

from ...containment.wasm.components import built
from ...containment.wasm.plugins import plugin, text

pytestmark = pytest.mark.anyio


def requesting(name: str, url: str, times: int = 1) -> str:
    """A plugin that asks for *url* a number of times, and answers what came back last."""
    request = json.dumps({"url": url, "method": "GET", "headers": {}})
    ask = f"""(local.set $i (i64.const 0))
      (loop $again
        (local.set $q (call $http_request (call $text) (i64.const 0)))
        (local.set $i (i64.add (local.get $i) (i64.const 1)))
        (br_if $again (i64.lt_u (local.get $i) (i64.const {times}))))
      (call $output_set (local.get $q) (call $length (local.get $q))) (i32.const 0)"""
    return plugin(ask, "alloc", "store_u8", "length", "output_set", "http_request", parts=text(request), name=name)


def manifest(name: str, module: bytes, grants: str, *, effects: str = '["egress"]', host_calls: int = 50) -> str:
    return f"""
[tool]
name = "{name}"
version = "1.0.0"
description = "asks"
abi = "extism"
module = "asks.wasm"
digest = "{Digest.of(module)}"
effects = {effects}
[tool.input_schema]
type = "object"
[limits]
host_calls = {host_calls}
[grants]
{grants}
"""


def granting(port: int) -> str:
    return (
        f'[[grants.http]]\nscheme = "http"\nhost = "127.0.0.1"\nport = {port}\nmethods = ["GET", "POST"]\npath = "/"\n'
    )


async def served(world, name, url, grants, *, times=1, **more):
    module = await assemble_module(requesting(name, url, times))
    registered = await world.house.registrar.register(manifest(name, module, grants, **more), module, OPERATOR)
    await world.house.registrar.approve(ToolName(name), OPERATOR)
    return registered


async def call(world, name, session):
    principal = (await world.guest(Grants(), session=session)).call.principal
    made = ToolCall(id=CallId(new_call_id()), tool=ToolName(name), arguments={}, session=session.id)
    return await world.house.dispatcher.execute(made, principal)


async def test_a_granted_request_is_made_and_teaches_its_session(world):
    await served(world, "asks", world.far.url("/real"), granting(world.far.port))
    session = await world.session()

    result = await call(world, "asks", session)

    assert result.status is Status.OK, result.output
    assert "hello" in result.output
    assert result.usage.host_calls == 1
    assert b"GET /real" in world.far.seen[-1]
    assert await world.labels(session) == {Label.UNTRUSTED}


async def test_an_import_that_the_manifest_says_nothing_of_is_refused_with_the_line_to_add(world):
    with pytest.raises(OperatorError) as refused:
        await served(world, "silent", world.far.url(), "")

    assert "`grants.http`" in refused.value.message
    assert refused.value.remedy is not None
    assert refused.value.remedy.startswith("[[grants.http]]")


async def test_an_empty_grant_is_an_answer_and_the_guest_is_told(world):
    await served(world, "empty", world.far.url(), "http = []")
    before = len(world.far.seen)

    result = await call(world, "empty", await world.session())

    assert result.status is Status.ERROR
    assert len(world.far.seen) == before


async def test_a_grant_that_nothing_imports_is_a_warning(world):
    registered = await served(
        world, "idle", world.far.url(), "kv = true\n" + granting(world.far.port), effects='["egress", "write"]'
    )

    assert "`grants.kv`: nothing in the module imports it" in registered.notes


async def test_a_guest_that_makes_more_host_calls_than_it_has_is_stopped(world):
    await served(world, "floods", world.far.url(), granting(world.far.port), times=10, host_calls=3)
    before = len(world.far.seen)

    result = await call(world, "floods", await world.session())

    assert (result.status, result.reason.code) == (Status.STOPPED, "limits/host-calls")
    assert len(world.far.seen) == before + 3
    assert (await call(world, "floods", await world.session())).status is Status.STOPPED  # a new worker, the same end


NEAR = """
[tool]
name = "http"
version = "1.0.0"
abi = "near-agent"
module = "near.wasm"
digest = "{digest}"
effects = ["egress"]
[limits]
memory_bytes = 67_108_864
fuel = 1_000_000_000
wall_ms = 15_000
[grants]
workspace_read = []
tools = []
secret_exists = []
{grants}
"""


@pytest.mark.timeout(400)
async def test_a_near_agent_tool_waits_for_an_answer_as_long_as_it_says(world):
    """The far side never answers; the tool gives it a second, and goes on. Its schema is its own word."""
    module = built("near")
    text = NEAR.format(digest=Digest.of(module), grants=granting(world.far.port))
    taken = await world.house.registrar.register(text, module, OPERATOR)
    await world.house.registrar.approve(taken.name, OPERATOR)
    session = await world.session()
    principal = (await world.guest(Grants(), session=session)).call.principal
    asked = ToolCall(
        id=CallId(new_call_id()), tool=taken.name, arguments={"url": world.far.url("/slow")}, session=session.id
    )

    result = await world.house.dispatcher.execute(asked, principal)

    assert result.status is Status.OK, result.output
    assert "egress/" in result.structured["said"]["error"]
    assert world.house.registry.get(taken.name).description == "asks its host for things"
