"""Sessions: whose they are, and that labels only grow."""

import asyncio

import pytest

from holdfast.contracts import Forbidden, InvalidRequest, Label, NotFound, SessionId, TenantId
from holdfast.server.store import Sessions
from holdfast.server.store.sessions import MAX_DEPTH

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


async def test_a_principal_sees_its_live_sessions(sessions, principal, clock):
    await sessions.default(principal())
    await sessions.mint(tenant=ACME, subject="alice", ttl_s=10)
    await sessions.mint(tenant=ACME, subject="bob")

    assert len(await sessions.of(principal())) == 2
    clock.now += 10
    assert len(await sessions.of(principal())) == 1
