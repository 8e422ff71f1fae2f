"""The facts of where a call's arguments lead: schemes, hosts, ports and classes of addresses, read as they are sent."""

from typing import Final

from holdfast.contracts.addresses import AddressClass

from .declared import Fact, Judging, Kind, Trust

EGRESS: Final[tuple[Fact[Judging], ...]] = (
    Fact(
        holder="context.egress",
        name="schemes",
        kind=Kind.TEXTS,
        says="of the URLs among the arguments",
        source="the arguments, by the broker's reader",
        trust=Trust.READ,
        words=frozenset({"https", "http"}),
        word="scheme",
        read=lambda judging: [*sorted({target.scheme for target in judging.destinations.targets})],
    ),
    Fact(
        holder="context.egress",
        name="hosts",
        kind=Kind.TEXTS,
        says="names and addresses, in lower case",
        source="the same",
        trust=Trust.READ,
        read=lambda judging: [*sorted({target.host for target in judging.destinations.targets})],
    ),
    Fact(
        holder="context.egress",
        name="ports",
        kind=Kind.WHOLES,
        says="written out or not",
        source="the same",
        trust=Trust.READ,
        read=lambda judging: [*sorted({target.port for target in judging.destinations.targets})],
    ),
    Fact(
        holder="context.egress",
        name="classes",
        kind=Kind.TEXTS,
        says="what the hosts are; no name is resolved for it, the broker checks what a name leads to when it dials",
        source="the same",
        trust=Trust.READ,
        words=frozenset(AddressClass),
        word="class of address",
        read=lambda judging: [*sorted({one.value for one in judging.destinations.classes})],
    ),
    Fact(
        holder="context.egress",
        name="count",
        kind=Kind.WHOLE,
        says="how many URLs there are",
        source="the same",
        trust=Trust.READ,
        read=lambda judging: len(judging.destinations.targets),
    ),
    Fact(
        holder="context.egress",
        name="unread",
        kind=Kind.TRUTH,
        says="something that should be a URL is none that we would send; what it names is in none of the others",
        source="the same",
        trust=Trust.READ,
        read=lambda judging: judging.destinations.unread,
    ),
)
