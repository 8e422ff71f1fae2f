"""An approval is for one call, by somebody else, once, for a while."""

import asyncio
from dataclasses import replace

import pytest

from holdfast.contracts import (
    CallId,
    Conflict,
    Digest,
    Forbidden,
    Label,
    NotFound,
    Overloaded,
    SessionId,
    ToolName,
)
from holdfast.server.store import Approvals, ApprovalState, Ruling, digest_arguments
from holdfast.server.store.approvals import MAX_PENDING

pytestmark = pytest.mark.anyio

ARGUMENTS = {"path": "a", "content": "b"}
BINDING = {
    "principal": "alice",
    "session": "s1",
    "tool": ToolName("file_write"),
    "definition": Digest.of(b"definition"),
    "arguments": digest_arguments(ARGUMENTS),
    "labels": frozenset({Label.UNTRUSTED}),
}


@pytest.fixture
def approvals(store, clock):
    return Approvals(store, clock=clock)


@pytest.fixture
def ask(approvals, principal):
    async def create(subject="alice", **kept):
        return await approvals.create(
            call_id=CallId("c1"),
            principal=principal(subject, **kept),
            session=SessionId("s1"),
            tool=ToolName("file_write"),
            definition=Digest.of(b"definition"),
            arguments=ARGUMENTS,
            digest=digest_arguments(ARGUMENTS),
            forbids=("no-writes", "untrusted-writes"),
            labels=frozenset({Label.UNTRUSTED}),
            level="operator",
        )

    return create


async def test_an_approved_call_is_spent_once(approvals, ask, principal):
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))

    assert await approvals.consume(waiting.id, **BINDING) == ("no-writes", "untrusted-writes")
    assert await approvals.consume(waiting.id, **BINDING) is None
    assert (await approvals.get(waiting.id)).state is ApprovalState.SPENT


async def test_of_many_that_try_one_spends_it(approvals, ask, principal):
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))

    spent = await asyncio.gather(*(approvals.consume(waiting.id, **BINDING) for _ in range(20)))

    assert sum(one is not None for one in spent) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"principal": "bob"},
        {"session": "s2"},
        {"tool": ToolName("shell")},
        {"definition": Digest.of(b"another")},
        {"arguments": digest_arguments({"path": "a", "content": "c"})},
        {"labels": frozenset({Label.UNTRUSTED, Label.PRIVATE})},
        {"labels": frozenset({Label.PRIVATE})},
    ],
)
async def test_another_call_cannot_spend_it(approvals, ask, principal, other):
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))

    assert await approvals.consume(waiting.id, **(BINDING | other)) is None
    assert await approvals.consume(waiting.id, **BINDING) is not None


async def test_a_session_with_fewer_labels_can_spend_it(approvals, ask, principal):
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))

    assert await approvals.consume(waiting.id, **(BINDING | {"labels": frozenset()})) is not None


async def test_what_nobody_approved_cannot_be_spent(approvals, ask, principal):
    waiting, denied = await ask(), await ask()
    await approvals.decide(denied.id, Ruling.DENY, by=principal("bob"))

    assert await approvals.consume(waiting.id, **BINDING) is None
    assert await approvals.consume(denied.id, **BINDING) is None
    assert await approvals.consume("nothing", **BINDING) is None


async def test_an_approval_expires_pending_or_approved(approvals, ask, principal, clock):
    waiting, approved = await ask(), await ask()
    await approvals.decide(approved.id, Ruling.APPROVE, by=principal("bob"))

    clock.now += 900

    assert await approvals.consume(approved.id, **BINDING) is None
    with pytest.raises(Conflict):
        await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))
    assert {one.id for one in await approvals.list(ApprovalState.EXPIRED)} == {waiting.id, approved.id}
    assert await approvals.list(ApprovalState.PENDING) == ()
    assert await approvals.list(ApprovalState.APPROVED) == ()


async def test_nobody_decides_on_a_call_of_their_own(approvals, ask, principal):
    waiting = await ask()

    for ruling in Ruling:
        with pytest.raises(Forbidden):
            await approvals.decide(waiting.id, ruling, by=principal("alice"))

    assert (await approvals.get(waiting.id)).state is ApprovalState.PENDING


async def test_the_local_operator_may_decide_on_anything(approvals, ask, principal):
    own = await ask("operator", tenant="elsewhere")

    decided = await approvals.decide(own.id, Ruling.APPROVE, by=principal("operator", local=True))

    assert decided.state is ApprovalState.APPROVED


async def test_another_tenants_approval_does_not_exist(approvals, ask, principal):
    waiting = await ask()

    with pytest.raises(NotFound):
        await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob", tenant="other"))


async def test_of_two_decisions_the_first_stands(approvals, ask, principal):
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.DENY, by=principal("bob"))

    with pytest.raises(Conflict):
        await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("carol"))


async def test_edited_arguments_are_the_only_ones_that_can_be_spent(approvals, ask, principal):
    waiting = await ask()
    edited = {"path": "a", "content": "harmless"}

    decided = await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"), arguments=edited)

    assert decided.arguments == edited
    assert await approvals.consume(waiting.id, **BINDING) is None
    assert await approvals.consume(waiting.id, **(BINDING | {"arguments": digest_arguments(edited)})) is not None


async def test_a_principal_cannot_wear_an_approver_out(approvals, ask, principal, clock):
    for _ in range(MAX_PENDING):
        await ask()

    with pytest.raises(Overloaded):
        await ask()
    await ask("bob")
    await ask("alice", tenant="other")
    clock.now += 900
    await ask()


async def test_a_record_shows_exactly_the_agreed_fields(ask):
    waiting = replace(await ask(), created_at=0.0, expires_at=900.0)

    assert waiting.to_json() == {
        "id": waiting.id,
        "call_id": "c1",
        "tool": "file_write",
        "principal": "alice",
        "session": "s1",
        "arguments": ARGUMENTS,
        "digest": str(digest_arguments(ARGUMENTS)),
        "forbids": ["no-writes", "untrusted-writes"],
        "labels": ["untrusted"],
        "level": "operator",
        "created_at": "1970-01-01T00:00:00.000Z",
        "expires_at": "1970-01-01T00:15:00.000Z",
        "state": "pending",
    }
