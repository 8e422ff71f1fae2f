"""The words between the parent and a worker, as bytes. Both sides treat what they read as hostile.

A frame is a little-endian `u32` length and that many bytes. Decoding answers a value whose encoding is exactly what
was read, or raises `FrameError`: a worker that reads a malformed frame ends, a parent that reads one kills the worker.

One side speaks at a time. The parent says a request; the worker says a host call, which the parent answers, any number
of times; then the worker says its reply. Nothing else is ever in turn.
"""

import re
import struct
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

HEAD: Final = struct.Struct("<I")
REQUEST_CAP: Final = 4 << 20
"""Arguments are 100 KB at most (DESIGN section 5); larger data goes by workspace reference."""
HELLO_CAP: Final = 4096
BIRTH_CAP: Final = 16 << 10
HOST_PAYLOAD_BYTES: Final = 2 << 20
"""The most that one host call may say: a body of 1 MiB as base64, and its head."""
HOST_ANSWER_BYTES: Final = 16 << 20
"""The most that one answer may say: a response of 10 MiB as base64, and its head."""
HOST_NAME: Final = re.compile(r"[a-z][a-z-]{0,31}")
HOST_CODE: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}/[a-z0-9][a-z0-9_/-]{0,63}")
_REQUEST: Final = struct.Struct("<QQIQ?HI")
_KEEP_AT: Final = struct.calcsize("<QQIQ")
_REPLY: Final = struct.Struct("<BiQQQIII")
_HOST_CALL: Final = struct.Struct("<BBI")
_HOST_ANSWER: Final = struct.Struct("<BBI")
_IS_HOST_CALL: Final = 0
"""In the place of a reply's ending, of which none is zero."""
HOST_CALL_CAP: Final = _HOST_CALL.size + 32 + HOST_PAYLOAD_BYTES
HOST_ANSWER_CAP: Final = _HOST_ANSWER.size + 97 + HOST_ANSWER_BYTES


class FrameError(Exception):
    """The bytes are not a frame of ours. Carries no part of them."""


@unique
class Ending(IntEnum):
    """How a run ended."""

    RETURNED = 1
    EXITED = 2
    FUEL = 3
    EPOCH = 4
    STACK = 5
    MEMORY = 6
    TABLE = 7
    OUTPUT = 8
    WASI_CALLS = 9
    TRAPPED = 10
    BROKE_ABI = 11
    UNLINKED = 12
    UNFIT = 13


UNHARMED: Final = frozenset({Ending.RETURNED, Ending.EXITED, Ending.FUEL, Ending.EPOCH, Ending.UNFIT})
"""Endings after which a worker may serve its next call. After any other it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call."""

    fuel: int
    memory_bytes: int
    wall_ms: int
    output_bytes: int
    """All of it, not what the model sees."""
    name: str
    """The tool's name: the guest's argv[0]."""
    arguments: bytes
    """JSON."""
    keep: bool = False
    """Whether an interpreter's instance goes on from the call before, and stays for the next; nothing else has any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How the call went. Written by a process that runs hostile code: nothing in it is believed but sizes."""

    ending: Ending
    exit_code: int
    fuel: int
    """Used."""
    memory_bytes: int
    """Linear memory at the end; it never shrinks, so this is the most there was."""
    cpu_us: int
    """Processor time of the worker since it began, in microseconds."""
    output: bytes
    log: bytes
    detail: bytes
    """Text of a trap: the guest can choose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostCall:
    """What a guest asks of the parent in the middle of its call. Hostile, but for its size."""

    name: str
    """In the form of `HOST_NAME`."""
    payload: bytes
    """JSON, at most `HOST_PAYLOAD_BYTES`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAnswer:
    """What the parent says to it."""

    code: str = ""
    """Empty when it was done; why it was not, in the form of `HOST_CODE`."""
    payload: bytes = b"{}"
    """JSON when it was done, at most `HOST_ANSWER_BYTES`; a sentence when it was not."""

    @property
    def ok(self) -> bool:
        """Whether it was done."""
        return not self.code


def frame(body: bytes) -> bytes:
    """*body* with its length before it."""
    return HEAD.pack(len(body)) + body


def request_frame(request: Request) -> bytes:
    """The whole frame of *request*.

    Raises: FrameError when the frame would be over the cap.
    """
    name = request.name.encode("utf-8")
    body = b"".join(
        (
            _REQUEST.pack(
                request.fuel,
                request.memory_bytes,
                request.wall_ms,
                request.output_bytes,
                request.keep,
                len(name),
                len(request.arguments),
            ),
            name,
            request.arguments,
        )
    )
    if len(body) > REQUEST_CAP:
        raise FrameError("the request is over the cap")
    return frame(body)


def read_request(body: bytes) -> Request:
    """The request in *body*.

    Raises: FrameError.
    """
    if len(body) < _REQUEST.size or len(body) > REQUEST_CAP:
        raise FrameError("a request of the wrong size")
    fuel, memory, wall, output, keep, name_length, arguments_length = _REQUEST.unpack_from(body)
    if _REQUEST.size + name_length + arguments_length != len(body):
        raise FrameError("a request whose parts do not add up")
    if wall == 0 or output == 0:
        raise FrameError("a request without a limit")
    if body[_KEEP_AT] > 1:
        raise FrameError("a flag that is neither true nor false")
    name_end = _REQUEST.size + name_length
    return Request(
        fuel=fuel,
        memory_bytes=memory,
        wall_ms=wall,
        output_bytes=output,
        name=_text(body[_REQUEST.size : name_end]),
        arguments=body[name_end:],
        keep=keep,
    )


def reply_frame(reply: Reply) -> bytes:
    """The whole frame of *reply*."""
    head = _REPLY.pack(
        reply.ending,
        reply.exit_code,
        reply.fuel,
        reply.memory_bytes,
        reply.cpu_us,
        len(reply.output),
        len(reply.log),
        len(reply.detail),
    )
    return frame(b"".join((head, reply.output, reply.log, reply.detail)))


def reply_cap(output_bytes: int) -> int:
    """The most bytes a reply may have to a request that allowed *output_bytes*."""
    return _REPLY.size + output_bytes + _LOG_CAP + _DETAIL_CAP


def spoken_cap(output_bytes: int) -> int:
    """The most bytes of whatever a worker may say to a request that allowed *output_bytes*."""
    return max(reply_cap(output_bytes), HOST_CALL_CAP)


_LOG_CAP: Final = 1001 * 4097
_DETAIL_CAP: Final = 4096


def read_reply(body: bytes, *, output_bytes: int) -> Reply:
    """The reply in *body*, to a request that allowed *output_bytes*.

    Raises: FrameError.
    """
    if len(body) < _REPLY.size:
        raise FrameError("a reply of the wrong size")
    ending, code, fuel, memory, cpu, output_length, log_length, detail_length = _REPLY.unpack_from(body)
    if output_length > output_bytes or log_length > _LOG_CAP or detail_length > _DETAIL_CAP:
        raise FrameError("a reply with a part over its cap")
    if _REPLY.size + output_length + log_length + detail_length != len(body):
        raise FrameError("a reply whose parts do not add up")
    try:
        known = Ending(ending)
    except ValueError:
        raise FrameError("a reply with an unknown ending") from None
    log_at = _REPLY.size + output_length
    detail_at = log_at + log_length
    return Reply(
        ending=known,
        exit_code=code,
        fuel=fuel,
        memory_bytes=memory,
        cpu_us=cpu,
        output=body[_REPLY.size : log_at],
        log=body[log_at:detail_at],
        detail=body[detail_at:],
    )


def is_host_call(body: bytes) -> bool:
    """Whether what a worker said is a host call. If not, it is to be read as a reply."""
    return body[:1] == bytes((_IS_HOST_CALL,))


def host_call_frame(call: HostCall) -> bytes:
    """The whole frame of *call*. Raises: FrameError when the parent would not take it."""
    if not HOST_NAME.fullmatch(call.name) or len(call.payload) > HOST_PAYLOAD_BYTES:
        raise FrameError("a host call over its cap or without a name")
    name = call.name.encode("ascii")
    return frame(_HOST_CALL.pack(_IS_HOST_CALL, len(name), len(call.payload)) + name + call.payload)


def read_host_call(body: bytes) -> HostCall:
    """The host call in *body*. Raises: FrameError."""
    if len(body) < _HOST_CALL.size:
        raise FrameError("a host call of the wrong size")
    kind, name_length, length = _HOST_CALL.unpack_from(body)
    if kind != _IS_HOST_CALL or _HOST_CALL.size + name_length + length != len(body):
        raise FrameError("a host call whose parts do not add up")
    if length > HOST_PAYLOAD_BYTES:
        raise FrameError("a host call with a payload over its cap")
    at = _HOST_CALL.size + name_length
    return HostCall(name=_named(HOST_NAME, body[_HOST_CALL.size : at]), payload=body[at:])


def host_answer_frame(answer: HostAnswer) -> bytes:
    """The whole frame of *answer*. Raises: FrameError when a worker would not take it."""
    if (answer.code and not HOST_CODE.fullmatch(answer.code)) or len(answer.payload) > HOST_ANSWER_BYTES:
        raise FrameError("a host answer over its cap or with a code of another form")
    code = answer.code.encode("ascii")
    return frame(_HOST_ANSWER.pack(answer.ok, len(code), len(answer.payload)) + code + answer.payload)


def read_host_answer(body: bytes) -> HostAnswer:
    """The answer in *body*. Raises: FrameError."""
    if len(body) < _HOST_ANSWER.size or len(body) > HOST_ANSWER_CAP:
        raise FrameError("a host answer of the wrong size")
    ok, code_length, length = _HOST_ANSWER.unpack_from(body)
    if _HOST_ANSWER.size + code_length + length != len(body) or length > HOST_ANSWER_BYTES:
        raise FrameError("a host answer whose parts do not add up")
    if ok != (code_length == 0):
        raise FrameError("a host answer that is neither done nor refused")
    at = _HOST_ANSWER.size + code_length
    code = _named(HOST_CODE, body[_HOST_ANSWER.size : at]) if code_length else ""
    return HostAnswer(code=code, payload=body[at:])


def _named(form: re.Pattern[str], data: bytes) -> str:
    name = _text(data)
    if not form.fullmatch(name):
        raise FrameError("a name that is not of its form")
    return name


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise FrameError("a name that is not UTF-8") from None
