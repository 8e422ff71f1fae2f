"""Which tools a policy set is checked against: the built-in ones, those of a running server, or those of a file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from holdfast.contracts import (
    ALL_EFFECTS,
    TOOL_NAME,
    Builtin,
    Effect,
    InvalidRequest,
    Json,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.json_values import parse
from holdfast.contracts.limits import BUILTIN

MAX_FILE_BYTES: Final = 16 << 20
RUNNING: Final = "running"


def written(specs: Sequence[ToolSpec]) -> list[Json]:
    """*specs* as `read_tools` reads them: what a policy may look at, and nothing else."""
    return [
        {
            "name": spec.name,
            "inputSchema": dict(spec.input_schema),
            "effects": [effect.value for effect in sorted(spec.effects)],
            "server": spec.runtime.server if isinstance(spec.runtime, Upstream) else "",
        }
        for spec in specs
    ]


def read_file(file: Path) -> tuple[ToolSpec, ...]:
    """Read *file*: a list of tools, or an object with one under `tools`, as an MCP server answers `tools/list`.

    Raises: InvalidRequest naming the file and the tool.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise InvalidRequest(f"`{file}` is over {MAX_FILE_BYTES} bytes")
        return read_tools(parse(data.decode("utf-8")), f"`{file}`")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"cannot read the tools in `{file}`: {type(error).__name__}") from None


def read_tools(document: Json, where: str) -> tuple[ToolSpec, ...]:
    """Read tools: `name`, `inputSchema`, and, if they are there, `effects` and `server`.

    Left out, the effects are all there are, and the server is what stands before `__` in the name.

    Raises: InvalidRequest naming *where* and the tool.
    """
    listed = document.get("tools") if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise InvalidRequest(f"{where}: tools are a list of objects with `name` and `inputSchema`")
    return tuple(_tool(one, f"{where} tool {place}") for place, one in enumerate(listed, start=1))


def _tool(one: Json, where: str) -> ToolSpec:
    if not isinstance(one, dict):
        raise InvalidRequest(f"{where}: a tool is an object with `name` and `inputSchema`")
    name, schema = one.get("name"), one.get("inputSchema", one.get("input_schema"))
    if not isinstance(name, str) or not TOOL_NAME.fullmatch(name):
        raise InvalidRequest(f"{where}: `name` must be 1 to 64 letters, digits, `_` or `-`")
    if not isinstance(schema, dict):
        raise InvalidRequest(f"{where}: `inputSchema` must be an object")
    server = one.get("server", name.partition("__")[0] if "__" in name else "")
    if not isinstance(server, str):
        raise InvalidRequest(f"{where}: `server` must be a text")
    return ToolSpec(
        name=ToolName(name),
        description="",
        input_schema=cast("Mapping[str, Json]", json.loads(json.dumps(schema))),
        effects=_effects(one.get("effects"), where),
        runtime=Upstream(server, name.removeprefix(f"{server}__")) if server else Builtin(),
        limits=BUILTIN,
    )


def _effects(written_effects: Json, where: str) -> frozenset[Effect]:
    if written_effects is None:
        return ALL_EFFECTS
    listed = written_effects if isinstance(written_effects, list) else [None]
    if not all(isinstance(one, str) and one in frozenset(Effect) for one in listed):
        raise InvalidRequest(f"{where}: `effects` must be a list of: {', '.join(effect.value for effect in Effect)}")
    return frozenset(Effect(str(one)) for one in listed)
