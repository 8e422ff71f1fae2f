"""Labels follow what was read into what is written, and from there into whoever reads it."""

import asyncio
from pathlib import Path

import pytest

from holdfast.contracts import Scope, Status, TenantId
from holdfast.server.house import House
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Ruling

from .conftest import BOTH, ENTRIES, PRIVATE, UNTRUSTED, Agent, World, person, standing
from .desk import Desk, desk_serving

pytestmark = pytest.mark.anyio


async def note_of(agent: Agent, text: str = "kept") -> str:
    """The id of a note that *agent* has put down."""
    result = await agent.call("put_note", {"text": text})
    assert result.status is Status.OK
    return result.structured["id"]


async def test_a_session_has_learned_when_the_answer_is_there(world: World) -> None:
    agent = await world.agent()

    assert await agent.does("mail", {"folder": "in"}) == "ok"

    assert await agent.labels() == {UNTRUSTED}
    (source,) = await world.house.sessions.flow(agent.session)
    assert (source.tool, source.places) == ("desk__mail", ("upstream:desk:mail/in",))


async def test_a_note_teaches_who_reads_it_what_its_writer_had_read(world: World) -> None:
    first, second, third = await world.agent(*BOTH), await world.agent(), await world.agent()
    tainted, clean = await note_of(first), await note_of(second)

    await second.call("get_note", {"id": tainted})
    await third.call("get_note", {"id": clean})

    assert await second.labels() == {PRIVATE, UNTRUSTED}
    assert await third.labels() == {PRIVATE}


async def test_labels_of_files_outlive_the_server(tmp_path: Path) -> None:
    async with desk_serving() as desk:
        async with standing(tmp_path, desk) as house:
            world = World(house, desk, tmp_path / "workspace", TenantId("lasting"))
            writer = await world.agent(UNTRUSTED)
            assert await writer.does("file_write", {"path": "notes/a.txt", "content": "words"}) == "ok"
        async with standing(tmp_path, desk) as house:
            world = World(house, desk, tmp_path / "workspace", world.tenant)
            reader = await world.agent()
            await reader.call("file_read", {"path": "notes/a.txt"})
            assert await reader.labels() == {PRIVATE, UNTRUSTED}


async def test_a_place_is_marked_before_the_write_runs(world: World) -> None:
    """While the server is at it, and whatever id it will give: who reads notes meanwhile reads these words."""
    writer, reader = await world.agent(*BOTH), await world.agent()
    hold = world.desk.hold("put_note")
    writing = asyncio.create_task(note_of(writer))
    await hold.reached.wait()

    await reader.call("get_note", {"id": "n-of-tomorrow"})
    hold.go_on.set()
    await writing

    assert await reader.labels() == {PRIVATE, UNTRUSTED}


async def test_once_the_answer_names_the_place_no_other_is_marked(world: World) -> None:
    writer, reader = await world.agent(*BOTH), await world.agent()
    await note_of(writer)

    await reader.call("get_note", {"id": "another"})

    assert await reader.labels() == {PRIVATE}


async def test_an_error_of_a_foreign_tool_is_a_strangers_text(world: World) -> None:
    """Whoever can make a call fail writes what the model reads next, also of a tool that reads nothing."""
    agent = await world.agent()

    result = await agent.call("fail", {"text": "now obey"})

    assert result.status is Status.ERROR
    assert await agent.labels() == {UNTRUSTED}


async def test_what_a_sub_agent_learns_its_parent_has_learned(world: World) -> None:
    parent = await world.agent()
    child = await world.agent(parent=parent.session)

    await child.call("mail", {"folder": "in"})
    later = await world.agent(parent=parent.session)

    assert await parent.labels() == await later.labels() == {UNTRUSTED}


async def test_leaving_the_session_out_reaches_no_clean_one(world: World) -> None:
    """A token that may name any session of its principal could otherwise read in one and send in another."""
    named = await world.loose((await world.minted()).id)

    await named.call("mail", {"folder": "in"})

    default = await world.house.sessions.default(named.principal)
    assert default.id != named.session
    assert default.labels == {UNTRUSTED}


async def test_an_agent_is_told_of_no_session_but_the_one_its_calls_run_in(world: World) -> None:
    """A clean one that it could name would be a way around everything it has read."""
    other, bound = await world.minted(), await world.agent()
    unbound = (await world.loose(other.id)).principal
    host = person("agent", world.tenant, scopes=frozenset({Scope.CALL, Scope.HOST}))

    default = await world.house.sessions.default(unbound)
    assert [one.id for one in await world.house.sessions.of(unbound)] == [default.id]
    assert [one.id for one in await world.house.sessions.of(bound.principal)] == [bound.session]
    assert other.id in {one.id for one in await world.house.sessions.of(host)}


async def test_a_host_keeps_its_conversations_apart(world: World) -> None:
    host = person("agent", world.tenant, scopes=frozenset({Scope.CALL, Scope.HOST}))
    first = Agent(world.house, host, (await world.minted()).id)
    second = Agent(world.house, host, (await world.minted()).id)
    await first.call("mail", {"folder": "in"})

    await second.call("echo", {"text": "x"})

    assert await second.labels() == set()


async def test_a_row_says_which_files_strangers_write(world: World) -> None:
    (world.workspace / "inbox").mkdir(exist_ok=True)
    (world.workspace / "inbox" / "letter.txt").write_text("obey")
    (world.workspace / "link.txt").unlink(missing_ok=True)
    (world.workspace / "link.txt").symlink_to("inbox/letter.txt")
    first, second = await world.agent(), await world.agent()

    await first.call("file_read", {"path": "inbox/letter.txt"})
    await second.call("file_read", {"path": "link.txt"})

    assert await first.labels() == await second.labels() == {PRIVATE, UNTRUSTED}


async def test_after_a_command_the_files_that_it_changed_are_labelled_and_no_others(world: World) -> None:
    (world.workspace / "before.txt").write_text("there already")
    command = await world.agent(UNTRUSTED)
    script = {"script": "mkdir -p made && echo words > made/after.txt"}
    asked = await command.call("shell", script)
    assert asked.approval is not None
    await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)
    assert await command.does("shell", script, approval=asked.approval.id) == "ok"

    new, old = await world.agent(), await world.agent()
    await new.call("file_read", {"path": "made/after.txt"})
    await old.call("file_read", {"path": "before.txt"})

    assert await new.labels() == {PRIVATE, UNTRUSTED}
    assert await old.labels() == {PRIVATE}


async def test_what_a_shell_may_run_counts_where_it_is_run(tmp_path: Path, shared: tuple[House, Desk, Path]) -> None:
    """A script that strangers wrote is in the workspace: a session that never read it acts on it all the same."""
    unpublished = ENTRIES.replace('is = ["public"]', 'is = ["private"]')  # else a command is egress, and carries all
    async with standing(tmp_path, shared[1], unpublished) as house:
        world = World(house, shared[1], tmp_path / "workspace", TenantId("t"))
        writer, runner, command = await world.agent(UNTRUSTED), await world.agent(), {"argv": ["sh", "run.sh"]}
        assert await (await world.agent()).does("shell", {"argv": ["true"]}) == "ok"
        await writer.call("file_write", {"path": "run.sh", "content": "echo hi"})

        assert await runner.asks("shell", command) == ("ask-untrusted-consequence",)


async def test_a_folder_that_a_command_makes_is_labelled_by_its_name(world: World) -> None:
    """The name is its caller's words."""
    writer, reader = await world.agent(UNTRUSTED, request="run mkdir please"), await world.agent()
    folder = f"made-{world.tenant}"
    asked = await writer.call("shell", {"argv": ["mkdir", folder]})
    assert asked.approval is not None
    await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)
    assert (await writer.call("shell", {"argv": ["mkdir", folder]}, approval=asked.approval.id)).status is Status.OK

    await reader.call("file_list", {"path": "."})

    assert UNTRUSTED in await reader.labels()
