"""How a module is asked what it is: one call in a worker that serves no tenant and is granted no host function.

It gets WASI's clock and randomness, without which some languages do not start; neither is a way out.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from holdfast.contracts.digests import Digest
from holdfast.contracts.errors import MalformedJson, OperatorError
from holdfast.contracts.json_values import Json, parse
from holdfast.contracts.limits import MIB, WASM
from holdfast.contracts.principals import TenantId

from ..mcp.catalogue.definitions import read
from ..mcp.config import UpstreamConfig
from .abi import NEAR_AGENT
from .extism.answers import LISTING_BYTES, read_offer, read_offers
from .extism.interface import Style
from .extism.speech import ERROR
from .frames import UNHARMED, Ending, Reply, Request
from .pool import Identity
from .report import ModuleRefused, Offer, shown
from .supervisor import Answer, Died, Exhausted, Garbled, Overdue

MEMORY_BYTES: Final = 128 * MIB
FUEL: Final = 10 * WASM.fuel
_NOBODY: Final = TenantId("")
_SHOWN: Final = 200
_NAMES_SHOWN: Final = 12
_READER: Final = UpstreamConfig(name="module", command=("module",))
"""For the one rule that every definition is read by: its names are not used."""


def description_of(module: Digest, abi: str) -> tuple[Identity, Request]:
    """The worker and the request that ask the module *module*, of *abi*, for what it offers."""
    identity = Identity(tenant=_NOBODY, module=module, abi=abi, clock=True, random=True, memory_bytes=MEMORY_BYTES)
    request = Request(
        fuel=FUEL,
        memory_bytes=MEMORY_BYTES,
        wall_ms=WASM.wall_ms,
        output_bytes=LISTING_BYTES + 1,
        name="",
        arguments=b"{}",
    )
    return identity, request


def offers_of(answer: Answer, abi: str) -> tuple[Offer, ...]:
    """What *answer*, to such a request, says that the module offers.

    Raises: ModuleRefused with one sentence; what it quotes of the module's is cleaned and cut.
    """
    match answer:
        case Reply():
            return _of_near(answer) if abi == NEAR_AGENT else _of_plugin(answer)
        case Overdue():
            raise ModuleRefused("the module takes too long to say what it offers")
        case Exhausted():
            raise ModuleRefused("the module calls its host too often before it says what it offers")
        case Died() | Garbled():
            raise ModuleRefused("the module broke its worker when it was asked what it offers")
        case _:
            assert_never(answer)


def check_offered(offers: tuple[Offer, ...], function: str, style: Style) -> tuple[str, ...]:
    """Whether *function* is among a plugin's *offers*; answers what the operator should know.

    A plain plugin with one function has no need of its name. Raises: OperatorError.
    """
    names = ", ".join(shown(offer.name) for offer in offers[:_NAMES_SHOWN])
    if function in {offer.name for offer in offers} or (style is Style.PLAIN and len(offers) == 1):
        return (f"the plugin offers: {names}",)
    raise OperatorError(
        f"the plugin has no function of that name, it has: {names}; name one in `tool.operations`",
        remedy='[[tool.operations]] name = "…", function = "…", description = "…", input_schema = {…}',
    )


def cleaned(offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """*offers* as a reader sees them: hidden characters taken out of their prose, and refused anywhere else.

    Raises: ModuleRefused.
    """
    raw: list[Json] = [
        {"name": f"f{at}", "description": one.description, "inputSchema": one.input_schema}
        for at, one in enumerate(offers)
    ]
    listing = read(_READER, raw)
    if listing.quarantined:
        raise ModuleRefused(
            f"the module describes a function in a way that is refused: {listing.quarantined[0].reason}"
        )
    return tuple(
        Offer(name=offer.name, description=one.description, input_schema=dict(one.input_schema))
        for offer, one in zip(offers, listing.definitions, strict=True)
    )


def _of_plugin(reply: Reply) -> tuple[Offer, ...]:
    if reply.ending not in UNHARMED or reply.output[:1] in {b"", ERROR}:
        raise _ended_in(reply, reply.output[1:])
    return read_offers(reply.output)


def _of_near(reply: Reply) -> tuple[Offer, ...]:
    if reply.ending is not Ending.RETURNED:
        raise _ended_in(reply, b"")
    try:
        said = parse(reply.output)
        schema = parse(str(said["schema"])) if isinstance(said, dict) and "schema" in said else None
    except MalformedJson:
        raise ModuleRefused("the schema that the module says it has is not JSON") from None
    description = said.get("description") if isinstance(said, dict) else None
    return (read_offer({"name": "tool", "description": description, "inputSchema": schema}),)


def _ended_in(reply: Reply, output: bytes) -> ModuleRefused:
    said = (output or reply.detail).decode("utf-8", errors="replace")
    why = f": {shown(said, _SHOWN)}" if said else ""
    return ModuleRefused(f"the module ended in `{reply.ending.name.lower()}` when it was asked what it offers{why}")
