"""What a manifest leaves out is said by the module, written into the manifest, seen, approved and pinned."""

import json

import pytest

from holdfast.contracts import Digest, OperatorError, Status, ToolName
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR

from ...containment.wasm.plugins import says

pytestmark = pytest.mark.anyio

TOOL = {
    "name": "greet",
    "description": "Greets\u200b somebody",
    "inputSchema": {"type": "object", "required": ["who"], "properties": {"who": {"type": "string"}}},
}
ANSWER = json.dumps({"content": [{"type": "text", "text": "hello"}]})


async def plugin(*tools) -> bytes:
    """A plugin of hyper-mcp's first kind; every text in it is data, so `call` answers the listing as a result."""
    listed = json.dumps({"tools": list(tools), "content": [{"type": "text", "text": "hello"}]})
    return await assemble_module(says(listed, name="describe").replace('"describe"', '"describe") (export "call"'))


def manifest(module: bytes, *lines: str) -> str:
    return "\n".join(
        (
            "[tool]",
            'name = "shop"',
            'version = "1.0.0"',
            'abi = "extism"',
            'module = "shop.wasm"',
            f'digest = "{Digest.of(module)}"',
            "effects = []",
            *lines,
        )
    )


async def test_a_manifest_without_schemas_is_completed_by_its_module(own_world):
    module = await plugin(TOOL, {**TOOL, "name": "leave"})
    registrar = own_world.house.registrar
    taken = await registrar.register(manifest(module), module, OPERATOR)
    assert taken.name == "shop_greet"
    pending = await registrar.pending(ToolName("shop_greet"))
    assert pending.description == "Greets somebody"
    assert pending.input_schema == TOOL["inputSchema"]
    await registrar.approve(ToolName("shop_greet"), OPERATOR)
    refused = await own_world.call("shop_greet", {"whom": "you"}, principal=OPERATOR)
    assert refused.status is Status.DENIED
    answered = await own_world.call("shop_greet", {"who": "you"}, principal=OPERATOR)
    assert answered.status is Status.OK, answered.output
    assert "hello" in answered.output


async def test_a_manifest_that_its_module_cannot_complete_is_refused(own_world):
    module = await assemble_module('(module (memory (export "memory") 1) (func (export "_start")))')
    with pytest.raises(OperatorError, match="the module has none"):
        await own_world.house.registrar.register(manifest(module).replace("extism", "wasi-command"), module, OPERATOR)
