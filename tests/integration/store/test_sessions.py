"""Sessions: whose they are, and that labels only grow."""

import asyncio
from dataclasses import replace

import pytest

from holdfast.contracts import Forbidden, InvalidRequest, Label, NotFound, Scope, SessionId, Source, TenantId, TooLarge
from holdfast.server.store import Sessions, Store
from holdfast.server.store.session_rows import MAX_REQUEST_BYTES
from holdfast.server.store.sessions import MAX_DEPTH
from holdfast.server.store.teachings import NEWEST

pytestmark = pytest.mark.anyio

ACME = TenantId("acme")
PRIVATE, UNTRUSTED = frozenset({Label.PRIVATE}), frozenset({Label.UNTRUSTED})


@pytest.fixture
def sessions(store, clock):
    return Sessions(store, clock=clock)


async def test_a_principal_has_one_default_session(sessions, store, clock, principal):
    made = await asyncio.gather(*(sessions.resolve(None, principal()) for _ in range(10)))

    assert len({session.id for session in made}) == 1
    assert (await Sessions(store, clock=clock).default(principal())).id == made[0].id
    assert (await sessions.default(principal("bob"))).id != made[0].id
    assert (await sessions.default(principal(tenant="other"))).id != made[0].id


async def test_an_ordinary_call_sends_no_sql(sessions, store, principal):
    session = await sessions.default(principal())
    await sessions.learn(session.id, PRIVATE)
    before = store.statements

    await sessions.resolve(None, principal())
    await sessions.resolve(session.id, principal())
    await sessions.learn(session.id, PRIVATE)
    await sessions.learn(session.id, frozenset())

    assert store.statements == before


async def test_a_default_session_of_an_earlier_start_is_found_in_one_look(sessions, store, clock, principal):
    made = await sessions.default(principal())
    await sessions.learn(made.id, PRIVATE)
    before = store.statements

    assert await Sessions(store, clock=clock).default(principal()) == replace(made, labels=PRIVATE)
    assert store.statements == before + 1


async def test_labels_grow_and_stay(sessions, store, clock, principal):
    session = await sessions.default(principal())

    await asyncio.gather(sessions.learn(session.id, PRIVATE), sessions.learn(session.id, UNTRUSTED))

    assert (await sessions.default(principal())).labels == PRIVATE | UNTRUSTED
    assert (await Sessions(store, clock=clock).default(principal())).labels == PRIVATE | UNTRUSTED


async def test_a_label_that_was_not_written_counts_and_is_written_later(sessions, store, clock, principal):
    """A full disk must not make a session forget."""
    session = await sessions.default(principal())
    from sqlalchemy import text

    await store.change(text("CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END"))
    with pytest.raises(Exception, match="full"):
        await sessions.learn(session.id, PRIVATE)
    assert (await sessions.default(principal())).labels == PRIVATE
    with pytest.raises(Exception, match="full"):
        await sessions.learn(session.id, PRIVATE)

    await store.change(text("DROP TRIGGER full"))
    await sessions.learn(session.id, PRIVATE)

    assert (await Sessions(store, clock=clock).default(principal())).labels == PRIVATE


async def test_a_child_starts_with_its_parents_labels_and_teaches_it(sessions, principal):
    parent = await sessions.default(principal())
    await sessions.learn(parent.id, PRIVATE)
    child = await sessions.mint(tenant=ACME, subject="helper", parent=parent.id)
    assert child.labels == PRIVATE

    await sessions.learn(child.id, UNTRUSTED)

    assert (await sessions.default(principal())).labels == PRIVATE | UNTRUSTED


async def test_a_token_bound_to_a_session_can_name_no_other(sessions, principal):
    mine = await sessions.mint(tenant=ACME, subject="alice")
    other = await sessions.mint(tenant=ACME, subject="alice")
    bound = principal(session=mine.id)

    assert (await sessions.resolve(None, bound)).id == mine.id
    assert (await sessions.resolve(mine.id, bound)).id == mine.id
    with pytest.raises(Forbidden):
        await sessions.resolve(other.id, bound)


async def test_anothers_session_does_not_exist(sessions, principal):
    mine = await sessions.mint(tenant=ACME, subject="alice")

    for stranger in (principal("bob"), principal(tenant="other"), principal("bob", session=mine.id)):
        with pytest.raises(NotFound):
            await sessions.resolve(mine.id, stranger)
    with pytest.raises(NotFound):
        await sessions.mint(tenant=TenantId("other"), subject="x", parent=mine.id)
    with pytest.raises(NotFound):
        await sessions.resolve("nothing", principal())


async def test_a_session_ends(sessions, principal, clock):
    mine = await sessions.mint(tenant=ACME, subject="alice", ttl_s=60)

    clock.now += 60

    with pytest.raises(NotFound):
        await sessions.resolve(mine.id, principal())


async def test_clearing_a_default_session_opens_a_clean_one(sessions, principal):
    session = await sessions.default(principal())
    await sessions.learn(session.id, PRIVATE)

    clean = await sessions.clear_default(ACME, "alice")

    assert clean.labels == frozenset()
    assert (await sessions.default(principal())).id == clean.id != session.id
    with pytest.raises(NotFound):
        await sessions.resolve(session.id, principal())


@pytest.mark.parametrize("ttl_s", [0, -1, 7 * 24 * 3600 + 1])
async def test_a_lifetime_out_of_range_is_refused(sessions, ttl_s):
    with pytest.raises(InvalidRequest):
        await sessions.mint(tenant=ACME, subject="alice", ttl_s=ttl_s)


async def test_a_chain_of_parents_is_bounded(sessions):
    parent: SessionId | None = None
    for _ in range(MAX_DEPTH + 1):
        parent = (await sessions.mint(tenant=ACME, subject="alice", parent=parent)).id

    with pytest.raises(InvalidRequest):
        await sessions.mint(tenant=ACME, subject="alice", parent=parent)


async def test_the_deepest_child_teaches_the_first_parent(sessions):
    first = await sessions.mint(tenant=ACME, subject="alice")
    last = first
    for _ in range(MAX_DEPTH):
        last = await sessions.mint(tenant=ACME, subject="alice", parent=last.id)

    await sessions.learn(last.id, UNTRUSTED)

    assert (await sessions.get(first.id)).labels == UNTRUSTED


async def test_learning_for_no_session_is_an_error(sessions):
    with pytest.raises(NotFound):
        await sessions.learn(SessionId("nothing"), PRIVATE)


async def test_a_host_sees_its_live_sessions_and_an_agent_only_its_own(sessions, principal, clock):
    host = replace(principal(), scopes=frozenset({Scope.CALL, Scope.HOST}))
    default = await sessions.default(principal())
    await sessions.mint(tenant=ACME, subject="alice", ttl_s=10)
    await sessions.mint(tenant=ACME, subject="bob")

    assert len(await sessions.of(host)) == 2
    assert [one.id for one in await sessions.of(principal())] == [default.id]
    clock.now += 10
    assert len(await sessions.of(host)) == 1


@pytest.fixture
async def elsewhere(clock, tmp_path, store):
    """The sessions of another process that has the same database."""
    other = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    yield Sessions(other, clock=clock)
    await other.close()


def read(call, labels=PRIVATE, at=0.0):
    return Source(call_id=call, tool="file_read", labels=labels, places=(f"file:{call}",), at=at)


async def test_labels_learned_in_two_processes_are_both_kept(sessions, elsewhere, store, clock, principal):
    for _ in range(10):
        one = await sessions.mint(tenant=ACME, subject="alice")
        await elsewhere.get(one.id)
        await asyncio.gather(sessions.learn(one.id, PRIVATE), elsewhere.learn(one.id, UNTRUSTED))
        assert (await Sessions(store, clock=clock).get(one.id)).labels == PRIVATE | UNTRUSTED


async def test_two_processes_make_one_default_session(sessions, elsewhere, principal):
    made = await asyncio.gather(*(one.default(principal()) for _ in range(5) for one in (sessions, elsewhere)))

    assert len({session.id for session in made}) == 1


async def test_a_child_begins_with_what_its_parent_learned_elsewhere(sessions, elsewhere, principal):
    parent = await sessions.default(principal())
    await elsewhere.learn(parent.id, PRIVATE)

    child = await sessions.mint(tenant=ACME, subject="helper", parent=parent.id)

    assert child.labels == PRIVATE
    assert (await elsewhere.get(child.id)).labels == PRIVATE


async def test_a_child_begins_with_what_its_parent_learns_meanwhile(sessions, store, principal):
    """The parent has learned in memory, and its row is not written yet."""
    parent = await sessions.default(principal())

    child, learned = await asyncio.gather(
        sessions.mint(tenant=ACME, subject="helper", parent=parent.id), sessions.learn(parent.id, PRIVATE)
    )

    assert learned.labels == child.labels == PRIVATE


async def test_leaving_the_session_out_does_not_lead_to_a_clean_one(sessions, principal):
    mine = await sessions.mint(tenant=ACME, subject="alice")

    await sessions.learn(mine.id, PRIVATE, unbound=principal())

    assert (await sessions.resolve(None, principal())).labels == PRIVATE
    assert (await sessions.resolve(None, principal("bob"))).labels == frozenset()


async def test_a_token_of_one_session_teaches_no_other(sessions, principal):
    mine = await sessions.mint(tenant=ACME, subject="alice")

    await sessions.learn(mine.id, PRIVATE, unbound=principal(session=mine.id))

    assert (await sessions.default(principal())).labels == frozenset()


async def test_the_default_session_that_has_learned_it_already_sends_no_sql(sessions, store, principal):
    mine = await sessions.mint(tenant=ACME, subject="alice")
    await sessions.learn(mine.id, PRIVATE, unbound=principal())
    before = store.statements

    await sessions.learn(mine.id, PRIVATE, unbound=principal(), source=read("c2"))

    assert store.statements == before


async def test_what_taught_a_session_each_label_first_outlives_a_restart(sessions, store, clock, principal):
    session = await sessions.default(principal())
    await sessions.learn(session.id, PRIVATE, source=read("c1", at=1.0))
    await sessions.learn(session.id, PRIVATE, source=read("c2", at=2.0))
    both = read("c3", PRIVATE | UNTRUSTED, at=3.0)
    await sessions.learn(session.id, PRIVATE | UNTRUSTED, source=both)

    assert [source.call_id for source in await sessions.flow(session.id)] == ["c1", "c2", "c3"]
    assert await Sessions(store, clock=clock).flow(session.id) == (read("c1", at=1.0), both)


async def test_the_newest_reads_are_remembered_and_the_first(sessions, principal):
    session = await sessions.default(principal())
    for n in range(NEWEST + 10):
        await sessions.learn(session.id, PRIVATE, source=read(f"c{n}", at=float(n)))
    await sessions.learn(session.id, frozenset(), source=read("nothing", frozenset(), at=99.0))

    flow = [source.call_id for source in await sessions.flow(session.id)]

    assert flow == ["c0", *(f"c{n}" for n in range(10, NEWEST + 10))]


async def test_the_flow_of_a_child_is_its_own_and_what_its_parents_had_read(sessions, clock, principal):
    first = await sessions.default(principal())
    await sessions.learn(first.id, PRIVATE, source=read("before", at=clock.now))
    clock.now += 10
    child = await sessions.mint(tenant=ACME, subject="helper", parent=first.id)
    clock.now += 10
    await sessions.learn(first.id, UNTRUSTED, source=read("after", UNTRUSTED, at=clock.now))
    await sessions.learn(child.id, UNTRUSTED, source=read("own", UNTRUSTED, at=clock.now + 1))

    assert [source.call_id for source in await sessions.flow(child.id)] == ["before", "own"]
    assert [source.call_id for source in await sessions.flow(first.id)] == ["before", "after", "own"]


async def test_the_lineage_is_the_root(sessions, store, clock, principal):
    root = last = await sessions.mint(tenant=ACME, subject="alice")
    for _ in range(MAX_DEPTH):
        last = await sessions.mint(tenant=ACME, subject="alice", parent=last.id)

    assert await sessions.lineage(last.id) == root.id
    assert await Sessions(store, clock=clock).lineage(last.id) == root.id
    assert await sessions.lineage(root.id) == root.id
    with pytest.raises(NotFound):
        await sessions.lineage(SessionId("nothing"))


async def test_later_turns_of_the_user_are_heard(sessions, store, clock):
    session = await sessions.mint(tenant=ACME, subject="alice", user_request="pay bob")

    await sessions.hear(session.id, "and carol")
    heard = await sessions.hear(session.id, "12 each")

    assert heard.user_request == "pay bob\nand carol\n12 each"
    assert (await sessions.get(session.id)).user_request == heard.user_request
    assert (await Sessions(store, clock=clock).get(session.id)).user_request == heard.user_request


async def test_a_first_turn_can_come_later(sessions):
    session = await sessions.mint(tenant=ACME, subject="alice")

    assert (await sessions.hear(session.id, "pay bob")).user_request == "pay bob"


async def test_the_oldest_lines_go_and_never_half_a_word(sessions):
    """`bob@x.example` must not become of `notbob@x.example`."""
    session = await sessions.mint(tenant=ACME, subject="alice", user_request="é first\nsecond notbob@x.example")
    last = "x" * (MAX_REQUEST_BYTES - 15)

    assert (await sessions.hear(session.id, last)).user_request == last
    whole = "y" * MAX_REQUEST_BYTES
    assert (await sessions.hear(session.id, whole)).user_request == whole


@pytest.mark.parametrize(
    ("text", "error"), [("", InvalidRequest), (" \n", InvalidRequest), ("é" * (MAX_REQUEST_BYTES // 2 + 1), TooLarge)]
)
async def test_a_turn_has_a_length(sessions, text, error):
    session = await sessions.mint(tenant=ACME, subject="alice")

    with pytest.raises(error):
        await sessions.hear(session.id, text)


async def test_nobody_is_heard_in_a_session_that_is_over(sessions, clock):
    session = await sessions.mint(tenant=ACME, subject="alice", ttl_s=60)
    clock.now += 60

    with pytest.raises(NotFound):
        await sessions.hear(session.id, "pay bob")


async def test_hearing_and_learning_at_once_lose_nothing(sessions, store, clock):
    session = await sessions.mint(tenant=ACME, subject="alice")

    await asyncio.gather(
        sessions.hear(session.id, "one"), sessions.learn(session.id, PRIVATE), sessions.hear(session.id, "two")
    )

    for seen in (await sessions.get(session.id), await Sessions(store, clock=clock).get(session.id)):
        assert seen.labels == PRIVATE
        assert seen.user_request == "one\ntwo"
