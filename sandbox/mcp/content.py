"""Turns the result of a `tools/call` into an outcome. Everything in it is untrusted; no reference is followed.

1. A kind of content that is not known is a protocol error: what cannot be scanned is not handed on.
2. What the server asks back for (elicitation, sampling, roots) is refused, never relayed.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from holdfast.contracts import (
    Blob,
    Completed,
    Content,
    Failed,
    LimitName,
    Limits,
    Link,
    Outcome,
    Reason,
    Refused,
    Resource,
    Stopped,
    Text,
    ToolError,
)
from holdfast.contracts.json_values import Json, canonical

_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+_-]{1,64}(?:; ?[A-Za-z0-9=._+\"-]{1,64}){0,4}")
_URI_LENGTH: Final = 8_192

ASKS_BACK: Final = Reason(
    code="upstreams/asks-back",
    layer="upstreams",
    message="the server wants to ask its caller or a model something first, and that is not relayed",
    remedy="no setting allows it; use a server that answers from its arguments alone",
)


def outcome_of(result: Mapping[str, Json], limits: Limits, isolation: tuple[str, ...]) -> Outcome:
    """The outcome that *result* says, within `limits.total_output_bytes` of text and decoded bytes."""
    kind = result.get("resultType", "complete")
    if kind == "input_required":
        return Refused(reason=ASKS_BACK, isolation=isolation)
    if kind != "complete":
        return Failed(code="upstreams/protocol", message="the kind of result is not known", isolation=isolation)
    try:
        return _completed(result, limits, isolation)
    except ToolError as error:
        return Failed(code="upstreams/protocol", message=error.message, isolation=isolation)


def _completed(result: Mapping[str, Json], limits: Limits, isolation: tuple[str, ...]) -> Completed | Stopped:
    listed, structured, is_error = result.get("content", []), result.get("structuredContent"), result.get("isError")
    if not isinstance(listed, list):
        raise ToolError("`content` is not a list")
    if is_error is not None and not isinstance(is_error, bool):
        raise ToolError("`isError` is not true or false")
    content = tuple(_block(block) for block in listed)
    size = sum(map(_weight, content)) + (0 if structured is None else len(canonical(structured)))
    if size > limits.total_output_bytes:
        return Stopped(limit=LimitName.OUTPUT, isolation=isolation)
    return Completed(content=content, structured=structured, is_error=is_error is True, isolation=isolation)


def _block(block: Json) -> Content:
    if not isinstance(block, dict):
        raise ToolError("a block of content is not an object")
    match block.get("type"):
        case "text":
            return Text(text=_string(block, "text"))
        case "image" | "audio" as kind:
            media_type = _media_type(block)
            if media_type is None or not media_type.startswith(f"{kind}/"):
                raise ToolError("the media type of a block does not fit its kind")
            return Blob(data=_decoded(_string(block, "data")), media_type=media_type)
        case "resource_link":
            return Link(
                uri=_uri(block),
                name=_string(block, "name"),
                description=_optional(block, "description"),
                media_type=_media_type(block),
            )
        case "resource":
            return _resource(block.get("resource"))
        case _:
            raise ToolError("a kind of content is not known")


def _resource(value: Json) -> Resource:
    if not isinstance(value, dict) or ("text" in value) == ("blob" in value):
        raise ToolError("a resource has either text or bytes")
    media_type = _media_type(value)
    body: Text | Blob
    if "text" in value:
        body = Text(text=_string(value, "text"), media_type=media_type or "text/plain")
    else:
        body = Blob(data=_decoded(_string(value, "blob")), media_type=media_type or "application/octet-stream")
    return Resource(uri=_uri(value), body=body)


def _uri(block: Mapping[str, Json]) -> str:
    uri = _string(block, "uri")
    if len(uri) > _URI_LENGTH:
        raise ToolError("a URI is too long")
    return uri


def _media_type(block: Mapping[str, Json]) -> str | None:
    value = block.get("mimeType")
    if value is None:
        return None
    if not isinstance(value, str) or not _MEDIA_TYPE.fullmatch(value):
        raise ToolError("a media type is malformed")
    return value


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ToolError("the bytes of a block are not base64") from None


def _string(block: Mapping[str, Json], key: str) -> str:
    value = block.get(key)
    if not isinstance(value, str):
        raise ToolError("a block of content lacks a text it must have")
    return value


def _optional(block: Mapping[str, Json], key: str) -> str:
    return "" if block.get(key) is None else _string(block, key)


def _weight(block: Content) -> int:
    match block:
        case Text(text=text):
            return _size(text)
        case Blob(data=data):
            return len(data)
        case Link(uri=uri, name=name, description=description):
            return _size(uri) + _size(name) + _size(description)
        case Resource(uri=uri, body=body):
            return _size(uri) + _weight(body)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8"))
