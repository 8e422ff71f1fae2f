"""Nobody is worn out by being asked: what is counted, and when no more is asked."""

import asyncio

import pytest

from holdfast.contracts import CallId, Digest, Forbidden, Label, Overloaded, QuestionsClosed, SessionId, ToolName
from holdfast.server.store import Approvals, Ruling, Store, digest_arguments
from holdfast.server.store.fatigue import (
    HOUR_S,
    MAX_PENDING,
    MAX_QUESTIONS,
    MAX_UNAPPROVED,
    MAX_UNAPPROVED_HOURLY,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def approvals(store, clock):
    return Approvals(store, clock=clock, key=b"k" * 32)


@pytest.fixture
def ask(approvals, principal):
    async def create(n, line="s1", subject="alice", *, tenant="acme", desk=approvals, **named):
        arguments = {"n": n}
        asked = {
            "call_id": CallId(f"c{n}"),
            "principal": principal(subject, tenant=tenant),
            "session": SessionId(line),
            "lineage": SessionId(line),
            "tool": ToolName("send"),
            "definition": Digest.of(b"definition"),
            "policy": Digest.of(b"policy"),
            "arguments": arguments,
            "digest": digest_arguments(arguments),
            "forbids": ("no-egress",),
            "labels": frozenset({Label.PRIVATE}),
            "level": "operator",
            "references": (),
            "references_digest": Digest.of(b"[]"),
            "carried": Digest.of(b"[]"),
        }
        return await desk.create(**(asked | named))

    return create


@pytest.fixture
def deny(approvals, principal):
    async def decide(asked):
        await approvals.decide(asked.id, Ruling.DENY, by=principal("bob"))

    return decide


@pytest.fixture
def approve(approvals, principal):
    async def decide(asked):
        await approvals.decide(asked.id, Ruling.APPROVE, by=principal("bob"))

    return decide


async def test_a_list_that_is_too_long_to_read_does_not_grow(ask, clock):
    for n in range(MAX_PENDING):
        await ask(n, line=f"s{n}")

    with pytest.raises(Overloaded):
        await ask(0, line="another")
    await ask(0, subject="carol")
    await ask(0, tenant="other")
    clock.now += 901  # expired: they no longer wait, but nobody approved them either
    with pytest.raises(QuestionsClosed):
        await ask(0, line="another")


async def test_the_same_call_is_one_question(ask, approvals, store):
    first = await ask(1)

    again = [await ask(1) for _ in range(MAX_QUESTIONS + 1)]

    assert {one.id for one in again} == {first.id}
    assert len(await approvals.list()) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"labels": frozenset(Label)},
        {"policy": Digest.of(b"another")},
        {"definition": Digest.of(b"another")},
        {"session": SessionId("child")},
        {"references_digest": Digest.of(b"another")},
        {"carried": Digest.of(b"another")},
        {"forbids": ("no-egress", "no-spending")},
        {"subject": "carol"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_question_that_could_not_be_spent_on_this_call_is_not_answered_again(ask, other):
    first = await ask(1)

    assert (await ask(1, **other)).id != first.id


async def test_one_that_was_decided_is_asked_anew(ask, approve):
    first = await ask(1)
    await approve(first)

    assert (await ask(1)).id != first.id


async def test_a_line_of_sessions_asks_only_so_often(ask, approve):
    """A tired approver says yes from the eleventh question on: there is none."""
    for n in range(MAX_QUESTIONS):
        await approve(await ask(n))

    with pytest.raises(QuestionsClosed, match="asked for an approval"):
        await ask(99)
    with pytest.raises(QuestionsClosed):
        await ask(99, session=SessionId("a child"))
    await ask(99, line="another")


async def test_questions_asked_at_once_are_counted_too(ask):
    asked = await asyncio.gather(*(ask(n) for n in range(MAX_QUESTIONS + 5)), return_exceptions=True)

    assert sum(isinstance(one, QuestionsClosed) for one in asked) == 5


async def test_two_processes_count_together(ask, clock, tmp_path, store):
    other = await Store.open(f"sqlite:///{tmp_path / 'holdfast.db'}", key=bytes(32))
    there = Approvals(other, clock=clock, key=b"k" * 32)

    asked = await asyncio.gather(
        *(ask(n) for n in range(MAX_QUESTIONS)),
        *(ask(n + 100, desk=there) for n in range(MAX_QUESTIONS)),
        return_exceptions=True,
    )
    await other.close()

    assert sum(isinstance(one, QuestionsClosed) for one in asked) == MAX_QUESTIONS


async def test_after_three_denials_a_line_of_sessions_asks_no_more(ask, deny):
    for n in range(MAX_UNAPPROVED):
        await deny(await ask(n))

    with pytest.raises(QuestionsClosed, match="not approved"):
        await ask(99)
    await ask(99, line="another")


async def test_what_nobody_answers_counts_as_denied(ask, clock):
    for n in range(MAX_UNAPPROVED):
        await ask(n)
    clock.now += 900

    with pytest.raises(QuestionsClosed, match="not approved"):
        await ask(99)


async def test_what_was_approved_and_never_spent_does_not_count_as_denied(ask, approve, clock):
    for n in range(MAX_UNAPPROVED):
        await approve(await ask(n))
    clock.now += 900

    await ask(99)


async def test_a_denied_call_is_not_asked_about_again(ask, deny):
    await deny(await ask(1))

    with pytest.raises(QuestionsClosed, match="denied already"):
        await ask(1)
    with pytest.raises(QuestionsClosed):
        await ask(1, session=SessionId("a child"), labels=frozenset(Label), policy=Digest.of(b"another"))
    await ask(2)
    await ask(1, line="another")


async def test_new_lines_of_sessions_do_not_help_a_principal_that_is_denied(ask, deny, clock):
    for n in range(MAX_UNAPPROVED_HOURLY):
        await deny(await ask(n, line=f"s{n}"))

    with pytest.raises(QuestionsClosed, match="within an hour"):
        await ask(99, line="another")
    await ask(99, line="another", subject="carol")
    clock.now += HOUR_S + 1
    await ask(99, line="another")


async def test_an_operator_lets_a_principal_ask_again(ask, deny, approvals, clock):
    for n in range(MAX_UNAPPROVED):
        await deny(await ask(n))
    clock.now += 1

    await approvals.reopen("acme", "carol")
    await approvals.reopen("other", "alice")
    with pytest.raises(QuestionsClosed):
        await ask(99)
    await approvals.reopen("acme", "alice")
    clock.now += 1

    await ask(0)
    for n in range(1, MAX_UNAPPROVED + 1):
        await deny(await ask(n))
    with pytest.raises(QuestionsClosed):
        await ask(98)
    clock.now += 1
    await approvals.reopen("acme", "alice")
    await ask(98)


def test_closed_questions_are_the_callers_own_doing():
    assert issubclass(QuestionsClosed, Forbidden)
