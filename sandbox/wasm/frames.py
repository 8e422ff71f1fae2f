"""The words between the parent and a worker, as bytes. Both sides treat what they read as hostile.

A frame is a little-endian `u32` length and that many bytes. Decoding answers a value whose encoding is exactly what
was read, or raises `FrameError`: a worker that reads a malformed frame ends, a parent that reads one kills the worker.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum, unique
from typing import Final

HEAD: Final = struct.Struct("<I")
REQUEST_CAP: Final = 4 << 20
"""Arguments are 100 KB at most (DESIGN section 5); larger data goes by workspace reference."""
HELLO_CAP: Final = 4096
BIRTH_CAP: Final = 16 << 10
_REQUEST: Final = struct.Struct("<QQIQHI")
_REPLY: Final = struct.Struct("<BiQQQIII")


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


UNHARMED: Final = frozenset({Ending.RETURNED, Ending.EXITED, Ending.FUEL, Ending.EPOCH})
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
    fuel, memory, wall, output, name_length, arguments_length = _REQUEST.unpack_from(body)
    if _REQUEST.size + name_length + arguments_length != len(body):
        raise FrameError("a request whose parts do not add up")
    if wall == 0 or output == 0:
        raise FrameError("a request without a limit")
    name_end = _REQUEST.size + name_length
    return Request(
        fuel=fuel,
        memory_bytes=memory,
        wall_ms=wall,
        output_bytes=output,
        name=_text(body[_REQUEST.size : name_end]),
        arguments=body[name_end:],
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


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise FrameError("a name that is not UTF-8") from None
