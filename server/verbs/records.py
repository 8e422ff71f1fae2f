"""The record and the state of the house, read-only."""

from holdfast.contracts import Json

from ..assembly import observing_in
from ..audit import sign
from ..house import House
from .params import Params


async def export_head(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """The head, signed, as a line to keep elsewhere."""
    return {"head": sign(house.audit.chain.head, house.data.key("audit-sign")).decode()}


async def status(house: House, params: Params) -> Json:  # noqa: ARG001 -- a verb takes its parameters
    """What runs, and what does not with its reason."""
    return {
        "profile": house.settings.policy.profile,
        "policy": str(house.policies.current().digest),
        "refused": house.desks.reloading.refused,
        "drift": [one.to_json() for one in house.policies.drifted],
        "missing": [one.to_json() for one in house.policies.missing],
        "observing": [*observing_in(house.settings).names],
        "tools": len(house.registry.tools()),
        "off": {
            name: {"code": why.code, "message": why.message, "remedy": why.remedy} for name, why in house.off.items()
        },
        "chain": house.audit.chain.name,
        "seq": house.audit.chain.head.seq,
    }
