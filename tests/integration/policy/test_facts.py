"""What a running server tells policy of a call: what went before, how its tool stands, digests under its own key."""

from pathlib import Path

import pytest

from holdfast.contracts import Digest, ToolCall, ToolName, VerdictKind
from holdfast.contracts.json_values import canonical
from holdfast.server.principals import acting_as
from holdfast.server.verbs import run_verb
from holdfast.server.verbs.calls import new_call_id
from tests.keys.world import World, code, opened

from .conftest import policies_in

pytestmark = pytest.mark.anyio


async def judged_by(world: World, text: str) -> None:
    (world.folder / "policies" / "local.cedar").write_text(text)
    await world.house.desks.reloading.reload(by="test")


async def test_a_policy_bounds_how_often_a_tool_is_called(world: World) -> None:
    await judged_by(
        world,
        '@id("slowly") @reason("two a minute") forbid (principal, action == Action::"echo", resource)'
        " when { context.rate.tool_minute >= 2 };",
    )

    answers = [code(await world.call("echo", {"text": "x"}, who="alice")) for _ in range(3)]
    other = code(await world.call("echo", {"text": "x"}, who="bob"))
    another = code(await world.call("time", {}, who="alice"))

    assert answers == ["ok", "ok", "policy/slowly"]
    assert (other, another) == ("ok", "ok"), "another principal, another tool"


async def test_what_is_denied_does_not_count(world: World) -> None:
    await judged_by(
        world,
        '@id("slowly") @reason("two a minute") forbid (principal, action == Action::"echo", resource)'
        ' when { context.rate.tool_minute >= 1 || context.input.text == "no" };',
    )

    answers = [code(await world.call("echo", {"text": text}, who="alice")) for text in ("no", "no", "yes", "yes")]

    assert answers == ["policy/slowly", "policy/slowly", "ok", "policy/slowly"]


async def test_a_policy_pins_an_argument_without_a_type_by_what_policy_digest_prints(world: World) -> None:
    pinned = {"rows": [1, {"b": None}]}
    digest = await run_verb(world.house, "policy.digest", {"value": pinned})
    await judged_by(
        world,
        '@id("only-these") @reason("only the rows that were looked at") forbid (principal, action == Action::"python",'
        f' resource) unless {{ context.input has input && context.input.input.digest == "{digest}" }};',
    )

    async def asked(value: object) -> str:
        call = ToolCall(id=new_call_id(), tool=ToolName("python"), arguments={"code": "0", "input": value})  # type: ignore[dict-item]
        result = await world.house.dispatcher.explain(call, acting_as("alice"))
        return next(one.verdict for one in result.decisions if one.layer == "policy")

    assert digest != str(Digest.of(canonical(pinned)))
    assert await asked(pinned) is VerdictKind.PASS
    assert await asked({"rows": [1, {"b": 0}]}) is VerdictKind.DENY


async def test_a_tool_is_approved_as_the_registry_has_it(world: World) -> None:
    await judged_by(
        world,
        '@id("state") @reason("known") forbid (principal, action == Action::"time", resource)'
        ' when { resource.state == "approved" };',
    )

    assert code(await world.call("time", {})) == "policy/state"


async def test_a_path_is_where_the_workspace_leads_it(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    (root / "docs").mkdir(parents=True)
    (root / "src").mkdir()
    (root / "docs" / "link").symlink_to("../src")
    (root / "docs" / "out").symlink_to("/etc")
    policies_in(
        tmp_path,
        '@id("docs-only") @reason("docs") forbid (principal, action == Action::"file_grep", resource)'
        " unless { !context.workspace.outside &&"
        ' (context.workspace.count == 0 || context.workspace.text like "/docs/*") };',
    )
    async with opened(tmp_path, '[workspace]\nroot = "workspace"\n[policy]\ndir = "policies"') as world:

        async def asked(path: str) -> str:
            return code(await world.call("file_grep", {"pattern": "x", "path": path}))

        assert await asked("./docs//") == "ok"
        assert await asked("docs/link") == "policy/docs-only", "it leads to src"
        assert await asked("docs/out") == "policy/docs-only", "it leads out"
        assert await asked("/docs") == "policy/docs-only"
        assert await asked("docs/../docs") == "policy/docs-only"


async def test_what_confines_a_tool_is_known_before_it_runs(world: World) -> None:
    await judged_by(
        world,
        '@id("confined") @reason("walls") forbid (principal, action, resource)'
        ' when { ["python", "time"].contains(resource.name) }'
        ' unless { resource.isolation.containsAll(["landlock", "seccomp"]) };',
    )

    assert code(await world.call("time", {})) == "policy/confined"
    assert code(await world.call("python", {"code": "1"})) == "ok"
