"""A call in whose middle somebody is asked: it keeps nobody waiting, and what it carries is compared afterwards."""

import asyncio

import pytest

from holdfast.contracts import (
    CallId,
    Effect,
    Label,
    Place,
    Principal,
    Refusal,
    Session,
    SessionId,
    Sink,
    TenantId,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import UPSTREAM
from holdfast.server.flow.ground import Touched
from holdfast.server.flow.passing import MOVED_MEANWHILE, Passing
from holdfast.server.store import Store
from holdfast.server.store.places import Places

pytestmark = pytest.mark.anyio

TENANT = TenantId("acme")
EVERYTHING = Place("upstream:desk", "*")
TOUCHED = Touched(
    effects=frozenset(Effect),
    sink=Sink.SEND,
    writes=(EVERYTHING,),
    carries=(EVERYTHING,),
    receivers_listed=False,
    file=None,
    is_new=False,
)
SPEC = ToolSpec(
    name=ToolName("desk__send"),
    description="sends",
    input_schema={"type": "object"},
    effects=frozenset(Effect),
    runtime=Upstream(server="desk", tool="send"),
    limits=UPSTREAM,
)
CALL = mint(
    {
        "call_id": CallId("c_1"),
        "spec": SPEC,
        "arguments": {},
        "principal": Principal(subject="a", tenant=TENANT, scopes=frozenset()),
        "session": Session(id=SessionId("s"), principal="a", tenant=TENANT, labels=frozenset()),
        "limits": UPSTREAM,
        "depth": 0,
    }
)


@pytest.fixture
async def places(tmp_path):
    store = await Store.open(f"sqlite:///{tmp_path / 'h.db'}", key=bytes(32))
    yield Places(store)
    await store.close()


async def test_while_somebody_is_asked_another_call_passes_and_the_asking_one_goes_on_after_it(places):
    passing, order = Passing(places), []
    asked, answered = asyncio.Event(), asyncio.Event()

    async def asks() -> None:
        async with passing.passage(CALL.call_id, TENANT, SPEC, TOUCHED):
            async with passing.asking(CALL):
                asked.set()
                await answered.wait()
            order.append("asked")

    first = asyncio.create_task(asks())
    await asked.wait()
    async with asyncio.timeout(30), passing.passage(CallId("c_2"), TENANT, SPEC, TOUCHED):
        answered.set()
        order.append("other")
    await first

    assert order == ["other", "asked"]


async def test_questions_of_one_call_overlap_and_it_goes_on_after_the_last(places):
    passing = Passing(places)
    async with passing.passage(CALL.call_id, TENANT, SPEC, TOUCHED):
        async with passing.asking(CALL), passing.asking(CALL), passing.passage(CallId("c_2"), TENANT, SPEC, TOUCHED):
            pass  # it got by
        other = asyncio.ensure_future(passing.passage(CallId("c_3"), TENANT, SPEC, TOUCHED).__aenter__())
        await asyncio.sleep(0)
        assert not other.done()
        other.cancel()
        await asyncio.wait({other})


async def test_what_was_written_meanwhile_where_a_call_carries_from_ends_it(places):
    passing = Passing(places)
    async with passing.passage(CALL.call_id, TENANT, SPEC, TOUCHED):
        with pytest.raises(Refusal) as refused:
            async with passing.asking(CALL):
                await places.mark(
                    TENANT,
                    (Place("upstream:desk", "draft/1"),),
                    frozenset({Label.PRIVATE}),
                    call_id=CallId("c_2"),
                    tool=ToolName("desk__write"),
                    session=SessionId("t"),
                )

    assert refused.value.reason == MOVED_MEANWHILE
