"""Opens and closes the record of each call. It never writes arguments, output, or anything a secret could be in."""

import time
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache

from holdfast.contracts import (
    AuditReceipt,
    CallId,
    Decision,
    Digest,
    Finding,
    Json,
    Principal,
    ToolName,
    ToolResult,
    Usage,
)

from .chain import ChainWriter

_USAGE = tuple(one.name for one in fields(Usage))


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRecord:
    """What is known when a call comes in."""

    call_id: CallId
    principal: Principal
    session: str | None
    tool: ToolName
    arguments: Digest
    """Keyed."""
    mode: str
    """`run` or `explain`."""
    by: CallId | None = None
    """The call whose tool makes this one."""


class AuditLog:
    """Two records a call on one chain: what was asked, and how it ended."""

    def __init__(self, chain: ChainWriter) -> None:
        self._chain = chain
        self._open: set[CallId] = set()
        """Calls with an intent and no outcome yet: each gets one."""
        if chain.recovered.torn_bytes:
            self.event("torn", {"bytes": chain.recovered.torn_bytes})
        for call_id in chain.recovered.unclosed:
            chain.append({"kind": "outcome", "at": now(), "call_id": call_id, "status": "unknown"})

    @property
    def chain(self) -> ChainWriter:
        """The chain the records go to."""
        return self._chain

    def intent(self, record: IntentRecord) -> AuditReceipt:
        """Open the record of a call.

        Raises: InternalError; the call must then not go on.
        """
        receipt = self._chain.append(
            {
                "kind": "intent",
                "at": now(),
                "call_id": record.call_id,
                "principal": record.principal.subject,
                "tenant": record.principal.tenant,
                "session": record.session,
                "tool": record.tool,
                "arguments": str(record.arguments),
                "mode": record.mode,
                **({} if record.by is None else {"by": record.by}),
            }
        )
        self._open.add(record.call_id)
        return receipt

    async def durable(self, receipt: AuditReceipt) -> None:
        """Wait until *receipt*'s record is as durable as configured."""
        await self._chain.durable(receipt.seq)

    async def outcome(
        self, call_id: CallId, result: ToolResult, *, output: Digest, log: Digest | None, policy: Digest | None = None
    ) -> AuditReceipt:
        """Close the record of call *call_id* and wait until it is durable.

        *result* may be that of an earlier call, which then is named as the one it repeats; *policy* is the set that
        judged, if any did.

        Raises: InternalError; the result must then not be handed out.
        """
        receipt = self._chain.append(
            {
                "kind": "outcome",
                "at": now(),
                "call_id": call_id,
                "repeats": None if result.call_id == call_id else result.call_id,
                "status": result.status.value,
                "reason": result.reason.code if result.reason else None,
                "decisions": [_decision(one) for one in result.decisions],
                "findings": [_finding(one) for one in result.findings],
                "usage": _usage(result.usage),
                "isolation": list(result.isolation),
                "policy": str(policy) if policy else None,
                "approval": result.approval.id if result.approval else None,
                "output": str(output),
                "log": str(log) if log else None,
            }
        )
        self._open.discard(call_id)
        await self._chain.durable(receipt.seq)
        return receipt

    def event(self, kind: str, fields: dict[str, Json]) -> AuditReceipt:
        """Record something that is no call: an approval decided, a token issued, a tool approved, a policy loaded."""
        return self._chain.append({"kind": kind, "at": now(), **fields})

    def cancelled(self, call_id: CallId) -> None:
        """Close the record of a call whose caller went away; does not wait, since nobody will read the answer.

        One that had its outcome by then keeps that.
        """
        if call_id in self._open:
            self._chain.append({"kind": "outcome", "at": now(), "call_id": call_id, "status": "cancelled"})
            self._open.discard(call_id)


def _usage(usage: Usage) -> dict[str, Json]:
    """Every field of *usage*, as `asdict` has them; each is a number."""
    return {name: getattr(usage, name) for name in _USAGE}


def _decision(decision: Decision) -> Json:
    said: dict[str, Json] = {"layer": decision.layer, "verdict": decision.verdict.value}
    return said if decision.would is None else {**said, "would": decision.would.value, "rules": [*decision.rules]}


def _finding(finding: Finding) -> Json:
    return {"rule": finding.rule, "where": finding.where.value, "action": finding.action.value}


def now() -> str:
    """The time as RFC 3339 in UTC, to the millisecond."""
    second, rest = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(second)}.{rest // 1_000_000:03d}Z"


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    """A second since the epoch as it is written; many records share one."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
