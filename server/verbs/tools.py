"""Tools as an operator looks at them and decides about them."""

import asyncio
from pathlib import Path

from pydantic import Field, JsonValue

from holdfast.contracts import Digest, InvalidRequest, Json, NotFound, ToolCall, ToolName, ToolSpec
from holdfast.tools.formats import ListFormat, listed

from ..house import House
from ..metrics import runtime_kind
from ..principals import OPERATOR
from ..store import ToolState
from .calls import new_call_id
from .params import Params

MAX_MODULE_BYTES = 64 << 20
"""DESIGN section 4.7."""


class NameParams(Params):
    """Which tool."""

    name: str = Field(min_length=1, max_length=64)


class ApproveParams(NameParams):
    """Which tool, and the digest of the definition that was looked at."""

    definition: str | None = None


class AddParams(Params):
    """A manifest's text, and the file with its module: whoever asks is this user, and could read it as well."""

    manifest: str
    module_file: str


class TryParams(Params):
    """Which tool, with which arguments."""

    name: str
    arguments: dict[str, JsonValue]


async def list_tools(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """What can be called, and what waits."""
    rows: list[Json] = [_row(spec, "approved") for spec in house.registry.specs()]
    for kept in await house.registrar.list():
        if kept.state in (ToolState.PENDING, ToolState.QUARANTINED):
            row = {"name": kept.name, "kind": "wasm", "version": kept.version, "state": kept.state.value}
            rows.append({**row, "effects": None, "description": kept.reason or ""})
    return rows


async def show(house: House, params: NameParams) -> Json:
    """One tool, whole; of one that waits for approval, what would be approved and not what it would replace."""
    name = ToolName(params.name)
    pending = await house.registrar.pending(name)
    spec = pending or house.registry.get(name)
    if spec is None:
        raise NotFound("there is no such tool")
    return {**listed(spec, ListFormat.NATIVE), "state": "approved" if pending is None else "pending"}


async def add(house: House, params: AddParams) -> Json:
    """Register a tool as pending."""
    module = await asyncio.to_thread(_module, Path(params.module_file))
    taken = await house.registrar.register(params.manifest, module, OPERATOR)
    return {
        "name": taken.name,
        "version": taken.version,
        "module": str(taken.module),
        "definition": str(taken.definition),
        "state": taken.state,
        "notes": list(taken.notes),
    }


async def approve(house: House, params: ApproveParams) -> Json:
    """Let it be called."""
    seen = None if params.definition is None else Digest.parse(params.definition)
    kept = await house.registrar.approve(ToolName(params.name), OPERATOR, seen=seen)
    return {"name": kept.name, "version": kept.version, "state": kept.state.value}


async def rollback(house: House, params: NameParams) -> Json:
    """Serve the version before."""
    kept = await house.registrar.rollback(ToolName(params.name), OPERATOR)
    return {"name": kept.name, "version": kept.version, "state": kept.state.value}


async def remove(house: House, params: NameParams) -> Json:
    """Take it away."""
    await house.registrar.remove(ToolName(params.name))
    return {"name": params.name, "state": "removed"}


async def try_tool(house: House, params: TryParams) -> Json:
    """Call it as the operator, through every layer, even while it is pending."""
    call = ToolCall(id=new_call_id(), tool=ToolName(params.name), arguments=params.arguments)
    pending = await house.registrar.pending(call.tool)
    if pending is None:
        return (await house.dispatcher.execute(call, OPERATOR)).operator_json()
    return (await house.trial(pending).execute(call, OPERATOR)).operator_json()


def _row(spec: ToolSpec, state: str) -> Json:
    return {
        "name": spec.name,
        "kind": runtime_kind(spec.runtime),
        "version": spec.version,
        "state": state,
        "effects": [effect.value for effect in sorted(spec.effects)],
        "description": spec.description.partition("\n")[0],
    }


def _module(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            module = opened.read(MAX_MODULE_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(f"`module_file` cannot be read: {error.strerror}") from None
    if len(module) > MAX_MODULE_BYTES:
        raise InvalidRequest(f"a module is at most {MAX_MODULE_BYTES} bytes")
    return module
