"""Reads what a plugin answered, in the parent: the tools it lists, the result of a call. All of it is untrusted.

1. Every list, name, text and schema has a cap; what is over it or malformed is refused, and nothing is guessed.
2. No sentence of ours quotes what was refused.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import Json, canonical, parse
from holdfast.contracts.limits import WASM, Usage
from holdfast.contracts.outcomes import Blob, Completed, Failed, Outcome, Refused, Stopped, Text
from holdfast.contracts.specs import Method

from ...mcp.content import Reading, outcome_of
from ..frames import Reply
from ..report import ModuleRefused, Offer
from . import speech

TOOLS: Final = 256
"""Tools of one plugin."""
LISTING_BYTES: Final = 1 << 20
SCHEMA_BYTES: Final = 64 << 10
SCHEMA_DEPTH: Final = 32
DESCRIPTION: Final = 4096
"""Characters; a longer description is cut."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_NO_RESULT: Final = "the plugin's answer is not the result of a tool call"


def read_offers(output: bytes) -> tuple[Offer, ...]:
    """The tools in *output*, what a worker answered to being asked what the plugin offers.

    Raises: ModuleRefused.
    """
    kind, listing = output[:1], output[1:]
    if kind != speech.TOOL_RESULT or len(listing) > LISTING_BYTES:
        raise ModuleRefused("the plugin does not say what tools it has")
    try:
        read = parse(listing)
    except MalformedJson:
        raise ModuleRefused("the plugin's list of tools is not JSON") from None
    tools = read.get("tools") if isinstance(read, dict) else None
    if not isinstance(tools, list) or not tools:
        raise ModuleRefused("the plugin lists no tools")
    if len(tools) > TOOLS:
        raise ModuleRefused(f"the plugin lists more than {TOOLS} tools")
    offers = tuple(map(read_offer, tools))
    if len({offer.name for offer in offers}) != len(offers):
        raise ModuleRefused("the plugin lists two tools of one name")
    return offers


def plugin_outcome(reply: Reply, *, usage: Usage, isolation: tuple[str, ...]) -> Outcome:
    """The outcome of a call that returned with *reply*."""
    kind, said = reply.output[:1], reply.output[1:]
    log = reply.log.decode("utf-8", errors="replace")
    match kind:
        case speech.TOOL_RESULT:
            return _result(said, log, usage, isolation)
        case speech.RAW:
            return _raw(said, log, usage, isolation)
        case speech.ERROR:
            text = said.decode("utf-8", errors="replace") or f"the plugin answered {reply.exit_code}"
            return Completed(content=(Text(text=text),), is_error=True, log=log, usage=usage, isolation=isolation)
        case _:
            return Failed(code="wasm/abi", message="the worker's answer has no kind", usage=usage, isolation=isolation)


def _result(said: bytes, log: str, usage: Usage, isolation: tuple[str, ...]) -> Outcome:
    try:
        read = parse(said)
    except MalformedJson:
        return Failed(code="wasm/abi", message=_NO_RESULT, usage=usage, isolation=isolation)
    if not isinstance(read, dict):
        return Failed(code="wasm/abi", message=_NO_RESULT, usage=usage, isolation=isolation)
    outcome = outcome_of(
        Method.TOOL,
        {key: value for key, value in read.items() if value is not None},
        Reading(limits=WASM, isolation=isolation),
    )
    match outcome:
        case Completed():
            return replace(outcome, log=log, usage=usage)
        case Failed(message=message):
            return Failed(code="wasm/abi", message=_NO_RESULT, detail=message, usage=usage, isolation=isolation)
        case Stopped() | Refused():
            return replace(outcome, usage=usage)


def _raw(said: bytes, log: str, usage: Usage, isolation: tuple[str, ...]) -> Completed:
    structured: Json = None
    content: tuple[Text | Blob, ...]
    try:
        structured = parse(said)
        content = (Text(text=said.decode("utf-8"), media_type="application/json"),)
    except MalformedJson:
        try:
            content = (Text(text=said.decode("utf-8")),)
        except UnicodeDecodeError:
            content = (Blob(data=said, media_type="application/octet-stream"),)
    return Completed(content=content, structured=structured, log=log, usage=usage, isolation=isolation)


def read_offer(tool: Json) -> Offer:
    """One tool of a list, as MCP has it: `name`, `description`, `inputSchema`. Raises: ModuleRefused."""
    name = tool.get("name") if isinstance(tool, dict) else None
    if not isinstance(tool, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ModuleRefused("a tool of the plugin has no name of 1 to 128 of A-Z, a-z, 0-9, `_`, `.` and `-`")
    description = tool.get("description")
    if description is not None and not isinstance(description, str):
        raise ModuleRefused(f"the description of the plugin's tool `{name}` is not text")
    schema = _schema(tool, "inputSchema", name)
    if schema is None:
        raise ModuleRefused(f"the plugin's tool `{name}` has no `inputSchema`")
    return Offer(
        name=name,
        description=(description or f"Calls `{name}` of a plugin")[:DESCRIPTION],
        input_schema=schema,
        output_schema=_schema(tool, "outputSchema", name),
    )


def _schema(tool: Mapping[str, Json], key: str, name: str) -> dict[str, Json] | None:
    schema = tool.get(key)
    if schema is None:
        return None
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise ModuleRefused(f"`{key}` of the plugin's tool `{name}` is no schema of an object")
    written = canonical(schema)
    if len(written) > SCHEMA_BYTES:
        raise ModuleRefused(f"`{key}` of the plugin's tool `{name}` is larger than {SCHEMA_BYTES} bytes")
    try:
        parse(written, max_depth=SCHEMA_DEPTH)
    except MalformedJson:
        raise ModuleRefused(f"`{key}` of the plugin's tool `{name}` is nested deeper than {SCHEMA_DEPTH}") from None
    return schema
