"""Who calls, and in which session."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from .effects import Label

SessionId = NewType("SessionId", str)
TenantId = NewType("TenantId", str)


class Scope(StrEnum):
    """What a token allows (DESIGN section 4.2). Agents get `call`."""

    CALL = "call"
    HOST = "host"
    APPROVE = "approve"
    REGISTER = "register"
    POLICY_READ = "policy:read"
    POLICY_WRITE = "policy:write"
    TOKENS = "tokens"
    AUDIT = "audit"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Whoever a token, or the operating system's user, says is calling."""

    subject: str
    tenant: TenantId
    scopes: frozenset[Scope]
    token_id: str | None = None
    """The token's `jti`; None for the local operator."""
    session: SessionId | None = None
    """The session the token is bound to."""
    profile: str | None = None
    """The policy profile the token is bound to; None means the configured one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One model context: what it may know, as labels that only grow."""

    id: SessionId
    principal: str
    tenant: TenantId
    labels: frozenset[Label]
    parent: SessionId | None = None
    user_request: str | None = None
    expires_at: float | None = None
    """Seconds since the epoch; None for a principal's default session."""
