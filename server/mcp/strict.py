"""Reads what clients send before the SDK does: one strict JSON object, or a refusal that quotes nothing."""

from typing import Final

from holdfast.contracts import MalformedJson
from holdfast.contracts.json_values import Json, canonical, parse

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600


class RefusedMessage(Exception):
    """A message that is not taken. `body` is the JSON-RPC error that says why."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        error: Json = {"code": code, "message": message}
        self.body = canonical({"jsonrpc": "2.0", "id": None, "error": error})


def check(data: bytes) -> None:
    """Check that *data* is one JSON-RPC message that every reader reads alike.

    Raises: RefusedMessage for duplicate keys, NaN, infinities, other charsets, too much depth, and batches.
    """
    try:
        value = parse(data)
    except MalformedJson as error:
        raise RefusedMessage(PARSE_ERROR, error.message) from None
    if isinstance(value, list):
        raise RefusedMessage(INVALID_REQUEST, "batches are not taken; send one message at a time")
    if not isinstance(value, dict):
        raise RefusedMessage(INVALID_REQUEST, "a message is a JSON object")
