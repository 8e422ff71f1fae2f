"""Whose call it is that a server says or asks something in the middle of."""

import asyncio

import anyio
import pytest

from holdfast.contracts import CallId, Method, Principal, Refusal, Scope, Session, SessionId, TenantId
from holdfast.contracts._mint import mint
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp.answers import Asked, Noticed
from holdfast.sandbox.mcp.ongoing import Ongoing
from holdfast.sandbox.mcp.places import Slot
from holdfast.sandbox.mcp.turns import MAX_ASKS, Patience, Turn

pytestmark = pytest.mark.anyio

FORM = {"message": "who?"}


class Hearing:
    """A `Talk` that remembers."""

    def __init__(self, answers=frozenset({Method.ELICITATION}), level="info"):
        self.level = level
        self.can = answers
        self.heard = []
        self.asked = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()

    def answers(self, _call):
        return self.can

    def wants_progress(self, _call):
        return True

    def log_level(self, _call):
        return self.level

    async def progress(self, _call, done, total, message):
        self.heard.append(("progress", done, total, message))

    async def log(self, _call, level, logger, data):
        self.heard.append(("log", level, logger, data))

    async def ask(self, _call, method, params, *, key=None):
        self.asked.append((method, dict(params), key))
        self.waiting.set()
        await self.gate.wait()
        return {"action": "decline"}


def a_call():
    principal = Principal(subject="a", tenant=TenantId("t"), scopes=frozenset({Scope.CALL}))
    session = Session(id=SessionId("s"), principal="a", tenant=TenantId("t"), labels=frozenset())
    fields = {"call_id": CallId("c"), "spec": None, "arguments": {}, "principal": principal, "session": session}
    return mint({**fields, "limits": UPSTREAM})


class Desk:
    """What is open on one connection, and what was replied to its server."""

    def __init__(self):
        self.ongoing = Ongoing()
        self.replies = {}
        self.replied = asyncio.Event()
        self.slots = asyncio.Semaphore(2)
        self.ongoing.reply = self._reply

    async def _reply(self, request, result):
        self.replies[request] = result
        self.replied.set()

    def turn(self, talk):
        scope = anyio.CancelScope(deadline=anyio.current_time() + 60)
        return Turn(a_call(), talk, Patience(scope), Slot(asyncio.Semaphore(9), self.slots))


def progress(token, done=1):
    return Noticed(method="notifications/progress", params={"progressToken": token, "progress": done})


def log(level="warning"):
    return Noticed(method="notifications/message", params={"level": level, "data": "x"})


def elicits(request="q1"):
    return Asked(id=request, method="elicitation/create", params=FORM)


async def test_a_question_on_a_stream_is_for_the_call_of_that_stream():
    desk, one, other = Desk(), Hearing(), Hearing()
    async with desk.turn(one) as first, desk.turn(other) as second:
        with desk.ongoing.open(1, first), desk.ongoing.open(2, second):
            assert desk.ongoing.asked(elicits(), 2)
            await desk.replied.wait()

    assert other.asked == [(Method.ELICITATION, FORM, None)]
    assert one.asked == []
    assert desk.replies == {"q1": {"action": "decline"}}


async def test_on_a_pipe_a_question_among_several_calls_is_for_nobody():
    desk, one, other = Desk(), Hearing(), Hearing()
    async with desk.turn(one) as first, desk.turn(other) as second:
        with desk.ongoing.open(1, first):
            with desk.ongoing.open(2, second):
                assert not desk.ongoing.asked(elicits(), None)
            assert desk.ongoing.asked(elicits(), None)
            await desk.replied.wait()

    assert other.asked == []
    assert len(one.asked) == 1


async def test_a_question_of_no_call_or_of_a_kind_that_was_not_granted_is_for_nobody():
    desk, one = Desk(), Hearing()
    async with desk.turn(one) as first:
        assert not desk.ongoing.asked(elicits(), None)
        with desk.ongoing.open(1, first):
            assert not desk.ongoing.asked(elicits(), 9)
            assert not desk.ongoing.asked(Asked(id="q", method="sampling/createMessage", params={}), 1)
            assert not desk.ongoing.asked(Asked(id="q", method="tools/call", params={}), 1)

    assert one.asked == []


async def test_progress_on_the_stream_of_another_call_is_dropped():
    desk, one, other = Desk(), Hearing(), Hearing()
    async with desk.turn(one) as first, desk.turn(other) as second:
        with desk.ongoing.open(1, first), desk.ongoing.open(2, second):
            desk.ongoing.noticed(progress(1), 2)
            desk.ongoing.noticed(progress(3), None)
            desk.ongoing.noticed(progress(2, done=5), 2)
            desk.ongoing.noticed(progress(1, done=7), None)

    assert one.heard == [("progress", 7.0, None, None)]
    assert other.heard == [("progress", 5.0, None, None)]


async def test_what_was_told_before_a_result_is_passed_on_before_it_and_in_order():
    desk, one = Desk(), Hearing()
    async with desk.turn(one) as first:
        with desk.ongoing.open(1, first):
            for done in range(20):
                desk.ongoing.noticed(progress(1, done=done), None)

    assert [done for _kind, done, _total, _message in one.heard] == list(range(20))


async def test_a_log_entry_below_the_wanted_level_or_of_several_calls_is_dropped():
    desk, one, other = Desk(), Hearing(level="error"), Hearing()
    async with desk.turn(one) as first, desk.turn(other) as second:
        with desk.ongoing.open(1, first):
            desk.ongoing.noticed(log("warning"), None)
            desk.ongoing.noticed(log("critical"), None)
            desk.ongoing.noticed(log("loudest"), None)
            with desk.ongoing.open(2, second):
                desk.ongoing.noticed(log("critical"), None)

    assert [level for _kind, level, _logger, _data in one.heard] == ["critical"]
    assert other.heard == []


async def test_a_question_that_its_server_takes_back_is_not_waited_for():
    desk, one = Desk(), Hearing()
    one.gate.clear()
    async with desk.turn(one) as first:
        with desk.ongoing.open(1, first):
            desk.ongoing.asked(elicits(), 1)
            await one.waiting.wait()
            desk.ongoing.noticed(Noticed(method="notifications/cancelled", params={"requestId": "q1"}), 1)

    assert desk.replies == {}


async def test_a_call_that_waits_for_an_answer_holds_no_place_and_its_time_stands_still():
    desk, one = Desk(), Hearing()
    one.gate.clear()
    desk.slots = asyncio.Semaphore(1)
    slot, scope = Slot(asyncio.Semaphore(9), desk.slots), anyio.CancelScope(deadline=anyio.current_time() + 60)
    await slot.take()
    async with Turn(a_call(), one, Patience(scope), slot) as turn:
        asking = asyncio.create_task(turn.ask(Method.ELICITATION, FORM))
        await one.waiting.wait()
        assert not desk.slots.locked()
        assert scope.deadline == float("inf")
        one.gate.set()
        assert await asking == {"action": "decline"}
        assert desk.slots.locked()
        assert scope.deadline < anyio.current_time() + 61


async def test_a_call_asks_so_many_questions_and_no_more():
    desk, one = Desk(), Hearing()
    async with desk.turn(one) as turn:
        for _time in range(MAX_ASKS):
            await turn.ask(Method.ELICITATION, FORM)
        with pytest.raises(Refusal, match="too-many"):
            await turn.ask(Method.ELICITATION, FORM)
