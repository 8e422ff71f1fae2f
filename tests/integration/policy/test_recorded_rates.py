"""What is kept of a call is what was judged: counts without the call itself, and the judgement at the gate, too."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from holdfast.safety.policy import PolicyInput
from holdfast.server.config import StoreSettings
from holdfast.server.policy_files import read_policy_set
from holdfast.server.policy_history import read_history, replay
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Ruling
from tests.keys.world import World, code, opened

from .conftest import forbid, policies_in

pytestmark = pytest.mark.anyio
RECORDS = '[policy]\ndir = "policies"\nrecord = "redacted"\n'
RATES = """
@id("few-a-minute") @reason("at most three a minute")
forbid (principal, action == Action::"echo", resource) when { context.rate.tool_minute >= 3 };
@id("few-spent") @reason("none at all")
forbid (principal, action == Action::"hash", resource) when { context.rate.day > 1 && context.time.unix > 0 };
"""
ONCE = """
@id("only-unapproved") @reason("not what was approved")
forbid (principal, action == Action::"echo", resource) when { context.approval == "approval" };
"""


async def kept(world: World) -> list[dict]:
    """What was kept of each call, the oldest first."""
    state = world.house.state
    assert state.recorder is not None
    await state.recorder.flush()
    return [dict(row.said) for row in await state.inputs.since(0)]


def rate(said: dict, name: str) -> object:
    return PolicyInput.from_json(said["input"]).fact(f"rate.{name}")


async def test_a_replay_of_the_same_set_reproduces_every_decision_of_rate_rules(tmp_path: Path) -> None:
    policies_in(tmp_path, RATES)
    async with opened(tmp_path, RECORDS) as world:
        in_turn = [code(await world.call("echo", {"text": "x"}, who="one")) for _ in range(5)]
        at_once = await asyncio.gather(*(world.call("echo", {"text": str(n)}, who="many") for n in range(8)))
        mixed = [code(await world.call("hash", {"text": "x"}, who="one")) for _ in range(2)]

    assert in_turn == ["ok", "ok", "ok", "policy/few-a-minute", "policy/few-a-minute"]
    assert Counter(map(code, at_once))["ok"] == 3
    assert mixed == ["policy/few-spent"] * 2
    history = await read_history(tmp_path / "data", StoreSettings(), 0)
    assert len(history.rows) == 15
    (report,), exits = replay(read_policy_set(str(tmp_path / "policies")), history)
    assert (report["same"], report["changed"], report["not_reconstructed"], exits) == (15, [], [], 0)


async def test_counts_that_no_rule_read_are_those_before_the_call_all_the_same(tmp_path: Path) -> None:
    policies_in(tmp_path)
    async with opened(tmp_path, RECORDS) as world:
        for _ in range(4):
            await world.call("echo", {"text": "x"}, who="one")
        said = await kept(world)

    assert [(rate(one, "tool_minute"), rate(one, "day")) for one in said] == [(n, n) for n in range(4)]
    (tmp_path / "policies" / "local.cedar").write_text(RATES.replace(">= 3", ">= 2"))
    history = await read_history(tmp_path / "data", StoreSettings(), 0)
    (report,), _ = replay(read_policy_set(str(tmp_path / "policies")), history)
    assert [one["now"]["by"] for one in report["changed"]] == [["few-a-minute"]] * 2


async def test_what_was_judged_at_the_gate_after_an_approval_is_kept_and_judged_again(tmp_path: Path) -> None:
    policies_in(tmp_path, forbid("ask-jay", "jay", '@approval("operator")'))
    async with opened(tmp_path, RECORDS) as world:
        asked = await world.call("echo", {"text": "x"}, who="jay")
        assert asked.approval is not None
        await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)
        done = await world.call("echo", {"text": "x"}, who="jay", approval=asked.approval.id)
        assert code(done) == "ok"
        first, second = await kept(world)

    assert (first["decision"], first["gate"]) == ("ask", None)
    gate = second["gate"]
    assert (second["decision"], gate["decision"], gate["lifted"]) == ("ask", "allow", ["ask-jay"])
    assert PolicyInput.from_json(gate["input"]).context["approval"] == "approval"
    history = await read_history(tmp_path / "data", StoreSettings(), 0)
    (same,), exits = replay(read_policy_set(str(tmp_path / "policies")), history)
    assert (same["same"], same["changed"], exits) == (2, [], 0)

    own = tmp_path / "policies" / "local.cedar"
    own.write_text(own.read_text() + ONCE)
    (other,), _ = replay(read_policy_set(str(tmp_path / "policies")), history)
    (one,) = other["changed"]
    assert (one["call"], one["at_gate"], one["then"]["decision"], one["now"]["by"]) == (
        done.call_id,
        True,
        "allow",
        ["only-unapproved"],
    )
    assert (other["recorded"], other["same"]) == (2, 1)


async def test_what_is_only_observed_is_kept_as_policy_says_it(tmp_path: Path) -> None:
    policies_in(tmp_path, forbid("no-parrot", "parrot"))
    async with opened(tmp_path, RECORDS + 'mode = "observe"') as world:
        assert code(await world.call("echo", {"text": "x"}, who="parrot")) == "ok"
        (said,) = await kept(world)

    assert (said["decision"], said["by"], said["let"]) == ("deny", ["no-parrot"], "allow")
    history = await read_history(tmp_path / "data", StoreSettings(), 0)
    (report,), exits = replay(read_policy_set(str(tmp_path / "policies")), history)
    assert (report["same"], report["changed"], exits) == (1, [], 0)
