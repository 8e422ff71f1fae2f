"""For any bytes between parent and worker, what decodes encodes to exactly them, and the rest raises FrameError."""

import os
import sys

from holdfast.sandbox.wasm import frames
from holdfast.sandbox.wasm.frames import HEAD, FrameError
from holdfast.sandbox.wasm.pipes import read_frame

ALLOWED = 4096


def check(data: bytes) -> None:
    try:
        request = frames.read_request(data)
    except FrameError:
        pass
    else:
        assert frames.request_frame(request)[HEAD.size :] == data
        assert request.wall_ms > 0
    try:
        reply = frames.read_reply(data, output_bytes=ALLOWED)
    except FrameError:
        pass
    else:
        assert frames.reply_frame(reply)[HEAD.size :] == data
        assert len(reply.output) <= ALLOWED
    _from_a_pipe(data)


def _from_a_pipe(data: bytes) -> None:
    read, write = os.pipe()
    try:
        os.write(write, data[:60_000])
        os.close(write)
        body = read_frame(read, cap=ALLOWED)
        assert body is None or frames.frame(body) == data[:60_000]
    except FrameError:
        pass
    finally:
        os.close(read)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
