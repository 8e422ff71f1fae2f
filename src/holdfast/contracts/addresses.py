"""Which addresses are public: global unicast and nothing else. Looks at numbers only; resolves nothing."""

import ipaddress
from enum import StrEnum
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Networks: TypeAlias = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]

# IANA's special-purpose registries (RFC 6890 and its successors) and RFC 5771, and what clouds put on public numbers.
# A table of our own: what `is_global` says has changed between patch releases of Python.
_NOT_PUBLIC_4: Final = tuple(
    ipaddress.IPv4Network(one)
    for one in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
"""All that is assigned. Outside: loopback, IPv4 mapped or compatible, NAT64, ULA, link- and site-local, multicast."""
_NOT_PUBLIC_6: Final = tuple(
    ipaddress.IPv6Network(one)
    for one in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarking
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def is_public(address: Address) -> bool:
    """Whether *address* is global unicast, with no other address inside it."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address.scope_id is None and address in _GLOBAL_6 and not any(address in one for one in _NOT_PUBLIC_6)


def within(address: Address, networks: Networks) -> bool:
    """Whether *address* is in one of *networks*."""
    return any(address in network for network in networks)


class AddressClass(StrEnum):
    """What a host is, as far as its written form tells."""

    NAME = "name"
    """A name, which only resolving would tell more of."""
    PUBLIC = "public"
    PRIVATE = "private"
    """Of somebody's own network, a carrier's too."""
    LOOPBACK = "loopback"
    LINK_LOCAL = "link_local"
    """Where most clouds answer with their machine's credentials."""
    SPECIAL = "special"
    """Any other that is not global unicast: multicast, documentation, an address inside another."""


_CLASSES: Final = tuple(
    (ipaddress.ip_network(network), kind)
    for kind, networks in (
        (AddressClass.LOOPBACK, ("127.0.0.0/8", "::1/128")),
        (AddressClass.LINK_LOCAL, ("169.254.0.0/16", "fe80::/10")),
        (AddressClass.PRIVATE, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")),
    )
    for network in networks
)


def class_of(host: str) -> AddressClass:
    """What *host* is, in the canonical form of `urls`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return AddressClass.LOOPBACK if host == "localhost" or host.endswith(".localhost") else AddressClass.NAME
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        inner = class_of(str(address.ipv4_mapped))
        return AddressClass.SPECIAL if inner is AddressClass.PUBLIC else inner
    if is_public(address):
        return AddressClass.PUBLIC
    return next((kind for network, kind in _CLASSES if address in network), AddressClass.SPECIAL)
