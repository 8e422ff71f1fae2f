"""What is only observed passes, and is recorded, counted and said; what cannot be taken back counts all the same."""

from pathlib import Path

import pytest

from holdfast.contracts import OperatorError, Status
from holdfast.server.audit import tail
from holdfast.server.observations import observations
from holdfast.server.observing import observing_of
from holdfast.server.verbs import run_verb
from tests.keys.world import World, code, opened, said

from .conftest import forbid, policies_in
from .test_recording import TOKEN

pytestmark = pytest.mark.anyio
RULES = forbid("no-parrot", "parrot") + forbid("no-crow", "crow") + forbid("ask-jay", "jay", '@approval("operator")')
EVERY = '[policy]\ndir = "policies"\n'


def outcome(world: World) -> dict:
    house = world.house
    records = tail(house.data.audit / house.audit.chain.name, 50)
    return next(one for one in reversed(records) if one["kind"] == "outcome")


async def test_one_rule_is_observed_and_the_others_count(tmp_path: Path) -> None:
    policies_in(tmp_path, RULES)
    async with opened(tmp_path, EVERY + 'observe = ["policy/no-parrot"]') as world:
        result = await world.call("echo", {"text": "x"}, who="parrot")

        assert code(result) == "ok"
        seen = [one for one in result.decisions if one.would is not None]
        assert [(one.layer, one.verdict.value, one.would.value, one.rules) for one in seen] == [
            ("policy", "pass", "deny", ("policy/no-parrot",))
        ]
        recorded = {"layer": "policy", "verdict": "pass", "would": "deny", "rules": ["policy/no-parrot"]}
        assert recorded in outcome(world)["decisions"]
        assert b'holdfast_observed_total{layer="policy",would="deny"} 1.0' in world.house.metrics.render()
        assert b"holdfast_observing 1.0" in world.house.metrics.render()
        assert code(await world.call("echo", {"text": "x"}, who="crow")) == "policy/no-crow"
        assert code(await world.call("echo", {"text": "x"}, who="jay")) == "policy/ask-jay"
        (row,) = observations(world.house.data.root)
        assert (row["calls"], row["would"], row["rules"], row["tools"]) == (1, "deny", "policy/no-parrot", "echo")
        status = await run_verb(world.house, "status", {})
        assert status["observing"] == ["policy/no-parrot"]


async def test_the_whole_layer_is_observed_with_all_its_rules(tmp_path: Path) -> None:
    policies_in(tmp_path, RULES)
    async with opened(tmp_path, EVERY + 'profile = "readonly"\nmode = "observe"') as world:
        for who, would, rule in (("parrot", "deny", "no-parrot"), ("jay", "review", "ask-jay")):
            result = await world.call("echo", {"text": "x"}, who=who)
            assert code(result) == "ok"
            assert [(one.would, one.rules) for one in result.decisions if one.would] == [(would, (f"policy/{rule}",))]
        fetched = await world.call("http_fetch", {"url": "https://nowhere.invalid/"}, who="reader")
        assert [one.rules for one in fetched.decisions if one.would] == [("policy/read-only",)]


async def test_observing_never_lifts_gate_validator_registry_or_floor(tmp_path: Path) -> None:
    policies_in(tmp_path, RULES)
    async with opened(tmp_path, EVERY + 'mode = "observe"\nobserve = ["leaks", "credentials", "pii"]') as world:
        assert code(await world.call("echo", {"text": 5})).startswith("validator/")
        assert code(await world.call("no-such-tool", {})) == "tools/unknown"
        sent = await world.call("http_fetch", {"url": f"https://example.com/?q={TOKEN}"})
        assert code(sent) == "leaks/secret-to-egress"
        gate = world.house.dispatcher._gate
        digest, gate._digest = gate._digest, lambda _arguments: gate._policy
        try:
            assert code(await world.call("echo", {"text": "x"}, who="parrot")) == "gate/arguments-changed"
        finally:
            gate._digest = digest


async def test_a_finding_in_a_result_is_let_through_and_said(tmp_path: Path) -> None:
    async with opened(tmp_path / "on", '[policy]\nobserve = ["leaks", "credentials"]') as world:
        result = await world.call("echo", {"text": f"it is {TOKEN}"})
        assert TOKEN in said(result)
        seen = {(one.layer, one.would.value) for one in result.decisions if one.would is not None}
        assert ("leaks", "rewrite") in seen or ("credentials", "rewrite") in seen
        assert TOKEN not in repr(outcome(world))
    async with opened(tmp_path / "off") as world:
        assert TOKEN not in said(await world.call("echo", {"text": f"it is {TOKEN}"}))


async def test_a_finding_that_is_observed_does_not_count_for_policy_and_it_is_said(tmp_path: Path) -> None:
    rule = '@id("no-leaks") @reason("r") forbid (principal, action == Action::"echo", resource)\n'
    condition = (
        'when { (context.facts.leaks > 0 || context.facts.credentials > 0) && principal.subject == "parrot" };\n'
    )
    policies_in(tmp_path, rule + condition)
    async with opened(tmp_path, EVERY + 'observe = ["leaks", "credentials"]') as world:
        result = await world.call("echo", {"text": f"it is {TOKEN}"}, who="parrot")
        assert result.status is Status.OK
        assert "deny" in {one.would.value for one in result.decisions if one.would is not None}


async def test_an_observing_set_is_another_set(tmp_path: Path) -> None:
    policies_in(tmp_path, RULES)
    digests = set()
    for more in ("", 'observe = ["policy/no-parrot"]', 'mode = "observe"'):
        async with opened(tmp_path, EVERY + more) as world:
            digests.add(world.house.policies.current().digest)
    assert len(digests) == 3


NEVER = (
    *("gate", "validator", "envelope", "auth", "authentication", "sandbox", "tools", "approvals", "floor", "sanitizer"),
    *("admit", "egress", "injection", "leaks/held-secret", "leaks/flood", "leaks/unread", "nothing", "gate/x"),
)


@pytest.mark.parametrize("name", NEVER)
def test_what_may_not_be_observed_is_refused_with_its_reason(name: str) -> None:
    with pytest.raises(OperatorError, match="observe"):
        observing_of("enforce", [name])


@pytest.mark.parametrize("name", ["policy/no-such-rule", "policy/pure"])
async def test_a_policy_that_is_no_forbid_stops_the_start(tmp_path: Path, name: str) -> None:
    with pytest.raises(OperatorError, match="no forbid"):
        async with opened(tmp_path, f'[policy]\nobserve = ["{name}"]'):
            pass
