"""What one part asks of another, as protocols. The server hands out the implementations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from .calls import ApprovalId, CallId
from .digests import Digest
from .effects import Label
from .flow import Place
from .json_values import Json
from .outcomes import Outcome
from .principals import Principal, Session, TenantId
from .results import ToolResult
from .seal import Authorized
from .secret import Secret
from .specs import HttpGrant, Standing, ToolName, ToolSpec
from .verdicts import Reason


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
    follow: bool = True
    """Whether redirects are followed; if not, the redirecting answer is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """What came back, at most the limit, decompressed."""

    status: int
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    hops: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KvLimits:
    """What one tool may keep for one tenant."""

    bytes: int = 1 << 20
    """Keys and values together."""
    keys: int = 1000
    key_bytes: int = 512


KV_LIMITS: Final = KvLimits()


class KeyValue(Protocol):
    """A small store for each tool and tenant. No tool sees another's, no tenant another's."""

    async def get(self, tenant: TenantId, tool: ToolName, key: str, /) -> bytes | None:
        """What is kept under *key*, or None."""
        ...

    async def put(self, tenant: TenantId, tool: ToolName, key: str, value: bytes, /) -> None:
        """Keep *value* under *key*. Raises: Refusal when the tool would then keep more than it may."""
        ...

    async def delete(self, tenant: TenantId, tool: ToolName, key: str, /) -> None:
        """Forget *key*, if it is there."""
        ...

    async def keys(self, tenant: TenantId, tool: ToolName, prefix: str, /) -> tuple[str, ...]:
        """The keys that begin with *prefix*, sorted."""
        ...


class Secrets(Protocol):
    """The store of secrets, as far as a tool may know of it."""

    async def exists(self, tenant: TenantId, name: str, /) -> bool:
        """Whether *tenant* has a secret called *name*. Never its value."""
        ...


class SecretValues(Protocol):
    """The store of secrets, for whoever puts them into requests. No tool is ever handed it."""

    async def value(self, tenant: TenantId, name: str, /) -> Secret | None:
        """The secret of *tenant* called *name*, or None.

        Raises: IntegrityError when what is kept is not what was put there.
        """
        ...


class Invoke(Protocol):
    """The whole procedure, for a call that a tool makes in the middle of its own."""

    async def __call__(
        self, by: Authorized, tool: ToolName, arguments: Mapping[str, Json], /, *, deadline_ms: int
    ) -> ToolResult:
        """Make the call as *by*'s principal in its session, one deeper. Never pending: what would ask is denied."""
        ...


class Screen(Protocol):
    """The detectors' floor for what a tool sends out in the middle of a call."""

    def refusal(self, texts: Sequence[str], /) -> Reason | None:
        """Why *texts* must not leave: something in them looks like a secret. None when they may.

        They are one request: a URL, headers as `Name: value`, a body.
        """
        ...


class Labelling(Protocol):
    """Labels in the middle of a call: what a tool has just been given, and what it is about to write."""

    async def fetched(self, call: Authorized, host: str, /) -> None:
        """*call* is given what *host* answered: its session learns what the operator says of that host."""
        ...

    async def read(self, call: Authorized, places: Sequence[Place], /) -> None:
        """*call* is given what is kept at *places*: its session learns their labels."""
        ...

    async def writing(self, call: Authorized, places: Sequence[Place], /) -> None:
        """*call* is about to write *places*: they carry, before it does, everything that it may know."""
        ...

    async def invoking(self, call: Authorized, /) -> None:
        """*call* is about to make a call of its own: its session learns now what it would learn from its answer."""
        ...

    async def grown(self, call: Authorized, /) -> frozenset[Label]:
        """The labels that the session of *call* has now and had not when *call* was let through."""
        ...


class Egress(Protocol):
    """The only way out. Checks grant, address class and every redirect."""

    async def fetch(
        self,
        request: HttpRequest,
        grants: tuple[HttpGrant, ...],
        /,
        *,
        wall_ms: int,
        tenant: TenantId | None = None,
    ) -> HttpResponse:
        """Make *request* if one of *grants* admits it, with the secrets of *tenant* that those grants say.

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

    def quarantined(self, name: ToolName, /) -> bool:
        """Whether *name* was approved, and is withheld because it is no longer what was."""
        ...

    def standing(self, name: ToolName, /) -> Standing:
        """Whether *name* may be called now; `unknown` where there is no such tool."""
        ...
