"""What an operator can have done, by name, whether over the admin socket or on the data directory itself.

Each verb is a function of the house and its checked parameters; the command line and the admin socket only carry them.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from holdfast.contracts import InvalidRequest, Json

from ..house import House
from . import approvals, calls, labels, leases, policy, records, sessions, tokens, tools, upstreams, vault
from .params import Params


@dataclass(frozen=True, slots=True)
class Verb:
    """One thing that can be done, and what it must be told."""

    params: type[Params]
    run: Callable[[House, Any], Awaitable[Json]]


VERBS: Mapping[str, Verb] = {
    "call": Verb(calls.CallParams, calls.call),
    "explain": Verb(calls.CallParams, calls.explain),
    "tools.list": Verb(Params, tools.list_tools),
    "tools.show": Verb(tools.NameParams, tools.show),
    "tools.add": Verb(tools.AddParams, tools.add),
    "tools.add-source": Verb(tools.SourceParams, tools.add_source),
    "tools.approve": Verb(tools.ApproveParams, tools.approve),
    "tools.remove": Verb(tools.NameParams, tools.remove),
    "tools.rollback": Verb(tools.RollbackParams, tools.rollback),
    "tools.versions": Verb(tools.NameParams, tools.versions),
    "tools.withdraw": Verb(tools.WithdrawParams, tools.withdraw),
    "tools.try": Verb(tools.TryParams, tools.try_tool),
    "upstreams.list": Verb(Params, upstreams.list_upstreams),
    "upstreams.add": Verb(upstreams.AddParams, upstreams.add),
    "upstreams.show": Verb(upstreams.NameParams, upstreams.show),
    "upstreams.diff": Verb(upstreams.NameParams, upstreams.diff),
    "upstreams.approve": Verb(upstreams.ApproveParams, upstreams.approve),
    "upstreams.revoke": Verb(upstreams.RevokeParams, upstreams.revoke),
    "upstreams.login": Verb(upstreams.LoginParams, upstreams.login),
    "upstreams.login-wait": Verb(upstreams.LoginParams, upstreams.login_wait),
    "upstreams.remove": Verb(upstreams.NameParams, upstreams.remove),
    "approvals.list": Verb(approvals.ListParams, approvals.list_approvals),
    "approvals.show": Verb(approvals.IdParams, approvals.show),
    "approvals.decide": Verb(approvals.DecideParams, approvals.decide),
    "approvals.reopen": Verb(approvals.ReopenParams, approvals.reopen),
    "leases.list": Verb(Params, leases.list_leases),
    "leases.add": Verb(leases.AddParams, leases.add),
    "leases.revoke": Verb(leases.IdParams, leases.revoke),
    "labels.list": Verb(labels.ListParams, labels.list_labels),
    "labels.clear": Verb(labels.ClearParams, labels.clear),
    "sessions.list": Verb(sessions.ListParams, sessions.list_sessions),
    "sessions.clear": Verb(sessions.ClearParams, sessions.clear),
    "tokens.issue": Verb(tokens.IssueParams, tokens.issue),
    "tokens.list": Verb(Params, tokens.list_tokens),
    "tokens.revoke": Verb(tokens.IdParams, tokens.revoke),
    "secrets.set": Verb(vault.SetParams, vault.set_secret),
    "secrets.list": Verb(vault.ListParams, vault.list_secrets),
    "secrets.remove": Verb(vault.NameParams, vault.remove),
    "audit.export": Verb(Params, records.export_head),
    "policy.schema": Verb(Params, policy.schema),
    "policy.tools": Verb(Params, policy.tools),
    "policy.digest": Verb(policy.DigestParams, policy.digest),
    "policy.recorded": Verb(policy.CallParams, policy.recorded),
    "policy.reload": Verb(Params, policy.reload),
    "status": Verb(Params, records.status),
}

_OF_ALL_SERVERS = frozenset({"tools.list", "upstreams.list", "policy.schema", "policy.tools", "policy.recorded"})
"""What these say would be wrong while a server is still starting."""


async def run_verb(house: House, name: str, params: Mapping[str, Json]) -> Json:
    """Have the verb called *name* done.

    Raises: InvalidRequest for an unknown verb or parameter; whatever the verb raises.
    """
    verb = VERBS.get(name)
    if verb is None:
        raise InvalidRequest("there is no such verb")
    try:
        checked = verb.params.model_validate(dict(params))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"`{where}`: {first['msg'].removeprefix('Value error, ')}") from None
    await house.upstreams.looks.done(_servers(house, name, checked))
    return await verb.run(house, checked)


def _servers(house: House, name: str, params: Params) -> tuple[str, ...]:
    """The MCP servers that must have been looked at before; one that is slow to start is not one without tools."""
    known = house.upstreams.connections.names()
    if isinstance(params, calls.CallParams | leases.AddParams):
        return tuple(one for one in known if params.tool.startswith(f"{one}__"))
    return known if name in _OF_ALL_SERVERS else ()
