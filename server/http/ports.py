"""What the HTTP face asks of the rest of the server, as protocols. Implements nothing."""

from collections.abc import Sequence
from typing import Protocol

from holdfast.contracts import (
    ApprovalId,
    Json,
    JsonObject,
    Principal,
    Session,
    TenantId,
    ToolCall,
    ToolResult,
    ToolSpec,
    Where,
)

from ..answers import Registration, Scanned
from ..build_desk import BuildOrder, BuildResult
from ..store import Approval, ApprovalState, Lease, Ruling


class ToolService(Protocol):
    """Decides and runs calls: the dispatcher."""

    async def execute(self, call: ToolCall, principal: Principal, /) -> ToolResult:
        """Take *call* through every layer. Denials and limit hits are results.

        Raises: CallerError for what has no result (a conflicting idempotency key, a session of somebody else).
        """
        ...

    async def explain(self, call: ToolCall, principal: Principal, /) -> ToolResult:
        """Judge *call* as `execute` would, without side effects."""
        ...

    def visible(self, principal: Principal, /) -> Sequence[ToolSpec]:
        """The tools *principal* may know of, in a stable order."""
        ...


class Scanning(Protocol):
    """Guards any text, whether or not it belongs to a call."""

    async def scan(self, text: str, where: Where, principal: Principal, /) -> Scanned:
        """Look at *text* as arguments or as output. Asynchronous so that long text can go to another process.

        Raises: TooLarge, Overloaded.
        """
        ...


class Registrar(Protocol):
    """Takes new sandboxed tools in."""

    async def register(
        self, manifest: str, module: bytes, principal: Principal, /, *, signature: str | None = None
    ) -> Registration:
        """Check and store the tool that *manifest* (TOML) describes.

        Raises: InvalidRequest, Conflict, Overloaded; OperatorError when manifest, module or signature is refused.
        """
        ...

    async def register_source(
        self, source: bytes, file: str, principal: Principal, /, *, written: str = ""
    ) -> Registration:
        """Check and store the tools that the text *source* offers, under a manifest drafted from it and *written*.

        Raises: as `register`.
        """
        ...

    async def withdraw(self, source: str, by: Principal, /) -> Sequence[str]:
        """Take away every tool that *source* registered; answers their names.

        Raises: Forbidden when *by* may not.
        """
        ...


class Building(Protocol):
    """Builds tools from source."""

    async def build(self, order: BuildOrder, principal: Principal, /) -> BuildResult:
        """Build *order*, try it, and register it as pending if it holds.

        Raises: OperatorError when the manifest is refused; Forbidden, RateLimited, Overloaded, Conflict.
        """
        ...


class Readiness(Protocol):
    """Says whether calls can be taken."""

    def ready(self) -> bool:
        """Whether every part that must run does."""
        ...


class Responses(Protocol):
    """Counts answers."""

    def responded(self, status: int, /) -> None:
        """An answer with *status* begins."""
        ...


class Authenticating(Protocol):
    """Turns a bearer token into a principal."""

    def authenticate(self, token: str, /) -> Principal:
        """Check *token*.

        Raises: Unauthenticated, always with the same message.
        """
        ...


class ApprovalDesk(Protocol):
    """Where approvals are looked at and decided, each decision on the record."""

    async def get(self, approval: ApprovalId, /) -> Approval | None:
        """The record with that id, or None."""
        ...

    async def list(self, state: ApprovalState | None = None, *, tenant: TenantId | None = None) -> tuple[Approval, ...]:
        """Newest first, of one *state* and *tenant* if given."""
        ...

    def written(self, approval: Approval) -> dict[str, Json]:
        """All of it, for whoever decides."""
        ...

    async def decide(
        self,
        approval: ApprovalId,
        ruling: Ruling,
        *,
        by: Principal,
        note: str | None = None,
        arguments: JsonObject | None = None,
    ) -> Approval:
        """Approve or deny. Raises: NotFound, Forbidden, Conflict."""
        ...


class LeaseDesk(Protocol):
    """Where leases are looked at, made and ended, each on the record."""

    async def list(self, *, tenant: TenantId | None = None) -> tuple[Lease, ...]:
        """Newest first, of one *tenant* if given."""
        ...

    async def add(
        self,
        *,
        tenant: TenantId,
        principal: str,
        tool: str,
        arguments: JsonObject,
        forbids: Sequence[str],
        count: int,
        ttl_s: int,
        by: Principal,
    ) -> Lease:
        """Make one. Raises: InvalidRequest, NotFound, Forbidden, Overloaded."""
        ...

    async def revoke(self, lease: str, *, by: Principal, tenant: TenantId | None = None) -> Lease:
        """End one. Raises: NotFound."""
        ...


class UpstreamViews(Protocol):
    """Shows how MCP servers are, and asks them nothing."""

    def all(self) -> Sequence[dict[str, Json]]:
        """Each in one row, by name."""
        ...

    def one(self, name: str, /) -> dict[str, Json] | None:
        """One with its definitions, or None when there is none of that name here."""
        ...


class PolicyViews(Protocol):
    """Shows what policy is asked about."""

    def tools(self) -> Sequence[Json]:
        """What policy may know of each tool."""
        ...

    async def inputs(
        self, tenant: TenantId, /, *, since: float, after: tuple[float, str] | None, limit: int
    ) -> dict[str, Json]:
        """A page of what was recorded of calls of *tenant*, and where the next begins."""
        ...


class SessionDesk(Protocol):
    """Where default sessions are cleared, each on the record."""

    async def clear_default(self, tenant: TenantId, principal: str, *, by: Principal) -> Session:
        """End *principal*'s and open a clean one. Raises: NotFound."""
        ...


class SessionTokens(Protocol):
    """Issues the token an agent uses inside one minted session."""

    async def issue_for_session(self, *, subject: str, tenant: str, session: str, ttl_s: int) -> str:
        """A token with scope `call` that is bound to *session* and dies with it."""
        ...
