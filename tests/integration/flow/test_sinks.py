"""What a labelled session may do unasked: what the user said, what the operator listed, what stays put."""

import base64
from pathlib import Path

import pytest

from holdfast.contracts import TenantId

from .conftest import BOTH, ENTRIES, PRIVATE, UNTRUSTED, World, standing
from .desk import Desk

pytestmark = pytest.mark.anyio
TAINTED = "ask-tainted-egress"
PROMPTED = "ask-untrusted-consequence"
HELLO = {"to": "ann@elsewhere.example", "text": "the hall is booked"}
ASKED = "write to ann@elsewhere.example: the hall is booked"


async def test_nothing_leaves_a_session_with_private_data_and_a_strangers_text(world: World) -> None:
    agent = await world.agent()

    assert await agent.does("search", {"q": "weather"}) == "ok"
    await agent.call("contacts")

    assert await agent.labels() == {PRIVATE, UNTRUSTED}
    assert TAINTED in await agent.asks("search", {"q": "weather"})
    assert {TAINTED, PROMPTED} <= set(await agent.asks("send", HELLO))


@pytest.mark.parametrize(
    "text", ["words of contacts", base64.b64encode(b"words of contacts").decode(), "c o n t a c t s"]
)
async def test_no_spelling_of_what_leaves_makes_a_difference(world: World, text: str) -> None:
    agent = await world.agent(*BOTH)
    await agent.call("contacts")

    assert TAINTED in await agent.asks("search", {"q": text})


async def test_what_the_user_wrote_whole_is_sent_once(world: World) -> None:
    agent = await world.agent(*BOTH, request=ASKED)
    before = len(world.desk.sent)

    assert await agent.does("send", HELLO) == "ok"
    again = await agent.asks("send", HELLO)

    assert {TAINTED, PROMPTED} <= set(again)
    assert world.desk.sent[before:] == [HELLO["text"]]


async def test_a_receiver_that_the_user_named_gets_no_words_of_others(world: World) -> None:
    agent = await world.agent(*BOTH, request=ASKED)

    assert TAINTED in await agent.asks("send", HELLO | {"text": "words of contacts"})


async def test_another_session_has_no_part_in_what_the_user_said(world: World) -> None:
    await world.agent(*BOTH, request=ASKED)
    stranger, child_less = await world.agent(*BOTH), await world.agent(*BOTH, request="write to bob@elsewhere.example")

    assert PROMPTED in await stranger.asks("send", HELLO)
    assert PROMPTED in await child_less.asks("send", HELLO)


async def test_a_sub_agent_spends_the_same_words_of_the_user(world: World) -> None:
    parent = await world.agent(*BOTH, request=ASKED)
    child = await world.agent(parent=parent.session)

    assert await child.does("send", HELLO) == "ok"
    assert PROMPTED in await parent.asks("send", HELLO)


async def test_a_listed_receiver_is_written_to_and_one_in_copy_is_not_forgotten(world: World) -> None:
    agent = await world.agent(*BOTH, request="tell bob@ours.example what is new")
    listed = {"to": "bob@ours.example", "text": "words of contacts"}

    assert TAINTED in await agent.asks("send", listed | {"cc": "eve@elsewhere.example"})
    assert TAINTED in await agent.asks("send", listed | {"to": "bob@ours.example, eve@elsewhere.example"})
    assert await agent.does("send", listed) == "ok"


async def test_strangers_prompt_no_change_no_spending_and_no_command(world: World) -> None:
    clean, prompted = await world.agent(), await world.agent(UNTRUSTED)
    for tool, arguments in (
        ("set_note", {"id": "n1", "text": "x"}),
        ("pay", {"to": "eve", "amount": "9"}),
        ("send", HELLO),
        ("shell", {"argv": ["true"]}),
    ):
        assert await clean.does(tool, arguments) == "ok"
        assert PROMPTED in await prompted.asks(tool, arguments)


async def test_what_is_staged_runs_and_keeps_its_labels(world: World) -> None:
    agent, later = await world.agent(*BOTH), await world.agent()

    drafted = await agent.call("draft", {"to": "eve", "text": "words of contacts"})

    assert drafted.structured is not None
    assert {TAINTED, PROMPTED} <= set(await later.asks("send_draft", {"id": drafted.structured["id"]}))
    assert await later.does("send_draft", {"id": "another"}) == "ok"


async def test_a_new_file_is_staged_and_somebody_elses_is_not_overwritten(world: World) -> None:
    (world.workspace / "theirs.txt").write_text("kept")
    agent = await world.agent(UNTRUSTED)
    mine = {"path": f"mine-{world.tenant}.txt", "content": "x"}

    assert await agent.does("file_write", mine) == "ok"
    assert await agent.does("file_write", mine | {"content": "y"}) == "ok"
    assert await agent.asks("file_write", {"path": "theirs.txt", "content": "x"}) == (PROMPTED,)
    assert (world.workspace / "theirs.txt").read_text() == "kept"


async def test_a_command_may_write_where_all_can_read(world: World) -> None:
    agent = await world.agent(*BOTH)

    assert {TAINTED, PROMPTED} <= set(await agent.asks("shell", {"argv": ["true"]}))


async def test_writing_where_all_can_read_is_sending(world: World) -> None:
    agent = await world.agent(*BOTH)
    (world.workspace / "published").mkdir(exist_ok=True)

    assert TAINTED in await agent.asks("file_write", {"path": f"published/{world.tenant}.txt", "content": "x"})
    assert await agent.does("file_write", {"path": f"kept/{world.tenant}.txt", "content": "x"}) == "ok"


async def test_an_effect_under_a_condition_is_there_when_it_holds_or_cannot_be_told(world: World) -> None:
    agent = await world.agent(*BOTH)

    assert await agent.does("event", {"title": "lunch"}) == "ok"
    assert TAINTED in await agent.asks("event", {"title": "lunch", "attendees": "eve@elsewhere.example"})
    assert TAINTED in await agent.asks("event", {"title": "lunch", "guests": "eve@elsewhere.example"})


async def test_a_call_that_sends_what_it_reads_itself_sends_private_data(world: World) -> None:
    """No argument of a forward holds what is forwarded, and the session has never read it."""
    agent = await world.agent(UNTRUSTED, request="forward the offer to carl@elsewhere.example")

    assert await agent.asks("forward", {"id": "salaries", "to": "carl@elsewhere.example"}) == (TAINTED,)


async def test_a_tool_without_a_row_has_the_effects_of_its_upstream(world: World) -> None:
    agent = await world.agent()

    await agent.call("all_notes")

    assert await agent.labels() == {PRIVATE}


async def test_an_entry_that_does_not_fit_withholds_its_tool_alone(
    tmp_path: Path, shared: tuple[object, Desk, Path]
) -> None:
    """A condition on an argument that is never there would take its effect away for good."""
    typo = ENTRIES.replace('argument = "attendees"', 'argument = "atendees"')
    async with standing(tmp_path, shared[1], typo) as house:
        world = World(house, shared[1], tmp_path / "workspace", TenantId("t"))
        agent = await world.agent()

        assert await agent.does("event", {"title": "lunch"}) == "tools/unknown"
        assert await agent.does("search", {"q": "x"}) == "ok"
