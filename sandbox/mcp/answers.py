"""Reads one message of an upstream: strict JSON, JSON-RPC 2.0, nothing guessed. It never quotes what it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.contracts import MalformedJson
from holdfast.contracts.json_values import Json, parse

MAX_MESSAGE_BYTES: Final = 16 << 20
"""One message. DESIGN section 5 keeps 10 MiB of output; base64 and JSON make that 14 MiB."""

MAX_ID_LENGTH: Final = 128
_MAX_METHOD_LENGTH: Final = 128

MessageId: TypeAlias = int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The result of a request of ours."""

    id: MessageId
    result: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errored:
    """The error to a request of ours; without an id when the server could not read it."""

    id: MessageId | None
    code: int
    message: str
    data: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request of the server to us."""

    id: MessageId
    method: str
    params: Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """A notification of the server."""

    method: str
    params: Mapping[str, Json]


Message: TypeAlias = Answered | Errored | Asked | Noticed


def read_message(data: bytes) -> Message:
    """Read one JSON-RPC message.

    Raises: MalformedJson with one constant sentence for everything else, batches included.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise MalformedJson(f"a message is longer than {MAX_MESSAGE_BYTES} bytes")
    value = parse(data)
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise MalformedJson("not one JSON-RPC 2.0 message")
    if "method" in value:
        return _asked(value)
    if ("result" in value) == ("error" in value):
        raise MalformedJson("an answer has either a result or an error")
    return _answered(value) if "result" in value else _errored(value)


def _asked(value: Mapping[str, Json]) -> Asked | Noticed:
    method, params = value["method"], value.get("params", {})
    if not isinstance(method, str) or len(method) > _MAX_METHOD_LENGTH:
        raise MalformedJson("a method is a short string")
    if not isinstance(params, dict):
        raise MalformedJson("parameters are an object")
    if "result" in value or "error" in value:
        raise MalformedJson("a message is a request or an answer, not both")
    if "id" not in value:
        return Noticed(method=method, params=params)
    return Asked(id=_id(value["id"]), method=method, params=params)


def _answered(value: Mapping[str, Json]) -> Answered:
    result = value["result"]
    if not isinstance(result, dict):
        raise MalformedJson("a result is an object")
    return Answered(id=_id(value.get("id")), result=result)


def _errored(value: Mapping[str, Json]) -> Errored:
    error, given = value["error"], value.get("id")
    if not isinstance(error, dict):
        raise MalformedJson("an error is an object")
    code, message = error.get("code"), error.get("message")
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(message, str):
        raise MalformedJson("an error has a whole number as code and a message")
    return Errored(id=None if given is None else _id(given), code=code, message=message, data=error.get("data"))


def _id(value: Json) -> MessageId:
    if isinstance(value, str) and len(value) <= MAX_ID_LENGTH:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53:
        return value
    raise MalformedJson("an id is a whole number or a short string")
