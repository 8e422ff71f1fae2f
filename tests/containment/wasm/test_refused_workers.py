"""The parent gives work to nothing that is not confined, whatever it says of itself: here is a process that lies."""

import asyncio
import dataclasses
import os
import subprocess
import sys

import pytest

from holdfast.sandbox.wasm.birth import READY, Birth
from holdfast.sandbox.wasm.channel import Channel
from holdfast.sandbox.wasm.compiling import CompilerUnavailable, _Job
from holdfast.sandbox.wasm.frames import Ending, Reply, Request, frame, reply_frame
from holdfast.sandbox.wasm.memfd import sealed
from holdfast.sandbox.wasm.spawn_unsafe import Child
from holdfast.sandbox.wasm.supervisor import Died, Garbled, Overdue, Worker, WorkerRefused

pytestmark = pytest.mark.anyio

BIRTH = Birth(
    abi="core-json",
    wasi=(),
    clock=True,
    random=True,
    tables=0,
    table_elements=0,
    declared_memory_bytes=0,
    memory_bytes=65536,
    cpu_seconds=10,
    unprivileged=65534,
)
REQUEST = Request(fuel=1, memory_bytes=1, wall_ms=10_000, output_bytes=10, name="tool", arguments=b"{}")
REPLY = Reply(ending=Ending.RETURNED, exit_code=0, fuel=0, memory_bytes=0, cpu_us=0, output=b"1", log=b"", detail=b"")


def lying(*answers: bytes) -> Child:
    """A process that is not confined: reads a frame, gives an answer, and so on; then it waits for its end."""
    child_requests, requests = os.pipe()
    replies, child_replies = os.pipe()
    program = f"""
import os
for answer in {list(answers)!r}:
    os.read({child_requests}, 65536)
    os.write({child_replies}, answer)
os.read({child_requests}, 65536)
os.read({child_requests}, 65536)
"""
    process = subprocess.Popen([sys.executable, "-I", "-c", program], pass_fds=(child_requests, child_replies))
    os.close(child_requests)
    os.close(child_replies)
    return Child(process, requests, replies)


def worker_of(child: Child) -> Worker:
    return Worker(child, Channel(child.requests, child.replies))


@pytest.mark.parametrize(
    ("hello", "why"),
    [
        (frame(READY), "no seccomp filter"),
        (frame(b"refused:landlock: no"), "landlock: no"),
        (frame(b"hello"), "did not say"),
        (b"\xff\xff\xff\xff", "ended before"),
        (frame(READY) * 2, "ended before"),
    ],
)
async def test_what_is_not_confined_gets_no_work(hello, why):
    worker = worker_of(lying(hello))

    with pytest.raises(WorkerRefused, match=why):
        await worker._confined(BIRTH)
    assert await worker.end() == -9


async def test_a_compiler_that_is_not_confined_gets_no_module():
    child = lying()
    os.close(child.replies)
    replies, theirs = os.pipe()
    os.write(theirs, frame(READY))
    pretending = Child(child.process, child.requests, replies)

    with pytest.raises(CompilerUnavailable, match="not confined: a thread has no seccomp filter"):
        _Job(b"", (), 10)._conversation(pretending)
    child.kill()
    pretending.wait()
    os.close(theirs)


@pytest.mark.parametrize(
    "answer",
    [
        frame(b"short"),
        b"\xff\xff\xff\xff",
        reply_frame(REPLY) * 2,
        frame(b"\x63" + reply_frame(REPLY)[5:]),
    ],
)
async def test_a_worker_that_answers_nonsense_is_killed(answer):
    worker = worker_of(lying(answer))

    assert await worker.call(REQUEST) == Garbled()
    assert not worker.usable
    assert await worker.end() == -9


async def test_a_worker_that_answers_more_than_was_asked_for_is_killed():
    worker = worker_of(lying(reply_frame(dataclasses.replace(REPLY, output=bytes(11)))))

    assert await worker.call(REQUEST) == Garbled()


async def test_a_worker_that_says_nothing_is_killed_at_the_deadline():
    worker = worker_of(lying())

    async with asyncio.timeout(10):
        assert await worker.call(dataclasses.replace(REQUEST, wall_ms=100)) == Overdue()
    assert await worker.end() == -9


async def test_a_worker_that_ends_is_dead_not_silent():
    worker = worker_of(lying())
    os.kill(worker.pid, 9)

    assert await worker.call(REQUEST) == Died(signal=9)


async def test_a_good_answer_is_passed_on_and_spares_the_worker():
    worker = worker_of(lying(reply_frame(REPLY)))

    assert await worker.call(REQUEST) == REPLY
    assert worker.usable
    await worker.end()


def test_sealed_bytes_cannot_be_changed_by_anyone():
    descriptor = sealed(b"artifact")
    for attempt in (
        lambda: os.write(descriptor, b"x"),
        lambda: os.ftruncate(descriptor, 1),
        lambda: os.ftruncate(descriptor, 100),
    ):
        with pytest.raises(PermissionError):
            attempt()
    assert os.pread(descriptor, 100, 0) == b"artifact"
    os.close(descriptor)
