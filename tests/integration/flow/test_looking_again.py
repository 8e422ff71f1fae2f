"""A call is looked at again before it runs, wherever something it rests on can have changed since it was judged."""

from dataclasses import replace

import pytest

from holdfast.contracts import Label, ToolName

from .conftest import PRIVATE, UNTRUSTED, Agent, World

pytestmark = pytest.mark.anyio


async def looked(world: World, agent: Agent, tool: str, arguments: dict[str, object]):
    flow = world.house.dispatcher._flow
    spec = world.house.registry.get(ToolName(tool))
    session = await world.house.sessions.get(agent.session)
    assert spec is not None
    assert session is not None
    return session, await flow.look(spec, arguments, agent.principal, session)


@pytest.mark.parametrize("more", [{PRIVATE}, {UNTRUSTED}, {PRIVATE, UNTRUSTED}])
async def test_a_look_at_a_call_that_does_nothing_stands_until_its_session_has_learned(
    world: World, more: set[Label]
) -> None:
    session, look = await looked(world, await world.agent(), "echo", {"text": "hello"})

    assert look.stands(session)
    assert not look.stands(replace(session, labels=session.labels | frozenset(more)))


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("shell", {"script": "cat notes.txt"}),
        ("http_fetch", {"url": "https://example.com/"}),
        ("file_write", {"path": "notes.txt", "content": "hello"}),
        ("desk__send", {"to": "bob@example.com", "text": "hello"}),
    ],
)
async def test_a_look_at_a_call_with_consequences_never_stands(
    world: World, tool: str, arguments: dict[str, object]
) -> None:
    session, look = await looked(world, await world.agent(), tool, arguments)

    assert not look.stands(session)


async def test_what_an_answer_said_is_recognised_in_the_very_next_call(world: World) -> None:
    agent = await world.agent()
    flow = world.house.dispatcher._flow
    context = flow._contexts.of(agent.session)
    said = "the account of the company ends in four numbers that nobody outside may ever be told about"

    context.hear([said], frozenset({PRIVATE}))

    assert context.resembled([f"note: {said}"]) == {PRIVATE}
