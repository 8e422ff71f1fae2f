"""Labels of places as an operator looks at them and takes them away. Labels of sessions stay as they are."""

from pydantic import Field

from holdfast.contracts import InvalidRequest, Json, NotFound, Place, TenantId
from holdfast.safety.flow import fold_key

from ..house import House
from ..principals import LOCAL_TENANT, OPERATOR
from .params import Params

UPSTREAM = "upstream"
"""A space with a name of its own: `upstream:NAME`."""


class ListParams(Params):
    """Which places."""

    space: str | None = Field(default=None, min_length=1, max_length=64)
    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


class ClearParams(Params):
    """Which place, as `labels list` writes it."""

    place: str = Field(min_length=3, max_length=4096)
    tenant: str = Field(default=LOCAL_TENANT, min_length=1, max_length=256)


async def list_labels(house: House, params: ListParams) -> Json:
    """The places that keep labels, written last first."""
    places = await house.state.places.list(TenantId(params.tenant), space=params.space)
    return [place.to_json() for place in places]


async def clear(house: House, params: ClearParams) -> Json:
    """Forget what a place keeps, and say on the record who said so."""
    tenant, place = TenantId(params.tenant), place_of(params.place)
    places = house.state.places
    if await places.labels(tenant, (place,)):
        # On the record first: a place that lost its labels without one would be a hole that nobody sees.
        receipt = house.audit.event(
            "labels", {"decision": "cleared", "place": str(place), "tenant": tenant, "by": OPERATOR.subject}
        )
        await house.audit.durable(receipt)
        cleared = await places.clear(tenant, place)
        if cleared:
            return {"place": str(place), "tenant": tenant, "cleared": cleared}
    raise NotFound("no place of that name keeps labels", remedy="`holdfast labels list` shows those that do")


def place_of(written: str) -> Place:
    """The place that *written* names: `file:KEY`, `host:NAME`, `upstream:NAME:KEY`.

    Raises: InvalidRequest.
    """
    space, colon, key = written.partition(":")
    if space == UPSTREAM:
        name, colon, key = key.partition(":")
        space = f"{UPSTREAM}:{name}"
    if not (space and colon and key) or space.endswith(":"):
        raise InvalidRequest("`place` is `SPACE:KEY`, as `labels list` writes it; `*` stands for everything below")
    return Place(space, fold_key(key))
