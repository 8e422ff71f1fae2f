"""What a call leaves behind and is bound to: record and session. It decides nothing about what a tool may do."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from holdfast.contracts import (
    CallerError,
    Deny,
    Digest,
    Json,
    Pass,
    Principal,
    Reason,
    Session,
    ToolCall,
)
from holdfast.contracts.json_values import canonical

from ..audit import AuditLog
from ..store import Sessions
from .admission import Admission
from .guessing import Guessing
from .once import Once
from .trail import Trail

NO_SESSION = Reason(
    code="sessions/unknown",
    layer="sessions",
    message="there is no such session of this caller",
    remedy="leave `session` out, or mint one at `POST /v1/sessions` with scope `host`",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Everything the dispatcher writes to."""

    audit: AuditLog
    sessions: Sessions
    admission: Admission
    guessing: Guessing
    fresh: Callable[[], Awaitable[None]]
    """Awaited before each call: lets the detectors know what other processes keep secret by now."""
    once: Once
    recorder: Callable[[Trail], None] | None
    """Hears once what policy saw of each call that was to run; it must not wait. None: nothing is kept."""
    key: bytes
    """Keys the digests of arguments and outputs, so that a record cannot be used to guess them."""

    async def admitted(self, call: ToolCall, principal: Principal, trail: Trail) -> Pass | Deny:
        """Step 1: whether *call* may come in. What is found while it runs counts as *principal*'s."""
        await self.fresh()
        self.guessing.begin(principal)
        admit = self.admission.admit if call.nested is None else self.admission.admit_nested

        def both() -> Pass | Deny:
            admitted = admit(principal)
            return admitted if isinstance(admitted, Deny) else self.guessing.admits(principal)

        return trail.ask("admit", both)

    def keep(self, trail: Trail) -> None:
        """Have what policy saw of a call kept, if it is to be and is not yet."""
        if trail.keeps and self.recorder is not None:
            trail.keeps = False
            self.recorder(trail)

    def digest(self, arguments: Mapping[str, Json]) -> Digest:
        """Keyed digest of the canonical *arguments*."""
        return Digest.keyed(self.key, canonical(arguments))

    def digest_text(self, text: str) -> Digest:
        """Keyed digest of *text*."""
        return Digest.keyed(self.key, text.encode("utf-8", "surrogatepass"))

    def session_name(self, call: ToolCall, principal: Principal) -> str | None:
        """The session as the record names it, before it is looked up; a name the caller made up only as a digest."""
        if principal.session is not None:
            return principal.session
        return None if call.session is None else str(self.digest_text(call.session))

    async def session(self, call: ToolCall, principal: Principal) -> Session | Reason:
        """The session *call* runs in, or why there is none. What is unknown and what is foreign look the same."""
        try:
            return await self.sessions.resolve(call.session, principal)
        except CallerError:
            return NO_SESSION

    async def current(self, session: Session) -> Session:
        """*session* with the labels it has by now: another call may have read something meanwhile."""
        return await self.sessions.get(session.id) or session
