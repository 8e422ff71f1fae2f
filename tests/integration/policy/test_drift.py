"""A tool that changes so that policy no longer fits it is withheld alone and named; the set that fitted goes on."""

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest

from holdfast.server.doctor import drift
from holdfast.server.verbs import run_verb
from tests.keys.world import Answering, code, listening, opened

from .conftest import policies_in

pytestmark = pytest.mark.anyio

PINS = """
@id("only-home") @reason("payments go home") forbid (principal, action == Action::"bank__pay", resource)
unless { context.input.to == "home" };
"""


class Bank(Answering):
    """An MCP server over HTTP whose one tool takes what `takes` says."""

    takes: ClassVar[dict[str, Any]] = {}
    pays: ClassVar[str] = "pay"

    def do_POST(self) -> None:  # noqa: N802 -- the library's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        schema = {"type": "object", "properties": self.takes, "required": [*self.takes]}
        info = {"name": "bank", "version": "1"}
        answers = {
            "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info},
            "tools/list": {
                "tools": [
                    {"name": self.pays, "description": "pays", "inputSchema": schema},
                    {"name": "hours", "description": "says when", "inputSchema": {"type": "object"}},
                ]
            },
            "tools/call": {"content": [{"type": "text", "text": "paid"}]},
        }
        known = answers.get(body["method"])
        said = {"result": known} if known else {"error": {"code": -32601, "message": "unknown"}}
        sent = b"" if "id" not in body else json.dumps({"jsonrpc": "2.0", "id": body["id"], **said}).encode()
        self.send_response(200 if sent else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)


async def test_a_changed_tool_that_policy_does_not_fit_is_withheld_alone_and_named(tmp_path: Path) -> None:
    Bank.takes = {"to": {"type": "string"}}
    own = policies_in(tmp_path, PINS)
    with listening(Bank) as web:
        rows = f'[[upstreams]]\nname = "bank"\nurl = "http://127.0.0.1:{web.port}/mcp"\neffects = []\n'
        async with opened(tmp_path, f'[policy]\ndir = "policies"\n{rows}') as world:
            house = world.house
            await house.upstreams.approve("bank", ())
            before = house.policies.current().digest
            assert code(await world.call("bank__pay", {"to": "home"})) == "ok"
            assert code(await world.call("bank__pay", {"to": "away"})) == "policy/only-home"

            Bank.takes = {"receiver": {"type": "string"}}
            await house.upstreams.diff("bank")
            await house.upstreams.approve("bank", ())

            assert code(await world.call("bank__pay", {"receiver": "away"})) == "tool/quarantined"
            assert code(await world.call("bank__hours", {})) == "ok", "its neighbour goes on"
            assert house.policies.current().digest == before, "the set goes on"
            status: Any = await run_verb(house, "status", {})
            (row,) = status["drift"]
            assert (row["tool"], row["policy"]) == ("bank__pay", "only-home")
            assert row["change"] == "gone: `to`; new: `receiver`"
            assert "`local.cedar` line 2: policy `only-home` does not fit the tools" in row["why"]
            told: Any = await run_verb(house, "policy.tools", {})
            assert "receiver" in json.dumps(told), "who checks the set against the tools must see this one"
            assert b"holdfast_policy_drift 1.0" in house.metrics.render()
            assert [(one.held, one.name) for one in drift(status)] == [(False, "drift: bank__pay")]

            own.write_text(PINS.replace("input.to", "input.receiver"))
            await house.desks.reloading.reload(by="test")

            assert code(await world.call("bank__pay", {"receiver": "home"})) == "ok"
            assert code(await world.call("bank__pay", {"receiver": "away"})) == "policy/only-home"
            assert house.policies.drifted == ()


async def test_a_tool_that_was_renamed_is_named_while_a_rule_asks_for_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Bank.takes = {"to": {"type": "string"}}
    policies_in(tmp_path, PINS)
    with listening(Bank) as web:
        rows = f'[[upstreams]]\nname = "bank"\nurl = "http://127.0.0.1:{web.port}/mcp"\neffects = []\n'
        async with opened(tmp_path, f'[policy]\ndir = "policies"\n{rows}') as world:
            house = world.house
            await house.upstreams.approve("bank", ())
            assert house.policies.missing == ()

            monkeypatch.setattr(Bank, "pays", "payout")
            await house.upstreams.diff("bank")
            await house.upstreams.approve("bank", ())

            assert code(await world.call("bank__payout", {"to": "away"})) == "ok", "no rule names it"
            status: Any = await run_verb(house, "status", {})
            (row,) = status["missing"]
            assert (row["policy"], row["tool"]) == ("only-home", "bank__pay")
            assert "`local.cedar` line 2: policy `only-home` names `bank__pay`" in row["why"]
            assert [(one.held, one.name) for one in drift(status)] == [(False, "missing: bank__pay")]


async def test_a_tool_that_cannot_be_typed_is_quarantined_alone_where_policy_would_have_to_see_it(
    tmp_path: Path,
) -> None:
    Bank.takes = {f"a{number}": {"type": "string"} for number in range(600)}
    looks = '@id("looks") @reason("looks") forbid (principal, action, resource) when { context.input has a1 };'
    policies_in(tmp_path, looks)
    with listening(Bank) as web:
        rows = f'[[upstreams]]\nname = "bank"\nurl = "http://127.0.0.1:{web.port}/mcp"\neffects = []\n'
        async with opened(tmp_path, f'[policy]\ndir = "policies"\n{rows}') as world:
            await world.house.upstreams.approve("bank", ())

            given = {f"a{number}": "x" for number in range(600)}
            assert code(await world.call("bank__pay", given)) == "policy/unexpressible"
            assert code(await world.call("bank__hours", {})) == "ok"
            assert set(world.house.policies.current().quarantined) == {"bank__pay"}
