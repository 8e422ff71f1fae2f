"""A tool as an API of somebody else's wants it described. Adds nothing a spec does not say."""

from typing import Literal, TypeAlias, assert_never

from holdfast.contracts import CONSEQUENTIAL, Effect, Json, ToolSpec

from ..metrics import runtime_kind

ListFormat: TypeAlias = Literal["holdfast", "mcp", "anthropic", "openai"]


def described(spec: ToolSpec, form: ListFormat) -> dict[str, Json]:
    """*spec* in *form*."""
    match form:
        case "holdfast":
            return _own(spec)
        case "mcp":
            return _mcp(spec)
        case "anthropic":
            return {"name": spec.name, "description": spec.description, "input_schema": dict(spec.input_schema)}
        case "openai":
            function: dict[str, Json] = {
                "name": spec.name,
                "description": spec.description,
                "parameters": dict(spec.input_schema),
            }
            return {"type": "function", "function": function}
        case _:
            assert_never(form)


def _own(spec: ToolSpec) -> dict[str, Json]:
    return {
        "name": spec.name,
        "title": spec.title,
        "version": spec.version,
        "description": spec.description,
        "input_schema": dict(spec.input_schema),
        "output_schema": None if spec.output_schema is None else dict(spec.output_schema),
        "effects": [effect.value for effect in sorted(spec.effects)],
        "runtime": runtime_kind(spec.runtime),
        "digest": str(spec.digest),
    }


def _mcp(spec: ToolSpec) -> dict[str, Json]:
    tool: dict[str, Json] = {
        "name": spec.name,
        "description": spec.description,
        "inputSchema": dict(spec.input_schema),
        "annotations": {
            "readOnlyHint": not spec.effects & CONSEQUENTIAL,
            "destructiveHint": bool(spec.effects & {Effect.WRITE, Effect.EXECUTE}),
            "openWorldHint": bool(spec.effects & {Effect.EGRESS, Effect.READ_UNTRUSTED}),
        },
    }
    if spec.title is not None:
        tool["title"] = spec.title
    if spec.output_schema is not None:
        tool["outputSchema"] = dict(spec.output_schema)
    return tool
