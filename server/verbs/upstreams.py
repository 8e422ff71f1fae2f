"""MCP servers as an operator looks at them and decides about them."""

from typing import Any

from pydantic import Field, ValidationError

from holdfast.contracts import InvalidRequest, Json, NotFound
from holdfast.sandbox.mcp import CatalogueDiff, PinState

from ..config import UpstreamSettings
from ..house import House
from ..upstream_desk import definition_json, entry_json
from .params import Params


class NameParams(Params):
    """Which server."""

    name: str = Field(min_length=1, max_length=31)


class AddParams(Params):
    """An entry as the configuration would have it."""

    entry: dict[str, Any]


class ApproveParams(NameParams):
    """Which tools, by the server's names; none means all that wait."""

    tools: tuple[str, ...] = ()


async def list_upstreams(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """Each server in one line."""
    rows: list[Json] = []
    for status in house.upstreams.status():
        states = [entry.state for entry in status.catalogue.entries]
        rows.append(
            {
                "name": status.name,
                "target": house.upstreams.target(status.name),
                "connected": status.connected,
                "version": status.version,
                "approved": states.count(PinState.APPROVED),
                "withheld": len(states) - states.count(PinState.APPROVED) - states.count(PinState.REMOVED),
                "fault": status.fault,
            }
        )
    return rows


async def add(house: House, params: AddParams) -> Json:
    """Know it, look at what it offers, and approve nothing."""
    try:
        entry = {name: value for name, value in params.entry.items() if value is not None}
        settings = UpstreamSettings.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "entry"
        raise InvalidRequest(f"`{where}`: {first['msg'].removeprefix('Value error, ')}") from None
    seen = await house.upstreams.add(settings)
    house.audit.event("upstream", {"upstream": settings.name, "decision": "added"})
    return _written(settings.name, seen)


async def show(house: House, params: NameParams) -> Json:
    """One server, with each definition as it would be served."""
    compared = await house.upstreams.diff(params.name)
    log = next((one.log for one in house.upstreams.status() if one.name == params.name), None)
    if log is None:
        raise NotFound("there is no such upstream")
    tools: list[Json] = [
        entry_json(entry) | ({} if entry.definition is None else definition_json(entry.definition))
        for entry in compared.entries
    ]
    return {"name": params.name, "target": house.upstreams.target(params.name), "tools": tools, "log": log}


async def diff(house: House, params: NameParams) -> Json:
    """What differs from what was approved, line by line."""
    compared = await house.upstreams.diff(params.name)
    written = _written(params.name, compared)
    changes = await house.upstreams.changes(params.name, compared)
    for row in written["tools"]:
        row["changes"] = changes.get(row["tool"], [])
    return written


async def approve(house: House, params: ApproveParams) -> Json:
    """Approve what is listed now."""
    after = await house.upstreams.approve(params.name, params.tools)
    approved: dict[str, Json] = {
        entry.tool: str(entry.definition.digest)
        for entry in after.entries
        if entry.state is PinState.APPROVED and entry.definition is not None
    }
    house.audit.event("upstream", {"upstream": params.name, "decision": "approved", "tools": approved})
    return _written(params.name, after)


async def remove(house: House, params: NameParams) -> Json:
    """Forget it."""
    await house.upstreams.remove(params.name)
    house.audit.event("upstream", {"upstream": params.name, "decision": "removed"})
    return {"name": params.name, "state": "removed"}


def _written(name: str, compared: CatalogueDiff) -> dict[str, Any]:
    return {"name": name, "tools": [entry_json(entry) for entry in compared.entries]}
