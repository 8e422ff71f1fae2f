"""Turns a host into addresses, checks every one, and dials one that was checked; never resolves twice."""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Final, Protocol

import httpcore2

from holdfast.contracts import Refusal, ToolError
from holdfast.contracts.addresses import Address, Networks, is_public, within
from holdfast.contracts.urls import Target

from .refusals import not_public

_TRIED: Final = 4
"""Addresses that are tried in turn; the deadline holds over all of them."""


class Resolver(Protocol):
    """Asks for the addresses of a name."""

    async def __call__(self, host: str, port: int, /) -> tuple[str, ...]:
        """Every address of *host*, in the order to try them. Raises: OSError when there is none."""
        ...


async def resolve(host: str, port: int, /) -> tuple[str, ...]:
    """Ask the operating system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for _, _, _, _, address in found))


async def checked_addresses(target: Target, resolver: Resolver, *, allowed: Networks) -> tuple[Address, ...]:
    """The addresses of *target*, all of them public or in *allowed*.

    Raises: Refusal `egress/address-not-public` when one is neither; ToolError when the name has none.
    """
    literal = target.address
    found = (literal,) if literal is not None else await _resolved(target, resolver)
    if not all(is_public(one) or within(one, allowed) for one in found):
        raise not_public(target.host)
    return found


async def _resolved(target: Target, resolver: Resolver) -> tuple[Address, ...]:
    try:
        answers = await resolver(target.host, target.port)
        found = tuple(map(ipaddress.ip_address, answers))
    except (OSError, UnicodeError, ValueError):
        raise ToolError("the name of the host has no address") from None
    if not found:
        raise ToolError("the name of the host has no address")
    return found


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Dials only the addresses it was made with, whatever host it is asked for."""

    def __init__(
        self,
        addresses: tuple[Address, ...],
        target: Target,
        backend: httpcore2.AsyncNetworkBackend,
        *,
        allowed: Networks,
    ) -> None:
        """Dial *addresses*, which were checked for *target*, through *backend*."""
        self._addresses = addresses
        self._target = target
        self._backend = backend
        self._allowed = allowed

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first of the checked addresses that answers."""
        if (host, port) != (self._target.host, self._target.port):
            raise httpcore2.ConnectError("asked for another host than the one that was checked")
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in self._addresses[:_TRIED]:
            try:
                stream = await self._backend.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            return await self._not_ourselves(stream, address)
        raise failure or httpcore2.ConnectError("no address")

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 -- httpcore's signature, as are the others
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 -- as above
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,  # noqa: ARG002 -- as above
    ) -> httpcore2.AsyncNetworkStream:
        """Never: a socket in the file system is no place on the web."""
        raise httpcore2.ConnectError("unix sockets are not dialled")

    async def sleep(self, seconds: float) -> None:
        """Wait between attempts; there is only one, so this is never long."""
        await self._backend.sleep(seconds)

    async def _not_ourselves(
        self, stream: httpcore2.AsyncNetworkStream, address: Address
    ) -> httpcore2.AsyncNetworkStream:
        """A public address of this very machine is not public to its programs: whatever listens here trusts us."""
        ours = stream.get_extra_info("client_addr")
        if ours and ours[0] == str(address) and not within(address, self._allowed):
            await stream.aclose()
            refusal: Refusal = not_public(self._target.host)
            raise refusal
        return stream
