"""What an operator asks of the policies that judge now, and how they are read again."""

from holdfast.contracts import Json

from ..house import House
from .params import Params


async def schema(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """The Cedar schema of the tools there are."""
    return house.policies.current().schema()


async def reload(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """Read the policy folder again; a set that does not load changes nothing."""
    loaded = await house.desks.reloading.reload(by="operator")
    return {
        "profile": house.settings.policy.profile,
        "before": str(loaded.before),
        "after": str(loaded.after),
        "policies": [one.id for one in house.policies.current().policies],
    }
