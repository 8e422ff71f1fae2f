"""Writes tools and results in MCP's terms. What a tool said reaches the model inside the envelope, or as bytes.

1. The first block is `ToolResult.output`: wrapped, cut, for the model.
2. Images, sounds and links follow. The text of a resource is in the envelope already and is not repeated outside of it.
3. Resources and prompts, which hosts take apart, have each text in an envelope of its own.
4. An output schema is announced as far as a client may safely run it. Cleaning and cutting may change what it promises:
   then the call is answered with an error, for clients enforce promises.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never, cast

import mcp.types as t

from holdfast.contracts import Blob, Content, Json, Link, Reason, Resource, Status, Text, ToolResult, ToolSpec
from holdfast.tools.registry import BUILTIN_NAMES

RESULT_META: Final = "dev.holdfast/result"
"""Where a host finds call id, status, reason, approval and the audit receipt. Never read back from a caller."""

APPROVAL_META: Final = "dev.holdfast/approval"
"""Where a host puts the id of the approval that its call spends."""

IN_ENVELOPE: Final = "(this text is in the tool output above)"

UNKEPT: Final = (
    "holdfast: what the tool answered no longer fits its output schema once it is cleaned and cut; it is an error here"
)

MOST_VALUES: Final = 100
"""Of a completion: MCP's own limit."""

_UNSAFE: Final = frozenset({"pattern", "patternProperties", "$dynamicRef", "$recursiveRef"})
"""In an output schema, which a client runs on what an upstream answered: it could hang on the one or the other."""

_NOT_SERVED: Final = "x-mcp-header"
"""Mirrors arguments in HTTP headers. Served, it would be one more place to leak to and one more answer to compare."""


def tool_of(spec: ToolSpec) -> t.Tool:
    """*spec* as it is listed."""
    return t.Tool(
        name=spec.name,
        title=spec.title,
        description=spec.description,
        input_schema=cast("dict[str, Any]", _served(dict(spec.input_schema))),
        output_schema=None if spec.output_schema is None else _promise(spec.output_schema),
    )


def call_result(result: ToolResult) -> t.CallToolResult:
    """*result* as the answer to `tools/call`. Whatever is not `ok` is an error of the tool."""
    content: list[t.ContentBlock] = []
    if result.texts:
        content.extend(_apart(result))
    else:
        content.append(t.TextContent(text=result.output))
        content.extend(block for block in map(_block, result.content) if block is not None)
    if not result.fits:
        content.append(t.TextContent(text=UNKEPT))
    structured = result.structured if isinstance(result.structured, dict) else None
    return t.CallToolResult(
        content=content,
        structured_content=None if _is_aside(result) else structured,
        is_error=result.status is not Status.OK or not result.fits,
        _meta={RESULT_META: result_meta(result)},
    )


def _is_aside(result: ToolResult) -> bool:
    """Whether what is structured only says something about the text, as our own tools have it.

    There are clients that give a model the structured content alone where there is any.
    """
    return result.tool in BUILTIN_NAMES and "mcp" not in result.isolation


def read_result(result: ToolResult) -> t.ReadResourceResult:
    """*result* as the answer to `resources/read`: its resources, whatever else it holds left out."""
    blocks = [block.resource for block in _apart(result) if isinstance(block, t.EmbeddedResource)]
    return t.ReadResourceResult(contents=blocks, ttl_ms=0, cache_scope="private", _meta=_meta_of(result))


def prompt_result(result: ToolResult, description: str | None) -> t.GetPromptResult:
    """*result* as the answer to `prompts/get`: a message for each block, by the roles that its server gave.

    *description* is the approved one, not what the server says this time.
    """
    structured = result.structured if isinstance(result.structured, dict) else {}
    given = structured.get("roles")
    roles = given if isinstance(given, list) else []
    messages = [
        t.PromptMessage(role="assistant" if role == "assistant" else "user", content=block)
        for role, block in zip(roles, _apart(result), strict=False)  # a cut may have left the last ones out
    ]
    return t.GetPromptResult(description=description, messages=messages, _meta=_meta_of(result))


def completion_result(result: ToolResult | None) -> t.CompleteResult:
    """*result* as the answer to `completion/complete`; None: nothing is known."""
    structured = result.structured if result is not None and isinstance(result.structured, dict) else {}
    values, total, more = structured.get("values"), structured.get("total"), structured.get("hasMore")
    shown = [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
    completion = t.Completion(
        values=shown[:MOST_VALUES],
        total=total if isinstance(total, int) else None,
        has_more=more if isinstance(more, bool) else None,
    )
    return t.CompleteResult(completion=completion)


def _meta_of(result: ToolResult) -> dict[str, Any]:
    return {RESULT_META: result_meta(result)}


def result_meta(result: ToolResult) -> dict[str, Json]:
    """What a host, not a model, wants to know of *result*."""
    written = result.to_json()
    kept = ("call_id", "status", "findings", "usage", "isolation", "approval", "audit")
    return {**{key: written[key] for key in kept}, "reason": _code(result.reason)}


def _code(reason: Reason | None) -> str | None:
    return None if reason is None else reason.code


def _apart(result: ToolResult) -> Iterator[t.ContentBlock]:
    """Every block for itself, its text as `texts` has it; without that text there is none."""
    texts = iter(result.texts)
    for block in result.content:
        body = block.body if isinstance(block, Resource) else block
        text = next(texts, "") if isinstance(body, Text) else ""
        if isinstance(block, Text):
            yield t.TextContent(text=text)
            continue
        written = _block(block)
        if isinstance(written, t.EmbeddedResource) and isinstance(written.resource, t.TextResourceContents):
            written = t.EmbeddedResource(resource=written.resource.model_copy(update={"text": text}))
        if written is not None:
            yield written


def _block(block: Content) -> t.ContentBlock | None:
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


def _promise(schema: Mapping[str, Json]) -> dict[str, Any]:
    """*schema* for a client to run; one that could hang it, or make it fetch something, becomes just "an object"."""
    served = _served(dict(schema))
    return cast("dict[str, Any]", served if isinstance(served, dict) and _runs(served) else {"type": "object"})


def _runs(schema: Json) -> bool:
    if isinstance(schema, Mapping):
        reference = schema.get("$ref", "#")
        local = not isinstance(reference, str) or reference.startswith("#")
        return local and not (_UNSAFE & schema.keys()) and all(map(_runs, schema.values()))
    return all(map(_runs, schema)) if isinstance(schema, list) else True


def _served(schema: Json) -> Json:
    if isinstance(schema, Mapping):
        return {key: _served(item) for key, item in schema.items() if key != _NOT_SERVED or not isinstance(item, str)}
    if isinstance(schema, list):
        return [_served(item) for item in schema]
    return schema
