"""What policy saw of a call is kept if the operator wants it: sealed, without what the detectors found."""

import json
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.contracts import NotFound
from holdfast.safety.policy import PolicyInput, Unclear
from holdfast.server.store import DecisionInputs, RecordedInput, schema, sweep
from tests.keys.world import World, code, opened

from .conftest import policies_in

pytestmark = pytest.mark.anyio
TOKEN = "ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"[:36]
READS_TEXT = """
@id("no-shouting") @reason("do not shout")
forbid (principal, action == Action::"echo", resource) when { context.input.text like "*LOUD*" };
"""


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("recording")
    policies_in(folder, READS_TEXT)
    async with opened(folder, '[policy]\ndir = "policies"\nrecord = "redacted"') as house:
        yield house


async def kept(world: World) -> list[RecordedInput]:
    state = world.house.state
    assert state.recorder is not None
    await state.recorder.flush()
    return list(await state.inputs.since(0))


def of(row: RecordedInput) -> PolicyInput:
    assert isinstance(row.said["input"], dict)
    return PolicyInput.from_json(row.said["input"])


async def test_a_call_is_kept_with_all_that_policy_saw_and_is_judged_the_same_again(world: World) -> None:
    loud = await world.call("echo", {"text": "LOUD and clear"}, who="someone")
    assert code(loud) == "policy/no-shouting"

    row = (await kept(world))[-1]

    assert (row.call_id, row.said["decision"], row.said["by"]) == (loud.call_id, "deny", ["no-shouting"])
    assert (row.said["policy"], row.said["profile"]) == (str(world.house.policies.current().digest), "supervised")
    given = of(row)
    assert (given.principal.subject, given.tool, given.arguments) == ("someone", "echo", {"text": "LOUD and clear"})
    assert given.fact("flow.sink") == "none"
    assert given.fact("session.labels") == []
    again = world.house.policies.current().judge(given)
    assert getattr(again, "forbids", ()) == ("no-shouting",)
    assert row.definition in await world.house.state.inputs.tools()


async def test_what_a_detector_found_is_kept_nowhere_and_hides_the_facts_it_was_in(world: World) -> None:
    result = await world.call("echo", {"text": f"the token is {TOKEN} and more"})
    row = (await kept(world))[-1]

    assert row.call_id == result.call_id
    given = of(row)
    assert TOKEN.casefold() not in json.dumps(row.said).casefold()
    assert "REDACTED" in str(given.arguments["text"])
    assert given.hidden == {"input.text"}
    unclear = world.house.policies.current().judge(given)
    assert isinstance(unclear, Unclear)
    assert unclear.facts == ("input.text",)


async def test_nothing_of_it_is_readable_in_the_file_or_on_the_record(world: World) -> None:
    await world.call("echo", {"text": "a phrase that is easily found"}, who="findable-subject")
    assert len(await kept(world)) > 0

    held = sqlite3.connect(world.house.data.database).execute("SELECT * FROM decision_inputs").fetchall()
    assert held
    shown = "".join(map(repr, held))
    assert "easily found" not in shown
    assert "findable-subject" not in shown
    chain = b"".join(path.read_bytes() for path in world.house.data.audit.rglob("*.jsonl"))
    assert b"easily found" not in chain


async def test_a_row_moved_to_another_call_does_not_open(world: World) -> None:
    one, other = await world.call("echo", {"text": "one"}), await world.call("echo", {"text": "other"})
    await kept(world)
    with sqlite3.connect(world.house.data.database) as database:
        database.execute(
            "UPDATE decision_inputs SET (nonce, sealed) = "
            "(SELECT nonce, sealed FROM decision_inputs WHERE call_id = ?) WHERE call_id = ?",
            (one.call_id, other.call_id),
        )

    assert other.call_id not in {row.call_id for row in await kept(world)}
    assert (await world.house.state.inputs.one(one.call_id)).call_id == one.call_id


async def test_it_goes_when_its_days_are_over_and_its_tool_with_the_last_call_of_it(world: World) -> None:
    store, now = world.house.state.store, time.time()
    aged = DecisionInputs(store, key=world.house.data.key("decision-inputs"), clock=lambda: now - 900)
    row = RecordedInput(call_id="old", at=aged.now(), definition="blake3:" + "0" * 64, said={})
    await aged.keep([row], {row.definition: {}})

    await sweep(store, now=now, inputs_kept_s=1000)
    assert (await aged.one("old")).said == {}
    await sweep(store, now=now, inputs_kept_s=800)

    with pytest.raises(NotFound):
        await aged.one("old")
    left = await store.rows(select(schema.decision_tools.c.definition))
    assert row.definition not in {one["definition"] for one in left}


async def test_a_call_that_policy_never_saw_is_not_kept(world: World) -> None:
    before = len(await kept(world))
    await world.call("no-such-tool", {})
    await world.call("echo", {"text": 5})

    assert len(await kept(world)) == before


async def test_off_keeps_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as house:
        await house.call("echo", {"text": "x"})
        assert house.house.state.recorder is None
        assert await house.house.state.inputs.count() == 0
