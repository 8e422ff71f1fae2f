"""What is said in the middle of a call reads back as it was written, or is no frame at all."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.wasm.frames import (
    HEAD,
    HOST_ANSWER_BYTES,
    HOST_PAYLOAD_BYTES,
    Ending,
    FrameError,
    HostAnswer,
    HostCall,
    Reply,
    frame,
    host_answer_frame,
    host_call_frame,
    is_host_call,
    read_host_answer,
    read_host_call,
    read_reply,
    reply_frame,
)
from holdfast.sandbox.wasm.hostcalls import HostCalls, HostLost, HostRefused

NAMES = st.from_regex(r"[a-z][a-z-]{0,31}", fullmatch=True)
CODES = st.just("") | st.from_regex(r"[a-z][a-z0-9_-]{0,31}/[a-z0-9][a-z0-9_/-]{0,63}", fullmatch=True)


@given(NAMES, st.binary(max_size=300))
def test_a_host_call_reads_back_as_it_was_written(name, payload):
    call = HostCall(name=name, payload=payload)

    body = host_call_frame(call)[HEAD.size :]

    assert is_host_call(body)
    assert read_host_call(body) == call
    with pytest.raises(FrameError):
        read_reply(body, output_bytes=1 << 20)


@given(CODES, st.binary(max_size=300))
def test_an_answer_reads_back_as_it_was_written(code, payload):
    answer = HostAnswer(code=code, payload=payload)

    assert read_host_answer(host_answer_frame(answer)[HEAD.size :]) == answer


def test_no_reply_is_taken_for_a_host_call():
    for ending in Ending:
        reply = Reply(ending=ending, exit_code=0, fuel=0, memory_bytes=0, cpu_us=0, output=b"x", log=b"", detail=b"")
        assert not is_host_call(reply_frame(reply)[HEAD.size :])


@pytest.mark.parametrize(
    "call",
    [
        HostCall(name="", payload=b""),
        HostCall(name="Log", payload=b""),
        HostCall(name="a" * 33, payload=b""),
        HostCall(name="log\n", payload=b""),
        HostCall(name="log", payload=bytes(HOST_PAYLOAD_BYTES + 1)),
    ],
)
def test_a_host_call_over_its_caps_is_not_written(call):
    with pytest.raises(FrameError):
        host_call_frame(call)


@pytest.mark.parametrize(
    "answer", [HostAnswer(code="no slash"), HostAnswer(code="a/\n"), HostAnswer(payload=bytes(HOST_ANSWER_BYTES + 1))]
)
def test_an_answer_over_its_caps_is_not_written(answer):
    with pytest.raises(FrameError):
        host_answer_frame(answer)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"\0\x03\x05\0\0\0log",
        b"\0\x03\0\0\0\0lo",
        b"\0\x03\0\0\0\0LOG",
        b"\0\x00\0\0\0\0",
        b"\0\x03\0\0\0\0lo\xff",
        b"\x01\x03\0\0\0\0log",
        b"\0\x03\0\0\0\0log!",
    ],
)
def test_what_is_no_host_call_is_refused(body):
    with pytest.raises(FrameError):
        read_host_call(body)


@pytest.mark.parametrize(
    "body",
    [b"", b"\x01\0\x05\0\0\0{}", b"\x00\0\0\0\0\0", b"\x01\x03\0\0\0\0a/b", b"\x02\0\0\0\0\0", b"\0\x03\0\0\0\0a b"],
)
def test_what_is_no_answer_is_refused(body):
    with pytest.raises(FrameError):
        read_host_answer(body)


class Pipes:
    """The worker's way out, and what stands at the other end."""

    def __init__(self):
        requests_out, self.requests = os.pipe()
        self.replies, replies_in = os.pipe()
        self.inner = (requests_out, replies_in)
        self.host = HostCalls(requests_out, replies_in)

    def close(self):
        for one in (self.requests, self.replies, *self.inner):
            os.close(one)


@pytest.fixture
def pipes():
    made = Pipes()
    yield made
    made.close()


def test_a_guest_is_given_what_the_parent_answers(pipes):
    os.write(pipes.requests, host_answer_frame(HostAnswer(payload=b'{"ms":1}')))

    assert pipes.host.call("now", b"{}") == b'{"ms":1}'
    assert os.read(pipes.replies, 100) == host_call_frame(HostCall(name="now", payload=b"{}"))


def test_a_refusal_has_its_code_and_its_sentence(pipes):
    os.write(pipes.requests, host_answer_frame(HostAnswer(code="host/limit", payload=b"no more")))

    with pytest.raises(HostRefused) as refused:
        pipes.host.call("http", b"{}")
    assert (refused.value.code, refused.value.message) == ("host/limit", "no more")
    assert not pipes.host.lost


def test_too_much_is_refused_before_it_is_said(pipes):
    with pytest.raises(HostRefused) as refused:
        pipes.host.call("http", bytes(HOST_PAYLOAD_BYTES + 1))

    assert refused.value.code == "host/limit"
    os.set_blocking(pipes.replies, False)
    with pytest.raises(BlockingIOError):
        os.read(pipes.replies, 1)


@pytest.mark.parametrize("answer", [frame(b"what"), b"\xff\xff\xff\xff", host_answer_frame(HostAnswer()) * 2])
def test_an_answer_that_is_none_is_the_end(pipes, answer):
    os.write(pipes.requests, answer)

    with pytest.raises(HostLost):
        pipes.host.call("now", b"{}")
    assert pipes.host.lost
    with pytest.raises(HostLost):
        pipes.host.call("now", b"{}")
