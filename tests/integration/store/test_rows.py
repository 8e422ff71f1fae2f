"""Tokens, tools, upstreams, idempotency keys, and what is swept away."""

import asyncio

import pytest
from sqlalchemy import select

from holdfast.contracts import (
    CallId,
    Conflict,
    Digest,
    InvalidRequest,
    Label,
    NotFound,
    Place,
    Scope,
    Source,
    TenantId,
    ToolName,
)
from holdfast.server.store import (
    Begun,
    Idempotency,
    Places,
    Replayed,
    Sessions,
    TokenRow,
    Tokens,
    Tools,
    ToolState,
    Upstreams,
    Uses,
    schema,
    sweep,
)

DAY = 24 * 3600
pytestmark = pytest.mark.anyio

NAME = ToolName("word_count")
ONE, TWO = Digest.of(b"1"), Digest.of(b"2")
SOURCE = Source(call_id="c1", tool="read", labels=frozenset({Label.PRIVATE}), places=("file:a",), at=0.0)


def _token(clock, name="t1"):
    return TokenRow(
        id=name,
        subject="alice",
        scopes=frozenset({Scope.CALL}),
        tenant=TenantId("acme"),
        issued_at=clock.now,
        expires_at=clock.now + 60,
        hash=ONE,
    )


async def test_a_token_holds_with_its_text_until_it_expires(store, clock):
    tokens = await Tokens.open(store, clock=clock)
    await tokens.add(_token(clock))
    before = store.statements

    assert tokens.holds("t1", ONE)
    assert not tokens.holds("t1", TWO)
    assert not tokens.holds("t2", ONE)
    clock.now += 60
    assert not tokens.holds("t1", ONE)
    assert store.statements == before


async def test_a_revoked_token_stays_revoked(store, clock):
    tokens = await Tokens.open(store, clock=clock)
    await tokens.add(_token(clock))

    await tokens.revoke("t1")

    assert not tokens.holds("t1", ONE)
    assert not (await Tokens.open(store, clock=clock)).holds("t1", ONE)
    with pytest.raises(NotFound):
        await tokens.revoke("t2")


async def test_a_change_by_another_is_seen_after_a_refresh(store, clock):
    here, there = await Tokens.open(store, clock=clock), await Tokens.open(store, clock=clock)
    await there.add(_token(clock))
    assert not here.holds("t1", ONE)

    await here.refresh()

    assert here.holds("t1", ONE)


@pytest.fixture
def tools(store, clock):
    return Tools(store, clock=clock)


async def _add(tools, definition, version="1"):
    return await tools.add_pending(
        name=NAME, version=version, manifest="[tool]", module=ONE, definition=definition, registered_by="me"
    )


async def test_a_tool_is_served_when_exactly_it_is_approved(tools):
    await _add(tools, ONE)
    assert await tools.get(NAME, ToolState.APPROVED) is None
    with pytest.raises(Conflict):
        await tools.approve(NAME, TWO, by="boss")

    approved = await tools.approve(NAME, ONE, by="boss")

    assert (approved.state, approved.approved_by) == (ToolState.APPROVED, "boss")


async def test_a_failed_approval_leaves_the_served_tool(tools):
    await _add(tools, ONE)
    await tools.approve(NAME, ONE, by="boss")

    with pytest.raises(Conflict):
        await tools.approve(NAME, TWO, by="boss")

    assert (await tools.get(NAME, ToolState.APPROVED)).definition == ONE


async def test_a_new_version_waits_beside_the_served_one_and_can_be_rolled_back(tools):
    await _add(tools, ONE)
    await tools.approve(NAME, ONE, by="boss")
    await _add(tools, TWO, "2")
    assert (await tools.get(NAME, ToolState.APPROVED)).definition == ONE

    await tools.approve(NAME, TWO, by="boss")
    assert (await tools.get(NAME, ToolState.APPROVED)).definition == TWO
    await tools.rollback(NAME, ONE, by="boss")

    assert (await tools.get(NAME, ToolState.APPROVED)).definition == ONE
    assert len(await tools.list(ToolState.APPROVED)) == 1


async def test_a_rollback_brings_back_only_what_was_approved(tools):
    await _add(tools, ONE)
    await _add(tools, TWO)  # replaces the pending one, which nobody ever approved

    with pytest.raises(NotFound):
        await tools.rollback(NAME, ONE, by="boss")


async def test_the_same_definition_is_not_taken_twice(tools):
    await _add(tools, ONE)

    with pytest.raises(Conflict):
        await _add(tools, ONE)


async def test_a_tool_leaves_service(tools):
    await _add(tools, ONE)
    await tools.approve(NAME, ONE, by="boss")

    await tools.quarantine(NAME, "its module has changed")
    assert await tools.get(NAME, ToolState.APPROVED) is None
    assert (await tools.get(NAME, ToolState.QUARANTINED)).reason == "its module has changed"
    await tools.remove(NAME)

    assert [tool.state for tool in await tools.list()] == [ToolState.REMOVED]
    with pytest.raises(NotFound):
        await tools.remove(NAME)


@pytest.fixture
def upstreams(store, clock):
    return Upstreams(store, clock=clock)


async def test_the_definition_kept_is_the_one_approved_last(upstreams):
    await upstreams.put("git", {"command": ["a"]}, by="me")
    await upstreams.keep("git", "log", digest=ONE, definition={"v": 1}, by="me")
    await upstreams.keep("git", "log", digest=TWO, definition={"v": 2}, by="you")

    pins = await upstreams.pins("git")

    assert {key: (pin.digest, pin.definition, pin.approved_by) for key, pin in pins.items()} == {
        "log": (TWO, {"v": 2}, "you")
    }


async def test_of_another_program_under_the_same_name_nothing_is_kept(upstreams):
    await upstreams.put("git", {"command": ["a"]}, by="me")
    await upstreams.keep("git", "log", digest=ONE, definition={"v": 1}, by="me")
    await upstreams.put("git", {"command": ["a"]}, by="me")
    assert set(await upstreams.pins("git")) == {"log"}

    await upstreams.put("git", {"command": ["b"]}, by="me")

    assert await upstreams.pins("git") == {}


async def test_an_upstream_is_removed_with_its_definitions(upstreams, store):
    await upstreams.put("git", {"command": ["a"]}, by="me")
    await upstreams.keep("git", "log", digest=ONE, definition={"v": 1}, by="me")

    await upstreams.remove("git")

    assert await upstreams.list() == ()
    assert not await store.rows(select(schema.pins))
    with pytest.raises(NotFound):
        await upstreams.keep("git", "log", digest=ONE, definition={}, by="me")
    with pytest.raises(NotFound):
        await upstreams.remove("git")


@pytest.fixture
async def keys(store, clock):
    return await Idempotency.open(store, clock=clock)


async def test_a_key_gives_the_stored_answer(keys, principal):
    assert await keys.begin(principal(), "k", tool=NAME, arguments=ONE) == Begun()
    await keys.finish(principal(), "k", {"status": "ok"})

    assert await keys.begin(principal(), "k", tool=NAME, arguments=ONE) == Replayed(result={"status": "ok"})


async def test_of_two_calls_with_one_key_one_begins(keys, principal):
    begun = await asyncio.gather(
        *(keys.begin(principal(), "k", tool=NAME, arguments=ONE) for _ in range(5)), return_exceptions=True
    )

    assert begun.count(Begun()) == 1
    assert sum(isinstance(one, Conflict) for one in begun) == 4


@pytest.mark.parametrize(("tool", "arguments"), [(NAME, TWO), (ToolName("other"), ONE)])
async def test_a_key_is_for_one_call(keys, principal, tool, arguments):
    await keys.begin(principal(), "k", tool=NAME, arguments=ONE)
    await keys.finish(principal(), "k", {"secret": 1})

    with pytest.raises(Conflict, match="another call"):
        await keys.begin(principal(), "k", tool=tool, arguments=arguments)


async def test_a_key_belongs_to_its_principal(keys, principal):
    await keys.begin(principal(), "k", tool=NAME, arguments=ONE)
    await keys.finish(principal(), "k", {"secret": 1})

    assert await keys.begin(principal("bob"), "k", tool=NAME, arguments=ONE) == Begun()
    assert await keys.begin(principal(tenant="other"), "k", tool=NAME, arguments=ONE) == Begun()


async def test_an_interrupted_call_is_not_run_again(keys, store, principal, clock):
    await keys.begin(principal(), "k", tool=NAME, arguments=ONE)

    after_a_crash = await Idempotency.open(store, clock=clock)

    with pytest.raises(Conflict, match="unknown"):
        await after_a_crash.begin(principal(), "k", tool=NAME, arguments=ONE)


async def test_a_lost_call_is_unknown_and_an_abandoned_one_is_free(keys, principal):
    await keys.begin(principal(), "lost", tool=NAME, arguments=ONE)
    await keys.begin(principal(), "abandoned", tool=NAME, arguments=ONE)

    await keys.lose(principal(), "lost")
    await keys.abandon(principal(), "abandoned")

    with pytest.raises(Conflict, match="unknown"):
        await keys.begin(principal(), "lost", tool=NAME, arguments=ONE)
    assert await keys.begin(principal(), "abandoned", tool=NAME, arguments=TWO) == Begun()


async def test_a_key_is_free_after_a_day(keys, principal, clock):
    await keys.begin(principal(), "k", tool=NAME, arguments=ONE)

    clock.now += 24 * 3600

    assert await keys.begin(principal(), "k", tool=NAME, arguments=TWO) == Begun()


@pytest.mark.parametrize("key", ["", "k" * 257])
async def test_a_key_has_a_length(keys, principal, key):
    with pytest.raises(InvalidRequest):
        await keys.begin(principal(), key, tool=NAME, arguments=ONE)


async def test_only_what_has_passed_is_swept(store, clock, keys, principal):
    tokens, sessions = await Tokens.open(store, clock=clock), Sessions(store, clock=clock)
    await tokens.add(_token(clock))
    await keys.begin(principal(), "k", tool=NAME, arguments=ONE)
    kept = await sessions.default(principal())
    await sessions.mint(tenant=TenantId("acme"), subject="alice", ttl_s=60)
    assert await sweep(store, now=clock.now, inputs_kept_s=DAY) == 0

    assert await sweep(store, now=clock.now + 30 * 24 * 3600, inputs_kept_s=DAY) == 3

    assert [row["id"] for row in await store.rows(select(schema.sessions))] == [kept.id]


async def test_the_root_of_a_line_stays_while_there_are_children(store, clock):
    """What was used and asked is counted at the root: it must not become another."""
    sessions, uses = Sessions(store, clock=clock), Uses(store, clock=clock)
    root = await sessions.mint(tenant=TenantId("acme"), subject="alice", ttl_s=60)
    clock.now += 59
    child = await sessions.mint(tenant=TenantId("acme"), subject="alice", parent=root.id, ttl_s=7 * 24 * 3600)
    await sessions.learn(child.id, frozenset({Label.PRIVATE}), source=SOURCE)
    await uses.spend(root.id, ONE, call_id=CallId("c1"))

    clock.now += 7 * 24 * 3600 + 3600
    assert await sweep(store, now=clock.now, inputs_kept_s=DAY) == 0
    assert await Sessions(store, clock=clock).lineage(child.id) == root.id
    assert await uses.spent(root.id, ONE) == "c1"
    clock.now += 7 * 24 * 3600
    assert await sweep(store, now=clock.now, inputs_kept_s=DAY) == 2, "the child, and what taught it"
    assert await sweep(store, now=clock.now, inputs_kept_s=DAY) == 3, "the root, what taught it, and what was used"
    assert await uses.spent(root.id, ONE) is None


async def test_what_is_kept_of_places_and_default_sessions_is_not_swept(store, clock, principal):
    sessions, uses, places = Sessions(store, clock=clock), Uses(store, clock=clock), Places(store, clock=clock)
    default = await sessions.default(principal())
    await sessions.learn(default.id, frozenset({Label.PRIVATE}), source=SOURCE)
    await uses.spend(default.id, ONE, call_id=CallId("c1"))
    await places.mark(
        TenantId("acme"),
        [Place("file", "a")],
        frozenset({Label.PRIVATE}),
        call_id=CallId("c1"),
        tool=NAME,
        session=default.id,
    )

    assert await sweep(store, now=clock.now + 1000 * 24 * 3600, inputs_kept_s=DAY) == 0
