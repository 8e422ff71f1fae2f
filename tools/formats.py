"""Writes a tool the way each kind of client lists tools; never changes what the tool is."""

from enum import StrEnum
from typing import assert_never

from holdfast.contracts import CONSEQUENTIAL, Builtin, Effect, Json, RuntimeRef, ToolSpec, Upstream, Wasm


class ListFormat(StrEnum):
    """The shapes of `GET /v1/tools?format=`."""

    NATIVE = "native"
    MCP = "mcp"
    ANTHROPIC = "anthropic"
    OPENAI = "openai"


def listed(spec: ToolSpec, form: ListFormat) -> dict[str, Json]:
    """The entry of *spec* in a listing. Schemas are the spec's own objects: read them, do not change them."""
    match form:
        case ListFormat.NATIVE:
            return _native(spec)
        case ListFormat.MCP:
            return _mcp(spec)
        case ListFormat.ANTHROPIC:
            return {"name": spec.name, "description": spec.description, "input_schema": dict(spec.input_schema)}
        case ListFormat.OPENAI:
            function: dict[str, Json] = {
                "name": spec.name,
                "description": spec.description,
                "parameters": dict(spec.input_schema),
            }
            return {"type": "function", "function": function}
        case _:
            assert_never(form)


def _native(spec: ToolSpec) -> dict[str, Json]:
    limits = spec.limits
    return {
        "name": spec.name,
        "title": spec.title,
        "version": spec.version,
        "description": spec.description,
        "input_schema": dict(spec.input_schema),
        "output_schema": None if spec.output_schema is None else dict(spec.output_schema),
        "effects": [effect.value for effect in sorted(spec.effects)],
        "runtime": _runtime(spec.runtime),
        "limits": {
            "fuel": limits.fuel,
            "memory_bytes": limits.memory_bytes,
            "wall_ms": limits.wall_ms,
            "output_bytes": limits.output_bytes,
            "host_calls": limits.host_calls,
        },
        "digest": str(spec.digest),
    }


def _mcp(spec: ToolSpec) -> dict[str, Json]:
    entry: dict[str, Json] = {
        "name": spec.name,
        "description": spec.description,
        "inputSchema": dict(spec.input_schema),
        "annotations": {
            "readOnlyHint": not spec.effects & CONSEQUENTIAL,
            "destructiveHint": bool(spec.effects & CONSEQUENTIAL),
            "openWorldHint": bool(spec.effects & {Effect.EGRESS, Effect.READ_UNTRUSTED}),
        },
    }
    if spec.title is not None:
        entry["title"] = spec.title
    if spec.output_schema is not None:
        entry["outputSchema"] = dict(spec.output_schema)
    return entry


def _runtime(runtime: RuntimeRef) -> str:
    match runtime:
        case Builtin():
            return "builtin"
        case Wasm():
            return "wasm"
        case Upstream():
            return "mcp"
        case _:
            assert_never(runtime)
