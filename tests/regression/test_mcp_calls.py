"""What was once broken in MCP calls that ask, watch and wait; each test is the attack that showed it."""

import asyncio

import anyio
import pytest

from holdfast.contracts import Method, Refusal
from holdfast.sandbox.mcp.ongoing import GIVEN_UP_SECONDS, Ongoing
from holdfast.sandbox.mcp.places import Slot
from holdfast.sandbox.mcp.turns import ASKING_SECONDS, Patience, Turn
from tests.unit.sandbox.mcp.test_ongoing import FORM, Desk, Hearing, a_call, elicits

pytestmark = pytest.mark.anyio


async def _until(holds):
    with anyio.fail_after(10):
        while not holds():  # noqa: ASYNC110 -- it has no event of its own
            await asyncio.sleep(0)


async def test_a_call_that_is_asked_something_while_it_waits_for_its_place_holds_none():
    places, talk = asyncio.Semaphore(2), Hearing()
    talk.gate.clear()
    slot = Slot(asyncio.Semaphore(9), places)
    with anyio.CancelScope(deadline=anyio.current_time() + 60) as scope:
        await slot.take()
        async with Turn(a_call(), talk, Patience(scope), slot) as turn:
            first = turn.start(_asked(turn))
            await _until(lambda: len(talk.asked) == 1)
            await places.acquire()  # others use both places
            await places.acquire()
            talk.gate.set()
            await _until(lambda: not turn._asking)
            talk.gate.clear()
            second = turn.start(_asked(turn))
            await _until(lambda: len(talk.asked) == 2)
            places.release()
            places.release()
            await first
            assert places._value == 2  # who is being asked holds none
            talk.gate.set()
            await second
            assert places._value == 1
        slot.give()

    assert places._value == 2


async def test_a_call_that_waits_for_its_place_twice_takes_one():
    places, talk = asyncio.Semaphore(2), Hearing()
    slot = Slot(asyncio.Semaphore(9), places)
    with anyio.CancelScope(deadline=anyio.current_time() + 60) as scope:
        await slot.take()
        async with Turn(a_call(), talk, Patience(scope), slot) as turn:
            talk.gate.clear()
            first = turn.start(_asked(turn))
            await _until(lambda: len(talk.asked) == 1)
            await places.acquire()  # others use both places
            await places.acquire()
            talk.gate.set()
            await _until(lambda: not turn._asking)
            second = turn.start(_asked(turn))  # answered at once
            await _until(lambda: len(talk.asked) == 2 and not turn._asking)
            places.release()
            places.release()
            await asyncio.gather(first, second)
            assert places._value == 1
        slot.give()

    assert places._value == 2


async def _asked(turn):
    await turn.ask(Method.ELICITATION, FORM)


async def test_questions_one_after_another_do_not_stretch_the_time_for_answers():
    class Clocked(Patience):
        """One whose first question was put long ago."""

        def stop(self):
            super().stop()
            self._since -= ASKING_SECONDS - 0.05

    talk, places = Hearing(), asyncio.Semaphore(1)
    talk.gate.clear()
    with anyio.CancelScope(deadline=anyio.current_time() + 60) as scope:
        async with Turn(a_call(), talk, Clocked(scope), Slot(asyncio.Semaphore(9), places)) as turn:
            first = turn.start(_asked(turn))
            await _until(lambda: len(talk.asked) == 1)
            with anyio.fail_after(20), pytest.raises(Refusal):
                await turn.ask(Method.ELICITATION, FORM)
            first.cancel()


async def test_what_is_asked_for_a_call_that_was_given_up_is_not_asked_of_the_next_caller():
    desk, one, other, now = Desk(), Hearing(), Hearing(), [0.0]
    desk.ongoing = Ongoing(clock=lambda: now[0])
    desk.ongoing.reply = desk._reply
    async with desk.turn(one) as first, desk.turn(other) as second:
        with pytest.raises(TimeoutError), desk.ongoing.open(1, first):
            raise TimeoutError  # its caller went away
        with desk.ongoing.open(2, second):
            assert not desk.ongoing.asked(elicits(), None)
            assert desk.ongoing.asked(elicits("on-its-stream"), 2)
            now[0] = GIVEN_UP_SECONDS
            assert desk.ongoing.asked(elicits("later"), None)
            await desk.replied.wait()

    assert one.asked == []
