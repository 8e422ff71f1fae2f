"""Secrets as an operator sets and removes them. No verb answers a value, and no record holds one."""

from pydantic import Field, SecretStr

from holdfast.contracts import Json, NotFound, Secret, TenantId, check_secret

from ..house import House
from ..principals import LOCAL_TENANT, OPERATOR
from .params import Params


class ListParams(Params):
    """Whose secrets."""

    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


class NameParams(ListParams):
    """Which secret."""

    name: str = Field(min_length=1, max_length=64)


class SetParams(NameParams):
    """Which secret, and its value."""

    value: SecretStr


async def set_secret(house: House, params: SetParams) -> Json:
    """Keep a value, in place of the one before."""
    tenant, secret = TenantId(params.tenant), Secret(params.value.get_secret_value().encode("utf-8"))
    check_secret(params.name, secret)
    await _recorded(house, params, "set")
    return (await house.state.vault.put(tenant, params.name, secret)).to_json()


async def list_secrets(house: House, params: ListParams) -> Json:
    """Names and times, by name."""
    return [row.to_json() for row in await house.state.vault.list(TenantId(params.tenant))]


async def remove(house: House, params: NameParams) -> Json:
    """Forget one."""
    check_secret(params.name)
    tenant = TenantId(params.tenant)
    if not await house.state.vault.exists(tenant, params.name):
        raise NotFound("there is no secret of that name", remedy="`holdfast secrets list` shows those there are")
    await _recorded(house, params, "removed")
    await house.state.vault.remove(tenant, params.name)
    return {"name": params.name, "tenant": tenant, "state": "removed"}


async def _recorded(house: House, params: NameParams, decision: str) -> None:
    """Say so on the record first: a secret that changed without one would be a change that nobody sees."""
    fields: dict[str, Json] = {"name": params.name, "tenant": params.tenant}
    receipt = house.audit.event("secret", {**fields, "decision": decision, "by": OPERATOR.subject})
    await house.audit.durable(receipt)
