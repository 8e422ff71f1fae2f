"""MCP servers as an operator looks at them and decides about them."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError

from holdfast.contracts import InvalidRequest, Json, NotFound, TenantId
from holdfast.sandbox.mcp import CatalogueDiff, PinState

from ..catalogue.differences import definition_json, entry_json
from ..catalogue.lockfile import Approval
from ..house import House
from ..principals import LOCAL_TENANT
from ..upstream_settings import UpstreamSettings
from ..who import os_user
from .params import Params


class NameParams(Params):
    """Which server."""

    name: str = Field(min_length=1, max_length=31)


class AddParams(Params):
    """An entry as the configuration would have it, and who adds it; None is the user of the process."""

    entry: dict[str, Any]
    by: str | None = None


class LoginParams(NameParams):
    """Which server, and for whom."""

    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


class ApproveParams(NameParams):
    """Which tools, by the server's names, or other keys; none means all that wait. And who approves."""

    tools: tuple[str, ...] = ()
    by: str | None = None


class RevokeParams(NameParams):
    """Which keys."""

    tools: tuple[str, ...] = Field(min_length=1)


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
                "breaker": status.breaker.value,
                "version": status.version,
                "approved": states.count(PinState.APPROVED),
                "withheld": len(states) - states.count(PinState.APPROVED) - states.count(PinState.REMOVED),
                "fault": status.fault or house.upstreams.fault(status.name),
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
    seen = await house.upstreams.add(settings, by=params.by)
    house.audit.event("upstream", {"upstream": settings.name, "decision": "added", "by": params.by or os_user()})
    return _written(house, settings.name, seen)


async def show(house: House, params: NameParams) -> Json:
    """One server, with each definition as it would be served."""
    compared = await house.upstreams.diff(params.name)
    log = next((one.log for one in house.upstreams.status() if one.name == params.name), None)
    if log is None:
        raise NotFound("there is no such upstream")
    approvals = house.upstreams.approvals(params.name)
    tools: list[Json] = [
        entry_json(entry)
        | _approval(approvals.get(entry.key))
        | ({} if entry.definition is None else definition_json(entry.definition))
        for entry in compared.entries
    ]
    return {"name": params.name, "target": house.upstreams.target(params.name), "tools": tools, "log": log}


async def diff(house: House, params: NameParams) -> Json:
    """What differs from what was approved, line by line."""
    compared = await house.upstreams.diff(params.name)
    changes = await house.upstreams.changes(params.name, compared)
    renamed = await house.upstreams.renamed(params.name, compared)
    written = _written(house, params.name, compared, renamed)
    for row in written["tools"]:
        row["changes"] = changes.get(row["tool"], [])
    return written


async def approve(house: House, params: ApproveParams) -> Json:
    """Approve what is listed now."""
    after = await house.upstreams.approve(params.name, params.tools, by=params.by)
    tools: Json = {
        entry.key: str(entry.definition.digest)
        for entry in after.entries
        if entry.state is PinState.APPROVED and entry.definition is not None
    }
    who = params.by or os_user()
    house.audit.event("upstream", {"upstream": params.name, "decision": "approved", "by": who, "tools": tools})
    return _written(house, params.name, after)


async def revoke(house: House, params: RevokeParams) -> Json:
    """Withdraw approvals."""
    after = await house.upstreams.revoke(params.name, params.tools)
    event: dict[str, Json] = {"upstream": params.name, "decision": "revoked", "tools": list[Json](params.tools)}
    house.audit.event("upstream", event)
    return _written(house, params.name, after)


async def login(house: House, params: LoginParams) -> Json:
    """Begin a sign-in; answers where somebody has to go to. `login-wait` waits for the end of it."""
    return {"name": params.name, "url": await house.upstreams.logins.begin(params.name, TenantId(params.tenant))}


async def login_wait(house: House, params: LoginParams) -> Json:
    """Wait for a sign-in that was begun, and look at what the server offers then."""
    await house.upstreams.logins.wait(params.name)
    event: dict[str, Json] = {"upstream": params.name, "decision": "signed-in", "tenant": params.tenant}
    house.audit.event("upstream", event)
    return _written(house, params.name, await house.upstreams.diff(params.name))


async def remove(house: House, params: NameParams) -> Json:
    """Forget it."""
    await house.upstreams.remove(params.name)
    house.audit.event("upstream", {"upstream": params.name, "decision": "removed"})
    return {"name": params.name, "state": "removed"}


def _written(
    house: House, name: str, compared: CatalogueDiff, renamed: Mapping[str, str] | None = None
) -> dict[str, Any]:
    rows = [entry_json(entry, was=(renamed or {}).get(entry.key)) for entry in compared.entries]
    return {"name": name, "fault": house.upstreams.fault(name), "tools": rows}


def _approval(approval: Approval | None) -> dict[str, Json]:
    if approval is None:
        return {}
    return {"approved_by": approval.by, "approved_at": approval.at.isoformat()}
