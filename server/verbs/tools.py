"""Tools as an operator looks at them and decides about them."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, JsonValue

from holdfast.contracts import (
    Digest,
    InvalidRequest,
    Json,
    NotFound,
    OperatorError,
    ToolCall,
    ToolName,
    ToolSpec,
    grants_json,
)
from holdfast.tools.drafting import WRITTEN_BYTES
from holdfast.tools.formats import ListFormat, listed

from ..answers import Registration
from ..house import House
from ..metrics import runtime_kind
from ..principals import OPERATOR
from ..store import RegisteredTool, ToolState
from .calls import new_call_id
from .params import Params

MAX_MODULE_BYTES = 64 << 20
"""DESIGN section 4.7."""
SOURCE_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$"
"""A file name without folders, as `tool.module` has it."""


class NameParams(Params):
    """Which tool."""

    name: str = Field(min_length=1, max_length=64)


class ApproveParams(NameParams):
    """Which tool, and the digest of the definition that was looked at."""

    definition: str | None = None


class RollbackParams(NameParams):
    """Which tool, and to which version of it; without one, to the one before."""

    version: str | None = Field(default=None, max_length=64)


class AddParams(Params):
    """A manifest's text, and the file with its module: whoever asks is this user, and could read it as well."""

    manifest: str
    module_file: str
    signature: str | None = Field(default=None, max_length=1024)


class WithdrawParams(Params):
    """Who registered them."""

    source: str = Field(min_length=1, max_length=256)


class SourceParams(Params):
    """The file with a source's text, what it is called, and what its author wrote beside it."""

    source_file: str
    file: str = Field(pattern=SOURCE_NAME)
    manifest: str = Field(default="", max_length=WRITTEN_BYTES)
    grants: list[str] = Field(default=[], max_length=64)


class TryParams(Params):
    """Which tool, with which arguments."""

    name: str
    arguments: dict[str, JsonValue]


async def list_tools(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """What can be called, and what waits."""
    rows: list[Json] = [_row(spec, "approved") for spec in house.registry.tools()]
    for kept in await house.registrar.list():
        if kept.state in (ToolState.PENDING, ToolState.QUARANTINED):
            row = {"name": kept.name, "kind": "wasm", "version": kept.version, "state": kept.state.value}
            rows.append({**row, "effects": None, "description": kept.reason or ""})
    return rows


async def show(house: House, params: NameParams) -> Json:
    """One tool, whole; of one that waits for approval, what would be approved and not what it would replace."""
    name = ToolName(params.name)
    kept = await house.registrar.found(name)
    if kept is None:
        spec = house.registry.get(name)
        if spec is None:
            raise NotFound("there is no such tool")
        return {**listed(spec, ListFormat.NATIVE), "grants": grants_json(spec.grants), "state": "approved"}
    return {**_shown(house, kept), "state": kept.state.value, **_registered(house, kept)}


async def versions(house: House, params: NameParams) -> Json:
    """Every version there is or was of one tool, oldest first."""
    found = await house.registrar.versions(ToolName(params.name))
    if not found:
        raise NotFound("no tool of that name was ever registered")
    rows: list[Json] = [_version(house, kept) for kept in found]
    return rows


async def add(house: House, params: AddParams) -> Json:
    """Register a tool as pending."""
    module = await asyncio.to_thread(_module, Path(params.module_file))
    return _taken(await house.registrar.register(params.manifest, module, OPERATOR, signature=params.signature))


async def add_source(house: House, params: SourceParams) -> Json:
    """Register what the source offers as pending, under a manifest drafted from it."""
    source = await asyncio.to_thread(_module, Path(params.source_file))
    taken = await house.registrar.register_source(
        source, params.file, OPERATOR, written=params.manifest, grants=params.grants
    )
    return {**_taken(taken), "manifest": taken.manifest}


def _taken(taken: Registration) -> dict[str, Json]:
    return {
        "name": taken.name,
        "version": taken.version,
        "module": str(taken.module),
        "definition": str(taken.definition),
        "state": taken.state,
        "notes": list(taken.notes),
        "signer": taken.signer,
    }


async def approve(house: House, params: ApproveParams) -> Json:
    """Let it be called."""
    seen = None if params.definition is None else Digest.parse(params.definition)
    kept = await house.registrar.approve(ToolName(params.name), OPERATOR, seen=seen)
    return {"name": kept.name, "version": kept.version, "state": kept.state.value}


async def rollback(house: House, params: RollbackParams) -> Json:
    """Serve the version before."""
    kept = await house.registrar.rollback(ToolName(params.name), OPERATOR, version=params.version)
    return {"name": kept.name, "version": kept.version, "state": kept.state.value}


async def remove(house: House, params: NameParams) -> Json:
    """Take it away."""
    await house.registrar.remove(ToolName(params.name))
    return {"name": params.name, "state": "removed"}


async def withdraw(house: House, params: WithdrawParams) -> Json:
    """Take away everything that one principal registered."""
    removed: list[Json] = [*await house.registrar.withdraw(params.source, OPERATOR)]
    return {"source": params.source, "removed": removed}


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


def _shown(house: House, kept: RegisteredTool) -> dict[str, Json]:
    try:
        spec = house.registrar.spec(kept)
        return {**listed(spec, ListFormat.NATIVE), "grants": grants_json(spec.grants)}
    except OperatorError as error:  # it is in quarantine because this is so
        return {"name": kept.name, "version": kept.version, "cannot_be_served": error.message}


def _registered(house: House, kept: RegisteredTool) -> dict[str, Json]:
    """Who brought *kept*, and who stands for it."""
    return {
        "registered_by": kept.registered_by,
        "signer": _signer(house, kept),
        **({"reason": kept.reason} if kept.state is ToolState.QUARANTINED else {}),
    }


def _signer(house: House, kept: RegisteredTool) -> str | None:
    try:
        return house.registrar.signer(kept)
    except OperatorError:
        return "not trusted"


def _version(house: House, kept: RegisteredTool) -> dict[str, Json]:
    return {
        "version": kept.version,
        "state": kept.state.value,
        "definition": str(kept.definition),
        "module": str(kept.module),
        "registered_by": kept.registered_by,
        "registered_at": _when(kept.registered_at),
        "approved_by": kept.approved_by,
        "approved_at": _when(kept.approved_at),
        "signer": _signer(house, kept),
        "reason": kept.reason,
    }


def _when(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _module(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            module = opened.read(MAX_MODULE_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(f"`module_file` cannot be read: {error.strerror}") from None
    if len(module) > MAX_MODULE_BYTES:
        raise InvalidRequest(f"a module is at most {MAX_MODULE_BYTES} bytes")
    return module
