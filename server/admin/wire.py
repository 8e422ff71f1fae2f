"""The frames of the admin socket: one line of strict JSON each way. Opens no socket.

Request `{"verb": NAME, "params": {…}}`; answer `{"ok": VALUE}` or `{"error": {"kind", "message", "remedy"}}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import (
    CallerError,
    Conflict,
    Forbidden,
    HoldfastError,
    IntegrityError,
    InternalError,
    InvalidRequest,
    Json,
    JsonObject,
    MalformedJson,
    NotFound,
    OperatorError,
    Overloaded,
    TooLarge,
    ToolError,
    Unauthenticated,
)
from holdfast.contracts.json_values import canonical, parse

MAX_REQUEST: Final = 1 << 20
"""Bytes of a request line: room for the largest arguments of a call, ten times over."""
MAX_ANSWER: Final = 32 << 20
"""Bytes of an answer line: three times what a call may keep of its output."""

# The most specific kinds first: a kind is the first whose class fits.
_KINDS: Final[tuple[tuple[str, type[HoldfastError]], ...]] = (
    ("malformed-json", MalformedJson),
    ("invalid-request", InvalidRequest),
    ("unauthenticated", Unauthenticated),
    ("forbidden", Forbidden),
    ("not-found", NotFound),
    ("conflict", Conflict),
    ("too-large", TooLarge),
    ("overloaded", Overloaded),
    ("caller", CallerError),
    ("integrity", IntegrityError),
    ("operator", OperatorError),
    ("tool", ToolError),
)
_CLASSES: Final[Mapping[str, type[HoldfastError]]] = dict(_KINDS)
_INTERNAL: Final = "internal"
_INTERNAL_MESSAGE: Final = "holdfast could not do it; its log has the reason"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for."""

    verb: str
    params: JsonObject


def write_request(request: Request) -> bytes:
    """The line of *request*.

    Raises: TooLarge.
    """
    line = canonical({"verb": request.verb, "params": dict(request.params)}) + b"\n"
    if len(line) > MAX_REQUEST:
        raise TooLarge(f"a request to the admin socket is at most {MAX_REQUEST} bytes")
    return line


def read_request(line: bytes) -> Request:
    """What *line* asks for.

    Raises: MalformedJson, InvalidRequest.
    """
    match parse(line):
        case {"verb": str(verb), "params": dict(params), **rest} if not rest:
            return Request(verb=verb, params=params)
        case _:
            raise InvalidRequest("a request is an object with `verb` (a string) and `params` (an object), nothing else")


def write_value(value: Json) -> bytes:
    """The line that answers with *value*."""
    line = canonical({"ok": value}) + b"\n"
    if len(line) > MAX_ANSWER:
        return write_error(TooLarge("the answer is too large for the admin socket", remedy="ask for less at once"))
    return line


def write_error(error: Exception) -> bytes:
    """The line that answers with *error*. What is not one of ours says nothing of itself."""
    if isinstance(error, HoldfastError):
        for kind, cls in _KINDS:
            if isinstance(error, cls):
                return canonical({"error": {"kind": kind, "message": error.message, "remedy": error.remedy}}) + b"\n"
    return canonical({"error": {"kind": _INTERNAL, "message": _INTERNAL_MESSAGE, "remedy": None}}) + b"\n"


def read_answer(line: bytes) -> Json:
    """The value in *line*.

    Raises: the error that it holds; InternalError when it is not an answer.
    """
    match parse(line):
        case {"ok": value, **rest} if not rest:
            return value
        case {"error": {"kind": str(kind), "message": str(message), "remedy": str() | None as remedy}, **rest} if (
            not rest
        ):
            raise _CLASSES.get(kind, InternalError)(message, remedy=remedy)
        case _:
            raise InternalError("the admin socket gave no answer that can be read")
