"""`[[tool.operations]]`: each key changes a tool that a real library registers and a worker runs, or is refused."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from holdfast.contracts import OperatorError, Status
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR

from .test_manifest_keys import manifest
from .world import World, opened

pytestmark = pytest.mark.anyio

TWO = """(component
  (core module $m (func (export "buy") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
    (func (export "sell") (param i32) (result i32) (i32.sub (local.get 0) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func (export "buy") (param "n" u32) (result u32) (canon lift (core func $i "buy")))
  (func (export "sell") (param "n" u32) (result u32) (canon lift (core func $i "sell"))))"""
REQUEST = '(record (field "params" string) (field "context" (option string)))'
RESPONSE = '(record (field "output" (option string)) (field "error" (option string)))'
# What it was called as is what it answers: the context's pointer and length become those of the output.
NEAR = f"""(component
  (core module $m (memory (export "memory") 1) (global $free (mut i32) (i32.const 4096))
    (func (export "execute") (param i32 i32 i32 i32 i32) (result i32)
      (i32.store (i32.const 8) (i32.const 1)) (i32.store (i32.const 12) (local.get 3))
      (i32.store (i32.const 16) (local.get 4)) (i32.const 8))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
      (local.set $at (global.get $free)) (global.set $free (i32.add (local.get $at) (local.get 3))) (local.get $at)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $mem)) (alias core export $i "realloc" (core func $realloc))
  (type $request {REQUEST}) (type $response {RESPONSE})
  (component $shim
    (type $q {REQUEST}) (import "request" (type $request (eq $q)))
    (type $a {RESPONSE}) (import "response" (type $response (eq $a)))
    (import "execute" (func $execute (param "req" $request) (result $response)))
    (export $q2 "request" (type $request)) (export $a2 "response" (type $response))
    (export "execute" (func $execute) (func (param "req" $q2) (result $a2))))
  (func $execute (param "req" $request) (result $response)
    (canon lift (core func $i "execute") (memory $mem) (realloc $realloc)))
  (instance $tool (instantiate $shim (with "request" (type $request)) (with "response" (type $response))
    (with "execute" (func $execute))))
  (export "near:agent/tool@0.4.0" (instance $tool)))"""
NUMBER = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with opened(tmp_path_factory.mktemp("operations")) as house:
        yield house


def operation(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "description": f"{name}s things", "input_schema": NUMBER} | keys


async def registered(world: World, name: str, text: str, abi: str, *operations: dict[str, Any]) -> list[str]:
    """Register a tool of *operations* and approve each; answers their names."""
    module = await assemble_module(text)
    keys = {"tool.abi": abi, "tool.input_schema": None, "tool.operations": list(operations)}
    await world.house.registrar.register(manifest(name, module, keys), module, OPERATOR)
    names = [f"{name}_{one['name']}" for one in operations]
    for one in names:
        await world.house.registrar.approve(one, OPERATOR)
    return names


async def test_operations_are_tools_of_their_own(world: World) -> None:
    more = operation("more", function="buy")
    less = operation("less", function="sell", input_schema=NUMBER | {"additionalProperties": False})
    names = await registered(world, "shop", TWO, "component", more, less)

    assert [(await world.call(name, {"n": 5})).structured for name in names] == [6, 4]
    assert (await world.call("shop", {"n": 5})).status is Status.DENIED
    assert (await world.call("shop_less", {"n": 5, "other": 1})).status is Status.DENIED
    served = {tool.name: tool.description for tool in world.house.registry.specs()}
    assert {name: served[name] for name in names} == {"shop_more": "mores things", "shop_less": "lesss things"}


async def test_a_function_that_is_not_there_is_refused(world: World) -> None:
    with pytest.raises(OperatorError, match="several functions: buy, sell"):
        await registered(world, "gone", TWO, "component", operation("one", function="steal"))


async def test_a_capability_is_what_a_near_agent_tool_is_called_as(world: World) -> None:
    buy, sell = operation("buy", capability_id="shop.buy"), operation("sell", capability_id="shop.sell")
    names = await registered(world, "agent", NEAR, "near-agent", buy, sell)

    said = [(await world.call(name, {"n": 5})).structured for name in names]

    assert said == [{"capability_id": "shop.buy"}, {"capability_id": "shop.sell"}]


async def test_one_operation_can_be_removed_and_the_others_stay(world: World) -> None:
    names = await registered(
        world, "pair", TWO, "component", *(operation(one, function=one) for one in ("buy", "sell"))
    )
    await world.house.registrar.remove(names[0])

    assert (await world.call(names[0], {"n": 1})).status is Status.DENIED
    assert (await world.call(names[1], {"n": 1})).structured == 0
    assert json.dumps([tool.name for tool in world.house.registry.specs()]).count("pair_") == 1
