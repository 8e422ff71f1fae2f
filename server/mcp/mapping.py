"""Writes tools and results in MCP's terms. What a tool said reaches the model inside the envelope, or as bytes.

1. The first block is `ToolResult.output`: wrapped, cut, for the model.
2. Images, sounds and links follow. The text of a resource is in the envelope already and is not repeated outside of it.
3. Output schemas are not announced: cleaning and cutting may change what they promise, and clients enforce promises.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final, assert_never, cast

import mcp.types as t

from holdfast.contracts import Blob, Content, Json, Link, Reason, Resource, Status, Text, ToolResult, ToolSpec

RESULT_META: Final = "dev.holdfast/result"
"""Where a host finds call id, status, reason, approval and the audit receipt. Never read back from a caller."""

APPROVAL_META: Final = "dev.holdfast/approval"
"""Where a host puts the id of the approval that its call spends."""

IN_ENVELOPE: Final = "(this text is in the tool output above)"

_NOT_SERVED: Final = "x-mcp-header"
"""Mirrors arguments in HTTP headers. Served, it would be one more place to leak to and one more answer to compare."""


def tool_of(spec: ToolSpec) -> t.Tool:
    """*spec* as it is listed."""
    return t.Tool(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        input_schema=cast("dict[str, Any]", _served(dict(spec.input_schema))),
    )


def call_result(result: ToolResult) -> t.CallToolResult:
    """*result* as the answer to `tools/call`. Whatever is not `ok` is an error of the tool."""
    content: list[Any] = [t.TextContent(text=result.output)]
    content.extend(block for block in map(_block, result.content) if block is not None)
    structured = result.structured if isinstance(result.structured, dict) else None
    return t.CallToolResult(
        content=content,
        structured_content=structured,
        is_error=result.status is not Status.OK,
        _meta={RESULT_META: result_meta(result)},
    )


def result_meta(result: ToolResult) -> dict[str, Json]:
    """What a host, not a model, wants to know of *result*."""
    written = result.to_json()
    kept = ("call_id", "status", "findings", "usage", "isolation", "approval", "audit")
    return {**{key: written[key] for key in kept}, "reason": _code(result.reason)}


def _code(reason: Reason | None) -> str | None:
    return None if reason is None else reason.code


def _block(block: Content) -> object | None:
    match block:
        case Text():
            return None  # in the envelope
        case Blob(data=data, media_type=media_type):
            encoded = base64.b64encode(data).decode("ascii")
            if media_type.startswith("image/"):
                return t.ImageContent(data=encoded, mime_type=media_type)
            if media_type.startswith("audio/"):
                return t.AudioContent(data=encoded, mime_type=media_type)
            return _resource("holdfast:blob", block)
        case Link(uri=uri, name=name, media_type=media_type):
            return t.ResourceLink(uri=uri, name=name, mime_type=media_type)
        case Resource(uri=uri, body=body):
            return _resource(uri, body)
        case _:
            assert_never(block)


def _resource(uri: str, body: Text | Blob) -> t.EmbeddedResource:
    match body:
        case Text(media_type=media_type):
            return t.EmbeddedResource(resource=t.TextResourceContents(uri=uri, text=IN_ENVELOPE, mime_type=media_type))
        case Blob(data=data, media_type=media_type):
            encoded = base64.b64encode(data).decode("ascii")
            return t.EmbeddedResource(resource=t.BlobResourceContents(uri=uri, blob=encoded, mime_type=media_type))
        case _:
            assert_never(body)


def _served(schema: Json) -> Json:
    if isinstance(schema, Mapping):
        return {key: _served(item) for key, item in schema.items() if key != _NOT_SERVED or not isinstance(item, str)}
    if isinstance(schema, list):
        return [_served(item) for item in schema]
    return schema
