"""The parent's side of a worker's pipes believes nothing and never waits for what will not come."""

import asyncio
import contextlib
import os

import pytest

from holdfast.sandbox.wasm.channel import Channel, Gone
from holdfast.sandbox.wasm.frames import HEAD, FrameError, frame

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ends(anyio_backend):
    """A channel, and the worker's ends of its pipes."""
    requests_out, requests_in = os.pipe()
    replies_out, replies_in = os.pipe()
    channel = Channel(requests_in, replies_out)
    held = {requests_out, requests_in, replies_out, replies_in}

    def drop(descriptor):
        held.discard(descriptor)
        os.close(descriptor)

    yield channel, requests_out, replies_in, drop
    channel.close()
    for descriptor in held:
        os.close(descriptor)


async def test_a_frame_goes_out_and_one_comes_in(ends):
    channel, requests, replies, _ = ends
    os.write(replies, b"")
    asking = asyncio.ensure_future(channel.exchange(frame(b"question"), cap=100))
    await asyncio.sleep(0)

    os.write(replies, frame(b"answer")[:3])
    await asyncio.sleep(0)
    os.write(replies, frame(b"answer")[3:])

    assert await asking == b"answer"
    assert os.read(requests, 100) == frame(b"question")


async def test_more_than_a_pipe_holds_goes_out_whole(ends):
    channel, requests, replies, _ = ends
    data = frame(bytes(range(256)) * 4096)
    asking = asyncio.ensure_future(channel.exchange(data, cap=100))
    read = bytearray()

    os.set_blocking(requests, False)
    while len(read) < len(data):
        await asyncio.sleep(0)
        with contextlib.suppress(BlockingIOError):
            read += os.read(requests, 1 << 16)
    os.write(replies, frame(b"got it"))

    assert await asking == b"got it"
    assert read == data


@pytest.mark.parametrize(
    ("answer", "why"),
    [(HEAD.pack(101), "over its cap"), (frame(b"one") + frame(b"two"), "more than one")],
)
async def test_a_malformed_answer_breaks_the_channel(ends, answer, why):
    channel, _, replies, _ = ends
    asking = asyncio.ensure_future(channel.exchange(frame(b"q"), cap=100))
    await asyncio.sleep(0)

    os.write(replies, answer)

    with pytest.raises(FrameError, match=why):
        await asking
    assert channel.broken
    with pytest.raises(FrameError):
        await channel.exchange(frame(b"again"), cap=100)


async def test_bytes_nobody_asked_for_break_the_channel(ends):
    """Else the answer to one call could be planted before it is made."""
    channel, _, replies, _ = ends

    os.write(replies, frame(b"planted"))
    for _ in range(100):
        await asyncio.sleep(0)

    with pytest.raises(FrameError, match="nobody asked"):
        async with asyncio.timeout(10):
            await channel.exchange(frame(b"q"), cap=100)


async def test_a_worker_that_closes_is_gone(ends):
    channel, _, replies, drop = ends
    asking = asyncio.ensure_future(channel.exchange(frame(b"q"), cap=100))
    await asyncio.sleep(0)

    drop(replies)

    with pytest.raises(Gone):
        await asking


async def test_a_worker_that_no_longer_reads_is_gone(ends):
    channel, requests, _, drop = ends
    drop(requests)

    with pytest.raises(Gone):
        await channel.exchange(frame(b"q"), cap=100)
