"""What was once wrong with the pipes to workers, and is not any more."""

import asyncio
import os

import pytest

from holdfast.sandbox.wasm.channel import Channel, Gone
from holdfast.sandbox.wasm.frames import frame

pytestmark = pytest.mark.anyio


async def test_nobody_listens_on_the_pipe_of_a_worker_that_is_gone() -> None:
    """The loop kept waiting for a descriptor that was then closed: the next connection with its number never opened."""
    requests_out, requests_in = os.pipe()
    replies_out, replies_in = os.pipe()
    channel = Channel(requests_in, replies_out)
    os.close(requests_out)

    with pytest.raises(Gone):
        await channel.exchange(frame(b"question"), cap=100)

    loop = asyncio.get_running_loop()
    assert not loop.remove_writer(requests_in)
    assert not loop.remove_reader(replies_out)
    for descriptor in (requests_in, replies_out, replies_in):
        os.close(descriptor)
