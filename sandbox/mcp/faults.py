"""Why a request to an upstream ended without its answer, in words of ours. Tells our words from the server's."""

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from holdfast.contracts import Method
from holdfast.contracts.json_values import Json

FAULT_CODE = 4_600
"""Outside of what JSON-RPC and MCP reserve. The code alone proves nothing: the mark does."""

_KEY = "holdfast-fault"


class Fault(StrEnum):
    """Who could not go on."""

    UNREACHABLE = "unreachable"
    """Nothing was delivered, or no telling whether it was."""
    PROTOCOL = "protocol"
    """What came is not a message that may be taken."""
    TOO_LARGE = "too-large"
    """What came was more than is kept."""
    CLOSED = "closed"
    """The server went away while the request was with it."""
    UNAUTHORIZED = "unauthorized"
    """The server wants a credential that there is not, or does not take the one there is."""


class UpstreamFault(Exception):
    """A request ended without an answer. `message` is ours and constant."""

    def __init__(self, fault: Fault, message: str, *, delivered: bool = True) -> None:
        """*delivered* is False only when the server certainly did not begin with it."""
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.delivered = delivered


class UpstreamError(Exception):
    """The server answered with an error. `message` is its own text: untrusted."""

    def __init__(self, code: int, message: str, *, needs: Method | None = None) -> None:
        """*needs*: what it says a client would have to be able to be asked."""
        super().__init__(f"error {code}")
        self.code = code
        self.message = message
        self.needs = needs


def said_of(error: BaseException) -> str:
    """What *error* says: ours, or the server's own words."""
    return error.message if isinstance(error, UpstreamFault | UpstreamError) else str(error)


def name_of(error: BaseException) -> str:
    """Which kind of failure to connect *error* is, by a name of ours."""
    match error:
        case UpstreamFault(fault=fault):
            return fault.value
        case UpstreamError():
            return "error"
        case _:
            return "not-started"


class Ending:
    """Whether a connection is over, and why. The first reason stays."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self.fault = UpstreamFault(Fault.CLOSED, "the connection to the server ended")

    def end(self, fault: Fault, message: str) -> None:
        """Nothing more will come, because of *fault*; what was under way may have been begun with."""
        if not self._over.is_set():
            self.fault = UpstreamFault(fault, message)
            self._over.set()

    def is_set(self) -> bool:
        """Whether it is over."""
        return self._over.is_set()

    async def wait(self) -> None:
        """Wait until it is over."""
        await self._over.wait()


@dataclass(frozen=True, slots=True)
class Marks:
    """Marks faults made on this side with a number the server never sees, so it cannot forge one."""

    nonce: str = field(default_factory=lambda: secrets.token_hex(16))

    def data(self, fault: Fault, message: str, *, delivered: bool = True) -> dict[str, Json]:
        """What to carry in the error's `data`."""
        return {_KEY: self.nonce, "fault": fault.value, "message": message, "delivered": delivered}

    def fault(self, data: object) -> UpstreamFault | None:
        """The fault that *data* carries, when it is ours."""
        match data:
            case {
                "holdfast-fault": str(nonce),
                "fault": str(fault),
                "message": str(message),
                "delivered": bool(delivered),
            } if nonce == self.nonce:
                return UpstreamFault(Fault(fault), message, delivered=delivered)
            case _:
                return None
