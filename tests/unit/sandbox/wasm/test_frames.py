"""Frames decode to exactly what was encoded, and nothing else decodes."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.wasm import frames
from holdfast.sandbox.wasm.frames import HEAD, Ending, FrameError, Reply, Request
from holdfast.sandbox.wasm.pipes import read_frame, write_frame

U64 = st.integers(0, 2**64 - 1)
REQUESTS = st.builds(
    Request,
    fuel=U64,
    memory_bytes=U64,
    wall_ms=st.integers(1, 2**32 - 1),
    output_bytes=st.integers(1, 2**64 - 1),
    name=st.text(max_size=64),
    arguments=st.binary(max_size=300),
    keep=st.booleans(),
)
REPLIES = st.builds(
    Reply,
    ending=st.sampled_from(Ending),
    exit_code=st.integers(-(2**31), 2**31 - 1),
    fuel=U64,
    memory_bytes=U64,
    cpu_us=U64,
    output=st.binary(max_size=300),
    log=st.binary(max_size=300),
    detail=st.binary(max_size=300),
)


@given(request=REQUESTS)
def test_a_request_comes_back_as_it_went(request):
    assert frames.read_request(frames.request_frame(request)[HEAD.size :]) == request


@given(reply=REPLIES)
def test_a_reply_comes_back_as_it_went(reply):
    assert frames.read_reply(frames.reply_frame(reply)[HEAD.size :], output_bytes=300) == reply


@given(reply=REPLIES, cut=st.integers(1, 50), more=st.binary(min_size=1, max_size=9))
def test_a_reply_cut_short_or_with_more_behind_it_is_refused(reply, cut, more):
    body = frames.reply_frame(reply)[HEAD.size :]

    for broken in (body[:-cut], body + more):
        with pytest.raises(FrameError):
            frames.read_reply(broken, output_bytes=300)


@given(data=st.binary(max_size=200))
def test_what_decodes_encodes_to_the_same_bytes(data):
    try:
        request = frames.read_request(data)
    except FrameError:
        return
    assert frames.request_frame(request)[HEAD.size :] == data


def test_more_output_than_was_allowed_is_refused():
    reply = Reply(
        ending=Ending.RETURNED, exit_code=0, fuel=0, memory_bytes=0, cpu_us=0, output=b"12345", log=b"", detail=b""
    )
    body = frames.reply_frame(reply)[HEAD.size :]

    assert frames.read_reply(body, output_bytes=5).output == b"12345"
    with pytest.raises(FrameError, match="over its cap"):
        frames.read_reply(body, output_bytes=4)


@pytest.mark.parametrize("field", ["wall_ms", "output_bytes"])
def test_a_request_without_a_limit_is_refused(field):
    fields = {"fuel": 1, "memory_bytes": 1, "wall_ms": 1, "output_bytes": 1, "name": "n", "arguments": b"{}"}
    frame = frames.request_frame(Request(**(fields | {field: 0})))

    with pytest.raises(FrameError, match="without a limit"):
        frames.read_request(frame[HEAD.size :])


def test_a_request_over_the_cap_is_not_sent():
    with pytest.raises(FrameError):
        frames.request_frame(
            Request(fuel=1, memory_bytes=1, wall_ms=1, output_bytes=1, name="n", arguments=bytes(frames.REQUEST_CAP))
        )


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (HEAD.pack(11) + bytes(11), "over its cap"),
        (HEAD.pack(4) + bytes(3), "cut short"),
        (HEAD.pack(4) + bytes(5), "more than one"),
        (b"\x01", "cut short"),
    ],
)
def test_a_malformed_frame_is_refused_by_the_child(written, why):
    read, write = os.pipe()
    os.write(write, written)
    os.close(write)

    with pytest.raises(FrameError, match=why):
        read_frame(read, cap=10)
    os.close(read)


def test_a_closed_pipe_is_an_end_and_no_frame():
    read, write = os.pipe()
    write_frame(write, b"body")
    os.close(write)

    assert read_frame(read, cap=10) == b"body"
    assert read_frame(read, cap=10) is None
    os.close(read)
