"""What an operator asks of the policies that judge now, and how they are read again."""

from pydantic import JsonValue

from holdfast.contracts import Json

from ..accounts import account_of_recorded
from ..dispatch import sealed
from ..house import House
from ..policy_tools import written
from .params import Params


async def schema(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """The Cedar schema of the tools there are."""
    return house.policies.current().schema()


class CallParams(Params):
    """Which call."""

    call: str


async def recorded(house: House, params: CallParams) -> Json:
    """A recorded call: what was decided then, and why it would be decided so or otherwise now."""
    if house.state.recorder is not None:
        await house.state.recorder.flush()
    return await account_of_recorded(house.policies, await house.state.inputs.one(params.call))


class DigestParams(Params):
    """A value as a call would hold it."""

    value: JsonValue


async def digest(house: House, params: DigestParams) -> Json:
    """The keyed digest that policy sees of an argument that has no type of its own."""
    return str(sealed(house.state.arguments_key, params.value))


async def tools(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """What policy may know of the tools there are, and of those it does not fit: name, schema, effects, server."""
    return written((*house.registry.specs(), *(one.spec for one in house.policies.drifted)))


async def reload(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """Read the policy folder again; a set that does not load changes nothing."""
    loaded = await house.desks.reloading.reload(by="operator")
    return {
        "profile": house.settings.policy.profile,
        "before": str(loaded.before),
        "after": str(loaded.after),
        "policies": [one.id for one in house.policies.current().policies],
    }
