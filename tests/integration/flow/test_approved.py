"""An approval is for one call as it was looked at: whatever has changed since, it lifts nothing."""

from collections.abc import Mapping

import pytest

from holdfast.contracts import ApprovalId, Json, Place
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Ruling

from .conftest import BOTH, PRIVATE, UNTRUSTED, Agent, World

pytestmark = pytest.mark.anyio
PAY: Mapping[str, Json] = {"to": "carl", "amount": "12"}


async def approved(agent: Agent, tool: str, arguments: Mapping[str, Json]) -> ApprovalId:
    """The id of an approval that an operator gave for that call."""
    asked = await agent.call(tool, arguments)
    assert asked.approval is not None
    await agent.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)
    return asked.approval.id


async def test_it_runs_one_call_once(world: World) -> None:
    agent = await world.agent(UNTRUSTED)
    given = await approved(agent, "pay", PAY)

    assert await agent.does("pay", PAY | {"amount": "13"}, approval=given) == "gate/approval-invalid"
    assert await agent.does("pay", PAY, approval=given) == "ok"
    assert await agent.does("pay", PAY, approval=given) == "gate/approval-invalid"


async def test_it_is_for_the_session_that_asked(world: World) -> None:
    agent = await world.agent(UNTRUSTED)
    twin, child = await world.agent(UNTRUSTED), await world.agent(parent=agent.session)
    given = await approved(agent, "pay", PAY)

    assert await twin.does("pay", PAY, approval=given) == "gate/approval-invalid"
    assert await child.does("pay", PAY, approval=given) == "gate/approval-invalid"


async def test_it_is_void_once_the_session_has_learned_more(world: World) -> None:
    agent = await world.agent(UNTRUSTED)
    given = await approved(agent, "pay", PAY)

    await agent.call("contacts")

    assert await agent.labels() == {PRIVATE, UNTRUSTED}
    assert await agent.does("pay", PAY, approval=given) == "gate/approval-invalid"


async def test_it_is_void_once_a_file_that_the_call_names_is_another(world: World) -> None:
    script = f"job-{world.tenant}.sh"
    (world.workspace / script).write_text("echo one")
    agent = await world.agent(UNTRUSTED)
    same, changed = {"argv": ["sh", script]}, {"argv": ["sh", f"./{script}"]}
    given, void = await approved(agent, "shell", same), await approved(agent, "shell", changed)

    assert await agent.does("shell", same, approval=given) == "ok"
    (world.workspace / script).write_text("echo two")
    assert await agent.does("shell", changed, approval=void) == "gate/approval-invalid"


async def test_it_is_void_once_more_is_carried_along(world: World) -> None:
    writer, sender = await world.agent(*BOTH), await world.agent()
    drafted = await writer.call("draft", {"to": "ann", "text": "one"})
    assert drafted.structured is not None
    draft = {"id": drafted.structured["id"]}
    given = await approved(sender, "send_draft", draft)

    await writer.call("add_to_draft", draft | {"text": "words of contacts"})

    assert await sender.does("send_draft", draft, approval=given) == "gate/approval-invalid"
    assert "words of contacts" not in world.desk.sent


async def test_no_file_of_the_data_directory_holds_what_calls_were_given_or_what_a_user_said(world: World) -> None:
    written, asked, said = "plain-word-of-a-draft", "plain-word-of-a-call", "plain-word-of-a-user"
    writer, sender, payer = [await world.agent(*labels, request=said) for labels in (BOTH, (), (UNTRUSTED,))]
    drafted = await writer.call("draft", {"to": "ann", "text": written})
    assert drafted.structured is not None
    draft: Mapping[str, Json] = {"id": drafted.structured["id"]}
    place = Place("upstream:desk", f"draft/{draft['id']}")
    carried = await world.house.state.places.carried(world.tenant, [place])
    assert [dict(one.arguments or {})["text"] for one in carried] == [written]
    given = await approved(sender, "send_draft", draft)
    paid = await approved(payer, "pay", PAY | {"to": asked})

    assert await sender.does("send_draft", draft, approval=given) == "ok"
    assert await payer.does("pay", PAY | {"to": asked}, approval=paid) == "ok"

    assert written in world.desk.sent
    files = [file for file in (world.workspace.parent / "data").rglob("*") if file.is_file()]
    assert {"holdfast.db", "holdfast.db-wal"} <= {file.name for file in files}
    for file in files:
        held = file.read_bytes()
        assert not any(word.encode() in held for word in (written, asked, said)), file.name
