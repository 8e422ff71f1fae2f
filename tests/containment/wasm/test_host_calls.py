"""A worker's host calls: answered one at a time within the one deadline; whoever speaks out of turn is ended."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.sandbox.wasm.channel import Channel
from holdfast.sandbox.wasm.frames import Ending, HostAnswer, HostCall, Reply, Request
from holdfast.sandbox.wasm.spawn_unsafe import Child
from holdfast.sandbox.wasm.supervisor import Died, Exhausted, Garbled, HostCallsSpent, Overdue, Worker

pytestmark = pytest.mark.anyio

SPEECH = """
import os, sys, time
from holdfast.sandbox.wasm.frames import *
from holdfast.sandbox.wasm.hostcalls import HostCalls, HostRefused
from holdfast.sandbox.wasm.pipes import read_frame
requests, replies = int(sys.argv[1]), int(sys.argv[2])
host = HostCalls(requests, replies)
def hear(): return read_frame(requests, cap=HOST_ANSWER_CAP)
def say(data):
    rest = memoryview(data)
    while rest: rest = rest[os.write(replies, rest):]
def reply(output=b"done"):
    counted = dict(exit_code=0, fuel=0, memory_bytes=0, cpu_us=0)
    say(reply_frame(Reply(ending=Ending.RETURNED, output=output, log=b"", detail=b"", **counted)))
def ask(name="now", payload=b"{}"): return host_call_frame(HostCall(name=name, payload=payload))
read_request(hear())
"""
REQUEST = Request(fuel=1, memory_bytes=0, wall_ms=20_000, output_bytes=1 << 20, name="tool", arguments=b"{}")


@pytest.fixture
async def speaking(anyio_backend):
    """Workers that say what they are told to, as a worker could that a guest has taken over."""
    workers = []

    def make(speech: str) -> Worker:
        requests_out, requests = os.pipe()
        replies, replies_in = os.pipe()
        process = subprocess.Popen(
            (sys.executable, "-c", SPEECH + speech, str(requests_out), str(replies_in)),
            pass_fds=(requests_out, replies_in),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(requests_out)
        os.close(replies_in)
        child = Child(process, requests, replies)
        workers.append(Worker(child, Channel(requests, replies)))
        return workers[-1]

    yield make
    for worker in workers:
        await worker.end()
        assert not Path(f"/proc/{worker.pid}").exists()  # noqa: ASYNC240 -- nothing waits for anything here


class Broker:
    """Answers with the name of what was asked, and remembers; waits for good if it is to *hang*."""

    def __init__(self, *, hang: bool = False, most: int = 1000) -> None:
        self.asked: list[HostCall] = []
        self.hang = hang
        self.most = most
        self.waiting = asyncio.Event()
        self.cancelled = False

    async def __call__(self, call: HostCall) -> HostAnswer:
        self.asked.append(call)
        if len(self.asked) > self.most:
            raise HostCallsSpent
        if self.hang:
            self.waiting.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return HostAnswer(payload=call.name.encode())


async def test_host_calls_are_answered_in_turn_and_the_reply_is_the_end(speaking):
    worker, broker = speaking("reply(host.call('now', b'{}') + host.call('log', b'{}')); hear()"), Broker()

    reply = await worker.call(REQUEST, broker)

    assert isinstance(reply, Reply)
    assert (reply.ending, reply.output) == (Ending.RETURNED, b"nowlog")
    assert [call.name for call in broker.asked] == ["now", "log"]
    assert worker.usable


async def test_a_worker_without_a_broker_is_granted_nothing(speaking):
    worker = speaking(
        "try: host.call('http', b'{}')\nexcept HostRefused as refused: reply(refused.code.encode())\nhear()"
    )

    reply = await worker.call(REQUEST)

    assert isinstance(reply, Reply)
    assert reply.output == b"host/not-granted"


async def test_the_largest_payload_and_answer_pass(speaking):
    async def broker(call: HostCall) -> HostAnswer:
        return HostAnswer(payload=call.payload * 8)

    reply = await speaking("reply(b'%d' % len(host.call('http', bytes(2 << 20)))); hear()").call(REQUEST, broker)

    assert isinstance(reply, Reply)
    assert reply.output == str(16 << 20).encode()


@pytest.mark.parametrize(
    "speech",
    [
        "say(ask() * 2); hear()",  # two at once
        "say(ask() + b'x'); hear()",
        "say(b'\\x07\\0\\0\\0\\0\\x03\\0\\0\\0\\0LOG'); hear()",  # no name of a function
        "say(b'\\xff\\xff\\xff\\x7f'); hear()",  # longer than anything
        "say(frame(b'\\0' * 5)); hear()",
        "say(frame(b'\\0\\x03' + (3 << 20).to_bytes(4, 'little') + b'log' + bytes(3 << 20))); hear()",  # over its cap
        "say(frame(b'')); hear()",
    ],
)
async def test_a_malformed_host_call_ends_the_worker(speaking, speech):
    worker, broker = speaking(speech), Broker(hang=True)

    async with asyncio.timeout(15):
        answer = await worker.call(REQUEST, broker)

    assert answer == Garbled()
    assert not worker.usable


@pytest.mark.parametrize("more", ["reply()", "say(ask())", "say(b'x')", "say(bytes(8 << 20))"])
async def test_a_worker_that_speaks_while_the_parent_has_its_turn_is_ended_at_once(speaking, more):
    worker = speaking(f"say(ask())\nwhile not os.path.exists('/proc/self/nothing'): time.sleep(0.2); {more}")
    broker = Broker(hang=True)

    async with asyncio.timeout(15):
        answer = await worker.call(REQUEST, broker)

    assert answer == Garbled()
    assert broker.cancelled
    assert not worker.usable


async def test_a_worker_that_dies_in_the_middle_of_a_host_call_takes_the_host_call_with_it(speaking):
    worker, broker = speaking("say(ask()); time.sleep(0.2); os.kill(os.getpid(), 9)"), Broker(hang=True)

    async with asyncio.timeout(15):
        answer = await worker.call(REQUEST, broker)

    assert isinstance(answer, Died)
    assert broker.cancelled


async def test_the_deadline_passes_in_the_middle_of_a_host_call(speaking):
    worker, broker = speaking("host.call('now', b'{}')"), Broker(hang=True)
    request = Request(fuel=1, memory_bytes=0, wall_ms=500, output_bytes=10, name="tool", arguments=b"{}")

    answer = await worker.call(request, broker)

    assert answer == Overdue()
    assert broker.cancelled
    assert not worker.usable


async def test_a_call_that_is_cancelled_in_the_middle_of_a_host_call_leaves_nothing_running(speaking):
    worker, broker = speaking("host.call('now', b'{}')"), Broker(hang=True)
    calling = asyncio.ensure_future(worker.call(REQUEST, broker))
    await broker.waiting.wait()

    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling
    assert broker.cancelled
    assert not worker.usable


async def test_a_flood_of_host_calls_ends_with_the_broker_s_word(speaking):
    worker, broker = speaking("while True: host.call('now', b'{}')"), Broker(most=200)

    answer = await worker.call(REQUEST, broker)

    assert answer == Exhausted()
    assert len(broker.asked) == 201
    assert not worker.usable


async def test_an_answer_to_a_worker_that_does_not_read_waits_for_the_deadline_only(speaking):
    async def broker(_call: HostCall) -> HostAnswer:
        return HostAnswer(payload=bytes(8 << 20))

    request = Request(fuel=1, memory_bytes=0, wall_ms=500, output_bytes=10, name="tool", arguments=b"{}")

    assert await speaking("say(ask()); time.sleep(60)").call(request, broker) == Overdue()
