"""Policy files: each annotation of a policy, and each key of a case file, changes what a real loader or house does."""

import copy
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.assembly import builtin_specs
from holdfast.server.policies import Policies
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Ruling

from .world import World, code, opened

pytestmark = pytest.mark.anyio
SHIPPED = Path(__file__).parents[2] / "policies"


def forbid(subject: str, annotations: str) -> str:
    """A policy that stops *subject* from echoing, and no case of ours."""
    when = f'when {{ principal.subject == "{subject}" }}'
    return f'{annotations}\nforbid (principal, action == Action::"echo", resource) {when};\n'


LOCAL = (
    forbid("one", '@id("rule-one")\n@reason("the first reason")')
    + forbid("two", '@id("rule-two")\n@reason("the second reason")')
    + forbid("three", '@id("rule-three")\n@reason("ask")\n@approval("operator")')
    + forbid("four", '@id("rule-four")\n@reason("ask each time")\n@approval("always")')
    + forbid("five", '@id("rule-five")\n@reason("with a lease")\n@approval("lease")')
)


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("policies")
    shutil.copytree(SHIPPED, folder / "policies")
    (folder / "policies" / "local.cedar").write_text(LOCAL)
    async with opened(folder, '[policy]\ndir = "policies"') as house:
        yield house


async def test_the_id_is_the_code_of_the_refusal(world: World) -> None:
    codes = [code(await world.call("echo", {"text": "x"}, who=who)) for who in ("one", "two", "nobody")]

    assert codes == ["policy/rule-one", "policy/rule-two", "ok"]


async def test_the_reason_is_what_the_agent_is_told(world: World) -> None:
    told = [(await world.call("echo", {"text": "x"}, who=who)).reason for who in ("one", "two")]

    assert [one.message for one in told if one] == ["the first reason", "the second reason"]


async def test_approval_makes_a_forbid_ask_and_an_approval_lifts_exactly_it(world: World) -> None:
    firm = await world.call("echo", {"text": "x"}, who="one")
    asked = await world.call("echo", {"text": "x"}, who="three")
    assert (firm.status.value, firm.approval) == ("denied", None)
    assert asked.status.value == "pending"
    assert asked.approval is not None
    assert asked.approval.forbids == ("rule-three",)

    approval = asked.approval.id
    await world.house.approvals.decide(approval, Ruling.APPROVE, by=OPERATOR)

    assert code(await world.call("echo", {"text": "x"}, who="three", approval=approval)) == "ok"
    assert code(await world.call("echo", {"text": "x"}, who="three", approval=approval)) != "ok"


def test_approval_levels_say_what_a_lease_may_lift(world: World) -> None:
    bundle = world.house.policies.current()

    assert bundle.leasable(frozenset({"rule-one", "rule-three", "rule-four", "rule-five"})) == {
        "rule-three",
        "rule-five",
    }


@pytest.mark.parametrize(
    ("annotations", "why"),
    [
        ('@reason("r")', "needs an `@id`"),
        ('@id("x")', "needs a `@reason`"),
        ('@id("x") @reason("r") @approval("nobody")', "`@approval` takes"),
        ('@id("x") @reason("r") @severity("high")', "`@severity` is not known"),
        ('@id("x") @reason("r") @Approval("operator")', "`@Approval` is not known"),
    ],
)
async def test_an_annotation_that_would_not_be_enforced_stops_the_start(tmp_path, annotations: str, why: str) -> None:
    shutil.copytree(SHIPPED, tmp_path / "policies")
    (tmp_path / "policies" / "local.cedar").write_text(forbid("one", annotations))

    with pytest.raises(OperatorError, match=why):
        async with opened(tmp_path, '[policy]\ndir = "policies"'):
            pass


CEDAR = """
@id("local") @reason("r") permit (principal, action, resource) when { principal.tenant == "here" };
@id("named") @reason("r") forbid (principal, action, resource) when { principal.subject == "bad" };
@id("scoped") @reason("r") forbid (principal, action, resource) when { !principal.scopes.contains("call") };
@id("tainted") @reason("r") forbid (principal, action, resource) when { context.session.labels.contains("private") };
@id("leaked") @reason("r") forbid (principal, action, resource) when { context.facts.leaks > 1 };
@id("keyed") @reason("r") forbid (principal, action, resource) when { context.facts.credentials > 1 };
@id("steered") @reason("r") forbid (principal, action, resource) when { context.facts.injection > 60 };
@id("personal") @reason("r") forbid (principal, action, resource) when { context.facts.pii > 1 };
@id("ruled") @reason("r") forbid (principal, action, resource) when { context.facts.rules.contains("leaks/x") };
@id("spends") @reason("r") forbid (principal, action, resource) when { resource.effects.contains("spend") };
@id("served") @reason("r") forbid (principal, action, resource) when { resource.server == "far" };
@id("acts") @reason("r") forbid (principal, action, resource) when { context.effects.contains("execute") };
@id("grave") @reason("r") forbid (principal, action, resource) when { context.flow.sink == "send" };
@id("holds") @reason("r") forbid (principal, action, resource)
when { context.session.private && context.flow.repeated };
@id("heard") @reason("r") forbid (principal, action, resource)
when { context.session.untrusted && context.flow.repeated };
@id("meant") @reason("r") forbid (principal, action, resource) when { context.flow.args_from_user };
@id("whole") @reason("r") forbid (principal, action, resource) when { context.flow.all_from_user };
@id("known") @reason("r") forbid (principal, action, resource) when { context.flow.receivers_listed };
@id("named-by") @reason("r") forbid (principal, action, resource) when { context.flow.receivers_from_user };
@id("like-own") @reason("r") forbid (principal, action, resource) when { context.flow.args_contain_private };
@id("like-theirs") @reason("r") forbid (principal, action, resource) when { context.flow.args_from_untrusted };
@id("long") @reason("r") forbid (principal, action == Action::"sample", resource)
when { context.input has words && context.input.words == "too long" };
@id("asks") @reason("r") @approval("operator")
forbid (principal, action == Action::"sample", resource) when { context.input has ask };
"""
TOOL = {
    "name": "sample",
    "effects": [],
    "input": {"type": "object", "properties": {"words": {"type": "string"}, "ask": {"type": "boolean"}}},
}
CASE = {"name": "it runs", "call": "sample", "with": {"words": "few"}, "as": {"tenant": "here"}, "expect": "allow"}
DENIED = {"name": "not from elsewhere", "call": "sample", "as": {"tenant": "elsewhere"}, "expect": "deny"}


def file(**changed: Any) -> dict[str, Any]:
    """A case file that holds, with tables of *changed* merged into its only tool and its first case."""
    tool, case = copy.deepcopy(TOOL) | changed.pop("tool", {}), copy.deepcopy(CASE) | changed.pop("case", {})
    return {"profiles": ["p"], "tools": [tool], "cases": [case, copy.deepcopy(DENIED)]} | changed


def here(**more: Any) -> dict[str, Any]:
    return {"as": {"tenant": "here", **more}}


def flows(**says: Any) -> dict[str, Any]:
    return {"case": {"flow": says}}


# For each key: a change under which the file still holds, one under which it does not, and what is then said.
FLIPS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "profiles": ({"profiles": ["p", "q"]}, {"profiles": ["q"]}, "no case of the profile `p`"),
    "tools[].name": (
        {},
        {"tool": {"name": "other"}},
        "names the tool `sample`, which is neither registered nor declared",
    ),
    "tools[].effects": ({"tool": {"effects": ["write"]}}, {"tool": {"effects": ["spend"]}}, "deny` by `spends`"),
    "tools[].input": ({}, {"tool": {"input": {"type": "object"}}}, "context.input"),
    "tools[].upstream": (
        {"tool": {"upstream": "near"}},
        {"tool": {"upstream": "far"}},
        "deny` by `served`",
    ),
    "cases[].name": ({"case": {"name": "another"}}, {"case": {"name": "another", "expect": "deny"}}, "case `another`"),
    "cases[].call": ({}, {"case": {"call": "absent"}}, "there is no tool `absent`"),
    "cases[].with": ({"case": {"with": {}}}, {"case": {"with": {"words": "too long"}}}, "deny` by `long`"),
    "cases[].session": (
        {"case": {"session": ["untrusted"]}},
        {"case": {"session": ["private"]}},
        "deny` by `tainted`",
    ),
    "cases[].lifted": (
        {"case": {"with": {"ask": True}, "lifted": ["asks"]}},
        {"case": {"with": {"ask": True}, "lifted": []}},
        "ask` by `asks`",
    ),
    "cases[].expect": ({}, {"case": {"expect": "ask"}}, "expected `ask`"),
    "cases[].by": ({"case": {"by": "local"}}, {"case": {"by": "named"}}, "expected `allow` by `named`"),
    "cases[].message": (
        {"case": {"facts": {"leaks": 2}, "expect": "deny", "message": "r"}},
        {"case": {"facts": {"leaks": 2}, "expect": "deny", "message": "s"}},
        "expected the message `s`, but the agent is told `r`",
    ),
    "cases[].as": ({"case": here()}, {"case": {"as": {}}}, "deny` by `no-permit`"),
    "cases[].as.tenant": ({}, {"case": {"as": {"tenant": "elsewhere"}}}, "deny` by `no-permit`"),
    "cases[].as.subject": ({"case": here(subject="good")}, {"case": here(subject="bad")}, "deny` by `named`"),
    "cases[].as.scopes": ({"case": here(scopes=["call"])}, {"case": here(scopes=["audit"])}, "deny` by `scoped`"),
    "cases[].facts": ({"case": {"facts": {}}}, {"case": {"facts": {"leaks": 2}}}, "deny` by `leaked`"),
    "cases[].facts.leaks": (
        {"case": {"facts": {"leaks": 1}}},
        {"case": {"facts": {"leaks": 2}}},
        "deny` by `leaked`",
    ),
    "cases[].facts.credentials": (
        {"case": {"facts": {"credentials": 1}}},
        {"case": {"facts": {"credentials": 2}}},
        "deny` by `keyed`",
    ),
    "cases[].facts.injection": (
        {"case": {"facts": {"injection": 60}}},
        {"case": {"facts": {"injection": 61}}},
        "deny` by `steered`",
    ),
    "cases[].facts.pii": (
        {"case": {"facts": {"pii": 1}}},
        {"case": {"facts": {"pii": 2}}},
        "deny` by `personal`",
    ),
    "cases[].facts.rules": (
        {"case": {"facts": {"rules": ["leaks/y"]}}},
        {"case": {"facts": {"rules": ["leaks/x"]}}},
        "deny` by `ruled`",
    ),
    "cases[].flow": ({"case": {"flow": {}}}, {"case": {"flow": {"args_from_user": True}}}, "deny` by `meant`"),
    "cases[].flow.effects": (flows(effects=["write"]), flows(effects=["execute"]), "deny` by `acts`"),
    "cases[].flow.sink": (flows(sink="query"), flows(sink="send"), "deny` by `grave`"),
    "cases[].flow.private": (
        flows(private=False, repeated=True),
        flows(private=True, repeated=True),
        "deny` by `holds`",
    ),
    "cases[].flow.untrusted": (
        flows(untrusted=False, repeated=True),
        flows(untrusted=True, repeated=True),
        "deny` by `heard`",
    ),
    "cases[].flow.repeated": (
        flows(private=True, repeated=False),
        flows(private=True, repeated=True),
        "deny` by `holds`",
    ),
    "tools": ({}, {"tools": []}, "sample"),
    "cases": ({}, {"cases": []}, "no case of the profile `p` expects `deny`"),
}
FLIPS |= {
    f"cases[].flow.{name}": (flows(**{name: False}), flows(**{name: True}), f"deny` by `{by}`")
    for name, by in (
        ("args_from_user", "meant"),
        ("all_from_user", "whole"),
        ("receivers_listed", "known"),
        ("receivers_from_user", "named-by"),
        ("args_contain_private", "like-own"),
        ("args_from_untrusted", "like-theirs"),
    )
}


def loaded(folder: Path, cases: dict[str, Any]) -> Policies:
    (folder / "p").mkdir(exist_ok=True)
    (folder / "p" / "rules.cedar").write_text(CEDAR)
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "cases.yaml").write_text(json.dumps(cases))
    return Policies(folder, "p", builtin_specs)


@pytest.mark.parametrize("key", sorted(FLIPS))
def test_a_key_of_a_case_file_decides_whether_the_set_is_loaded(tmp_path, key: str) -> None:
    holding, failing, why = FLIPS[key]

    assert loaded(tmp_path, file(**copy.deepcopy(holding))).current().profile == "p"
    with pytest.raises(OperatorError) as refused:
        loaded(tmp_path, file(**copy.deepcopy(failing)))
    assert why in refused.value.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"notes": "x"},
        {"tool": {"notes": "x"}},
        {"case": {"notes": "x"}},
        {"case": here(notes="x")},
        {"case": {"facts": {"notes": 1}}},
        {"case": {"flow": {"notes": 1}}},
    ],
)
def test_a_key_nobody_reads_is_refused(tmp_path, wrong: dict[str, Any]) -> None:
    with pytest.raises(OperatorError, match="the field `notes` is not known"):
        loaded(tmp_path, file(**wrong))
