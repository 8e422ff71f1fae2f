"""How a caller's arguments become a plugin's input. Pure: it knows bytes and JSON, and calls nothing."""

import base64
import binascii
import json
from typing import Final

from .interface import CALL, DESCRIBE, Style

TOOL_RESULT: Final = b"T"
"""Before an output that is the result of a `tools/call`, as JSON."""
RAW: Final = b"R"
"""Before an output that is whatever the plugin wrote."""
ERROR: Final = b"E"
"""Before what a plugin said went wrong."""

# hyper-mcp passes on the id and the metadata of the request it serves; there is nothing of ours in either.
_CONTEXT: Final = b'"context":{"_meta":{},"id":"1"}'


class Unspeakable(Exception):
    """The arguments have no form that the plugin could read. The message says why."""


def description_asked(style: Style) -> tuple[str, bytes]:
    """The export that says what a plugin offers, and its input."""
    return DESCRIBE[style], b"{" + _CONTEXT + b"}" if style is Style.V2 else b""


def spoken(style: Style, function: str, arguments: bytes) -> tuple[str, bytes]:
    """The export to call for *function* with *arguments*, a JSON object, and its input.

    Raises: Unspeakable.
    """
    if style is Style.PLAIN:
        return function, plain_input(arguments)
    request = b'{"arguments":' + arguments + b',"name":' + json.dumps(function).encode("ascii") + b"}"
    if style is Style.V1:
        return CALL[style], b'{"params":' + request + b"}"
    return CALL[style], b'{"request":' + request + b"," + _CONTEXT + b"}"


def plain_input(arguments: bytes) -> bytes:
    """What a plain function reads: the one argument `input` or `input_base64` as it is, or else the whole object.

    A text goes in as its UTF-8, any other value of `input` as JSON. Raises: Unspeakable.
    """
    read = json.loads(arguments)
    match read:
        case {"input": str(text), **rest} if not rest:
            return text.encode("utf-8")
        case {"input": value, **rest} if not rest:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        case {"input_base64": str(text), **rest} if not rest:
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise Unspeakable("`input_base64` is not base64") from None
        case _:
            return arguments
