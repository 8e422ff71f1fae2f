"""Turns what a server answered into an outcome. Everything in it is untrusted; no reference is followed.

1. A kind of content that is not known is a protocol error: what cannot be scanned is not handed on.
2. A link leads to an https page, or to a resource of its server that was approved; any other is taken out, and said so.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.contracts import (
    Blob,
    Completed,
    Content,
    Failed,
    LimitName,
    Limits,
    Link,
    Method,
    Outcome,
    Resource,
    Stopped,
    Text,
    ToolError,
)
from holdfast.contracts.json_values import Json, canonical

_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9.+-]{1,64}/[A-Za-z0-9.+_-]{1,64}(?:; ?[A-Za-z0-9=._+\"-]{1,64}){0,4}")
_URI_LENGTH: Final = 8_192
_ACTIVE: Final = frozenset({"javascript", "vbscript", "data", "blob", "view-source", "filesystem"})

MAX_COMPLETIONS: Final = 100
"""MCP's own bound."""

LINK_REMOVED: Final = "(a link was taken out: it leads neither to an https page nor to an approved resource)"
UNNAMED: Final = "holdfast:resource"

Reach: TypeAlias = Callable[[str], str | None]
"""The served URI of what a server calls so; None when nothing of that URI was approved."""


def _nowhere(_uri: str) -> str | None:
    """Where nothing can be read, no link leads to a resource."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the results of one call are read."""

    limits: Limits
    isolation: tuple[str, ...]
    reach: Reach = _nowhere
    prefix: str = ""
    """What every URI of the server gets when it is served."""


def outcome_of(method: Method, result: Mapping[str, Json], reading: Reading) -> Outcome:
    """The outcome that the *result* of *method* says, within `limits.total_output_bytes` of text and decoded bytes."""
    if result.get("resultType", "complete") != "complete":
        return Failed(code="upstreams/protocol", message="the kind of result is not known", isolation=reading.isolation)
    try:
        return _completed(method, result, reading)
    except ToolError as error:
        return Failed(code="upstreams/protocol", message=error.message, isolation=reading.isolation)


def _completed(method: Method, result: Mapping[str, Json], reading: Reading) -> Completed | Stopped:
    content, structured = _said(method, result, reading)
    is_error = result.get("isError") if method is Method.TOOL else None
    if is_error is not None and not isinstance(is_error, bool):
        raise ToolError("`isError` is not true or false")
    size = sum(map(_weight, content)) + (0 if structured is None else len(canonical(structured)))
    if size > reading.limits.total_output_bytes:
        return Stopped(limit=LimitName.OUTPUT, isolation=reading.isolation)
    return Completed(content=content, structured=structured, is_error=is_error is True, isolation=reading.isolation)


def _said(method: Method, result: Mapping[str, Json], reading: Reading) -> tuple[tuple[Content, ...], Json]:
    match method:
        case Method.RESOURCE:
            return tuple(_resource(one, reading) for one in _list(result, "contents")), None
        case Method.PROMPT:
            return _prompt(result, reading)
        case Method.COMPLETION:
            return (), _completion(result.get("completion"))
        case _:
            content = tuple(_block(one, reading) for one in _list(result, "content", required=False))
            return content, result.get("structuredContent")


def _prompt(result: Mapping[str, Json], reading: Reading) -> tuple[tuple[Content, ...], Json]:
    blocks, roles = list[Content](), list[Json]()
    for message in _list(result, "messages"):
        match message:
            case {"role": ("user" | "assistant") as role, "content": content}:
                blocks.append(_block(content, reading))
                roles.append(role)
            case _:
                raise ToolError("a message of a prompt is out of shape")
    return tuple(blocks), {"description": _optional(result, "description"), "roles": roles}


def _completion(value: Json) -> Json:
    if not isinstance(value, dict):
        raise ToolError("`completion` is not an object")
    values, total, more = _list(value, "values"), value.get("total"), value.get("hasMore")
    if len(values) > MAX_COMPLETIONS or not all(isinstance(one, str) for one in values):
        raise ToolError(f"`values` are at most {MAX_COMPLETIONS} texts")
    counted = isinstance(total, int) and not isinstance(total, bool)
    return {"values": values, "total": total if counted else None, "hasMore": more if isinstance(more, bool) else None}


def _list(value: Mapping[str, Json], key: str, *, required: bool = True) -> list[Json]:
    listed = value.get(key) if required else value.get(key, [])
    if not isinstance(listed, list):
        raise ToolError(f"`{key}` is not a list")
    return listed


def _block(block: Json, reading: Reading) -> Content:
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
            return _link(block, reading)
        case "resource":
            return _resource(block.get("resource"), reading)
        case _:
            raise ToolError("a kind of content is not known")


def _link(block: Mapping[str, Json], reading: Reading) -> Content:
    uri, name, description = _uri(block), _string(block, "name"), _optional(block, "description")
    served = reading.reach(uri)
    if served is None and not _is_page(uri):
        return Text(text=f"{name}: {LINK_REMOVED}" + (f" ({description})" if description else ""))
    media_type = _media_type(block)
    if served is None:
        return Link(uri=uri, name=name, description=description, media_type=media_type)
    return Link(uri=served, name=name, description=description, media_type=media_type, served=True)


def _is_page(uri: str) -> bool:
    return uri[:8].lower() == "https://"


def _resource(value: Json, reading: Reading) -> Resource:
    if not isinstance(value, dict) or ("text" in value) == ("blob" in value):
        raise ToolError("a resource has either text or bytes")
    media_type = _media_type(value)
    body: Text | Blob
    if "text" in value:
        body = Text(text=_string(value, "text"), media_type=media_type or "text/plain")
    else:
        body = Blob(data=_decoded(_string(value, "blob")), media_type=media_type or "application/octet-stream")
    return Resource(uri=_named(_uri(value), reading), body=body)


def _named(uri: str, reading: Reading) -> str:
    """What a document that is here already is called: nothing that a reader could run by following it."""
    if reading.prefix or reading.reach(uri) is not None:
        return reading.prefix + uri
    scheme = uri.partition(":")[0].strip().lower()
    return UNNAMED if scheme in _ACTIVE or not uri.isprintable() else uri


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
