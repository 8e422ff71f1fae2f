"""An approval is for one call, by somebody else, once, for a while."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import update

from holdfast.contracts import (
    CallId,
    Conflict,
    Digest,
    Forbidden,
    Label,
    NotFound,
    SessionId,
    Source,
    TenantId,
    ToolName,
)
from holdfast.server.store import Approvals, ApprovalState, Ruling, digest_arguments, schema

pytestmark = pytest.mark.anyio

ARGUMENTS = {"path": "a", "content": "b"}
POLICY, FILES, STATE = Digest.of(b"policy"), Digest.of(b"files"), Digest.of(b"state")
BINDING = {
    "tenant": TenantId("acme"),
    "principal": "alice",
    "session": "s1",
    "tool": ToolName("file_write"),
    "definition": Digest.of(b"definition"),
    "arguments": digest_arguments(ARGUMENTS),
    "labels": frozenset({Label.UNTRUSTED}),
    "policy": POLICY,
    "references": FILES,
    "carried": STATE,
}


@pytest.fixture
def approvals(store, clock):
    return Approvals(store, clock=clock, key=b"k" * 32)


@pytest.fixture
def ask(approvals, principal):
    async def create(subject="alice", *, tenant="acme", **named):
        asked = {
            "call_id": CallId("c1"),
            "principal": principal(subject, tenant=tenant),
            "session": SessionId("s1"),
            "lineage": SessionId("s1"),
            "tool": ToolName("file_write"),
            "definition": Digest.of(b"definition"),
            "policy": POLICY,
            "arguments": ARGUMENTS,
            "digest": digest_arguments(ARGUMENTS),
            "forbids": ("no-writes", "untrusted-writes"),
            "labels": frozenset({Label.UNTRUSTED}),
            "level": "operator",
            "references": [{"path": "run.sh", "digest": str(FILES)}],
            "references_digest": FILES,
            "carried": STATE,
        }
        return await approvals.create(**(asked | named))

    return create


def other_arguments(content):
    arguments = {"path": "a", "content": content}
    return {"arguments": arguments, "digest": digest_arguments(arguments)}


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
        {"tenant": TenantId("other")},
        {"policy": Digest.of(b"another")},
        {"references": Digest.of(b"another")},
        {"carried": Digest.of(b"another")},
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
    waiting, denied = await ask(), await ask(**other_arguments("c"))
    await approvals.decide(denied.id, Ruling.DENY, by=principal("bob"))

    assert await approvals.consume(waiting.id, **BINDING) is None
    assert await approvals.consume(denied.id, **BINDING) is None
    assert await approvals.consume("nothing", **BINDING) is None


async def test_an_approval_expires_pending_or_approved(approvals, ask, principal, clock):
    waiting, approved = await ask(), await ask(**other_arguments("b"), level="other")
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


async def test_its_caller_is_shown_exactly_the_agreed_fields(ask):
    waiting = replace(await ask(), created_at=0.0, expires_at=900.0)

    assert waiting.summary() == {
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


async def test_an_approver_is_shown_the_whole_record(approvals, ask):
    read = Source(
        call_id="c0", tool="mail__read", labels=frozenset({Label.UNTRUSTED}), places=("upstream:mail:m1",), at=0.0
    )
    waiting = await ask(flow=[read], facts={"sink": "change"}, unresolved=["`$X`: cannot be told"], ran_before="c7")

    shown = (await approvals.get(waiting.id)).to_json()

    assert shown.items() >= waiting.summary().items()
    assert {name: shown[name] for name in shown.keys() - waiting.summary().keys()} == {
        "tenant": "acme",
        "lineage": "s1",
        "definition": str(Digest.of(b"definition")),
        "policy": str(POLICY),
        "references": [{"path": "run.sh", "digest": str(FILES)}],
        "unresolved": ["`$X`: cannot be told"],
        "carried": str(STATE),
        "flow": [
            {
                "call_id": "c0",
                "tool": "mail__read",
                "labels": ["untrusted"],
                "places": ["upstream:mail:m1"],
                "at": "1970-01-01T00:00:00.000Z",
            }
        ],
        "facts": {"sink": "change"},
        "ran_before": "c7",
    }


OTHER = Digest.of(b"another")
EDITS = [
    ({"forbids": '["all","no-writes","untrusted-writes"]'}, {}),
    ({"principal": "mallory"}, {"principal": "mallory"}),
    ({"tenant": "other"}, {"tenant": TenantId("other")}),
    ({"session": "s2"}, {"session": "s2"}),
    ({"tool": "shell"}, {"tool": ToolName("shell")}),
    ({"definition": str(OTHER)}, {"definition": OTHER}),
    ({"policy": str(OTHER)}, {"policy": OTHER}),
    ({"digest": str(OTHER)}, {"arguments": OTHER}),
    ({"labels": "private,untrusted"}, {"labels": frozenset(Label)}),
    ({"refs_digest": str(OTHER)}, {"references": OTHER}),
    ({"carried": str(OTHER)}, {"carried": OTHER}),
    ({"expires_at": 1_900_000_000.0}, {}),
    ({"lineage": "s2"}, {}),
    ({"arguments": "{}"}, {}),
    ({"refs": "[]"}, {}),
    ({"nonce": "0" * 32}, {}),
    ({"binding": None}, {}),
]


@pytest.mark.parametrize(("edit", "call"), EDITS, ids=[next(iter(edit)) for edit, _ in EDITS])
async def test_a_row_that_was_edited_lifts_nothing(approvals, ask, principal, store, edit, call):
    """Whoever writes to the database still needs the key."""
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))
    await store.change(update(schema.approvals).values(edit))

    assert await approvals.consume(waiting.id, **(BINDING | call)) is None


async def test_a_row_that_was_edited_cannot_be_approved(approvals, ask, principal, store):
    waiting = await ask()
    await store.change(update(schema.approvals).values(level="harmless"))

    with pytest.raises(Conflict, match="not as it was asked for"):
        await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))
    denied = await approvals.decide(waiting.id, Ruling.DENY, by=principal("bob"))

    assert denied.state is ApprovalState.DENIED


async def test_a_pending_row_that_is_called_approved_lifts_nothing(approvals, ask, store):
    waiting = await ask()
    await store.change(update(schema.approvals).values(state="approved"))

    assert await approvals.consume(waiting.id, **BINDING) is None


async def test_a_digest_a_caller_can_have_computed_is_no_binding(store, clock, ask, approvals, principal):
    """The key of bindings is another than that of arguments, which callers choose and are shown the digest of."""
    waiting = await ask()
    await approvals.decide(waiting.id, Ruling.APPROVE, by=principal("bob"))
    from holdfast.server.store import approval_record

    record = replace(await approvals.get(waiting.id), forbids=("all",))
    forged = approval_record.bound(record, b"k" * 32).binding
    await store.change(update(schema.approvals).values(forbids='["all"]', binding=str(forged)))

    assert await approvals.consume(waiting.id, **BINDING) is None


async def test_a_denial_keeps_the_arguments_that_were_asked_for(approvals, ask, principal):
    waiting = await ask()

    denied = await approvals.decide(waiting.id, Ruling.DENY, by=principal("bob"), arguments={"path": "b"})

    assert (denied.arguments, denied.digest) == (ARGUMENTS, digest_arguments(ARGUMENTS))


async def test_edited_arguments_come_with_the_files_that_they_name(approvals, ask, principal):
    waiting = await ask()
    edited, named = {"path": "b", "content": "b"}, Digest.of(b"b")

    decided = await approvals.decide(
        waiting.id,
        Ruling.APPROVE,
        by=principal("bob"),
        arguments=edited,
        references=[{"path": "b", "digest": str(named)}],
        references_digest=named,
    )

    assert decided.references == ({"path": "b", "digest": str(named)},)
    binding = BINDING | {"arguments": digest_arguments(edited)}
    assert await approvals.consume(waiting.id, **binding) is None
    assert await approvals.consume(waiting.id, **(binding | {"references": named})) is not None
