"""What one part asks of another, as protocols. The server hands out the implementations."""

from dataclasses import dataclass
from typing import Protocol

from .calls import ApprovalId, CallId
from .digests import Digest
from .effects import Label
from .outcomes import Outcome
from .principals import Principal, Session, TenantId
from .seal import Authorized
from .specs import HttpGrant, ToolName, ToolSpec


class Runtime(Protocol):
    """Runs an authorized call within its limits, and always answers with an outcome."""

    async def run(self, call: Authorized, /) -> Outcome:
        """Run *call*. Raises nothing but cancellation, which ends what was started."""
        ...


class Handler(Protocol):
    """The code of one built-in tool, bound to the ports it needs."""

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer *call*; the arguments already match the tool's schema."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One name in a folder."""

    path: str
    """Relative to the workspace root, with `/`."""
    kind: str
    """`file`, `dir`, `link` or `other`."""
    size: int


class Workspace(Protocol):
    """Files under one root. No path, link or race leads out of it; protected names cannot be written."""

    def read(self, path: str, *, offset: int = 0, limit: int | None = None) -> tuple[bytes, int]:
        """Bytes of a regular file from *offset*, at most *limit*, and the file's whole size.

        Raises: Refusal when *path* leads out; NotFound when there is nothing; InvalidRequest for a folder.
        """
        ...

    def write(self, path: str, data: bytes, /) -> int:
        """Replace or make the file at *path* by renaming a new one into place; answers the bytes written.

        Raises: Refusal when *path* leads out or its name is protected.
        """
        ...

    def entries(self, path: str, *, depth: int, limit: int) -> tuple[tuple[Entry, ...], bool]:
        """What is under *path*, sorted, links not followed; and whether *limit* cut it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request a tool wants made."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What came back, at most the limit, decompressed."""

    status: int
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    hops: int


class Egress(Protocol):
    """The only way out. Checks grant, address class and every redirect."""

    async def fetch(self, request: HttpRequest, grants: tuple[HttpGrant, ...], /, *, wall_ms: int) -> HttpResponse:
        """Make *request* if one of *grants* admits it.

        Raises: Refusal with the rule that was broken; ToolError when the far side breaks.
        """
        ...


class Scrubber(Protocol):
    """Lets a tool hand out a piece of a text without halving a secret."""

    def scrub(self, text: str, start: int, end: int, /) -> str:
        """The characters from *start* to *end* of *text*, with every secret redacted that reaches beyond them.

        What lies within the piece whole is left to the scan of the output, which reports it.
        """
        ...


SCRUB_MARGIN = 8192
"""Bytes of context on each side of a piece; a private key of 4096 bits has half as many."""


class Outputs(Protocol):
    """What a cut left out, for the caller that made the call, for a while."""

    def kept(self, call_id: CallId, principal: Principal, session: Session, /) -> str | None:
        """The whole cleaned output of an earlier call of *principal* in *session*, or None."""
        ...


class ApprovalLedger(Protocol):
    """Where the gate spends an approval."""

    async def consume(  # noqa: PLR0913 -- one value for each thing it is bound to
        self,
        approval: ApprovalId,
        *,
        tenant: TenantId,
        principal: str,
        session: str,
        tool: ToolName,
        definition: Digest,
        arguments: Digest,
        labels: frozenset[Label],
        policy: Digest,
        references: Digest,
        carried: Digest,
    ) -> tuple[str, ...] | None:
        """Spend *approval* if it is approved, unexpired, unspent and for exactly this call.

        *labels* are the session's now: one more than when it was asked for voids the approval. So does another
        *policy*, another content of the workspace files that the call names (*references*), and another state inside
        an upstream that it would carry along (*carried*).
        Answers the forbids it lifts, or None. Atomic: of two that try, one gets it.
        """
        ...


class LeaseLedger(Protocol):
    """Where the gate takes one use of a lease."""

    async def spend(self, lease: str, /) -> bool:
        """Take one use of *lease*; False when it has none left, is over or was revoked. Atomic."""
        ...


class Catalogue(Protocol):
    """The tools that may be called now."""

    def get(self, name: ToolName, /) -> ToolSpec | None:
        """The approved tool called *name*, or None."""
        ...
