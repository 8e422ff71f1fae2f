"""Approvals: asked for by a call, decided by somebody else, spent once by exactly that call. Judges no policy.

1. Nobody decides on a call of their own; only the local operator may.
2. Spending is one UPDATE that names every binding: of two that try, one gets it.
3. A session that has learned a label since then cannot spend it.
4. A principal has at most `MAX_PENDING` open ones, so that nobody is worn out by asking.
"""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from sqlalchemy import Executable, RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import (
    ApprovalId,
    CallId,
    Conflict,
    Digest,
    Forbidden,
    Json,
    JsonObject,
    Label,
    NotFound,
    Overloaded,
    Principal,
    SessionId,
    TenantId,
    ToolName,
)
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .rows import read_labels, read_object, read_texts, written, written_labels
from .schema import approvals as table
from .times import Clock, rfc3339

TTL_S = 900
"""How long an approval can be decided on and spent: 15 minutes, long enough for a person at a desk."""
MAX_PENDING = 50
_LISTED = 1000


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    SPENT = "spent"
    EXPIRED = "expired"


class Ruling(StrEnum):
    """What somebody decides."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One record (DESIGN section 4.6). `tenant` and `definition` bind it and are not shown."""

    id: ApprovalId
    call_id: CallId
    tool: ToolName
    tenant: TenantId
    principal: str
    session: SessionId
    definition: Digest
    arguments: JsonObject
    digest: Digest
    """Of the canonical arguments, as the gate computes it."""
    forbids: tuple[str, ...]
    labels: frozenset[Label]
    level: str
    created_at: float
    expires_at: float
    state: ApprovalState

    def to_json(self) -> dict[str, Json]:
        """The wire form."""
        return {
            "id": self.id,
            "call_id": self.call_id,
            "tool": self.tool,
            "principal": self.principal,
            "session": self.session,
            "arguments": dict(self.arguments),
            "digest": str(self.digest),
            "forbids": list(self.forbids),
            "labels": [label.value for label in sorted(self.labels)],
            "level": self.level,
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.expires_at),
            "state": self.state.value,
        }


def digest_arguments(arguments: JsonObject) -> Digest:
    """The identity of *arguments*: BLAKE3 of their canonical form."""
    return Digest.of(canonical(arguments))


class Approvals:
    """The approvals of one store; implements `contracts.ApprovalLedger`.

    *digest* must be what the gate computes over arguments: it is applied to those an approver has edited.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock = time.time,
        ttl_s: float = TTL_S,
        digest: Callable[[JsonObject], Digest] = digest_arguments,
    ) -> None:
        self._store = store
        self._clock = clock
        self._ttl_s = ttl_s
        self._digest = digest

    async def create(  # noqa: PLR0913 -- one value for each field of the record
        self,
        *,
        call_id: CallId,
        principal: Principal,
        session: SessionId,
        tool: ToolName,
        definition: Digest,
        arguments: JsonObject,
        digest: Digest,
        forbids: tuple[str, ...],
        labels: frozenset[Label],
        level: str,
    ) -> Approval:
        """Ask for an approval that would lift *forbids* for exactly this call.

        Raises: Overloaded when *principal* has `MAX_PENDING` open ones.
        """
        now = self._clock()
        approval = Approval(
            id=ApprovalId(secrets.token_hex(16)),
            call_id=call_id,
            tool=tool,
            tenant=principal.tenant,
            principal=principal.subject,
            session=session,
            definition=definition,
            arguments=arguments,
            digest=digest,
            forbids=forbids,
            labels=labels,
            level=level,
            created_at=now,
            expires_at=now + self._ttl_s,
            state=ApprovalState.PENDING,
        )
        await self._store.transact(lambda connection: _add(connection, approval, now))
        return approval

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The record with that id, or None."""
        found = await self._store.rows(select(table).where(table.c.id == approval))
        return _read(found[0], self._clock()) if found else None

    async def list(self, state: ApprovalState | None = None, *, tenant: TenantId | None = None) -> tuple[Approval, ...]:
        """The newest thousand records, newest first, of one *state* and *tenant* if given."""
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(_LISTED)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        if state is not None:
            query = query.where(table.c.state.in_(_stored_as(state)))
        now = self._clock()
        records = (_read(row, now) for row in await self._store.rows(query))
        return tuple(record for record in records if state is None or record.state is state)

    async def decide(
        self,
        approval: ApprovalId,
        ruling: Ruling,
        *,
        by: Principal,
        note: str | None = None,
        arguments: JsonObject | None = None,
    ) -> Approval:
        """Approve or deny a pending call; *arguments* replace those of the call, which must then be made with them.

        Raises: NotFound, also for another tenant's; Forbidden for a call of one's own; Conflict when it is not pending.
        """
        record = await self.get(approval)
        if record is None or not _may_know(by, record):
            raise NotFound("there is no such approval")
        if not _may_decide(by, record):
            raise Forbidden(
                "an approval is decided by somebody other than the caller",
                remedy="ask another principal or the operator",
            )
        kept = record.arguments if arguments is None else arguments
        digest = record.digest if arguments is None else self._digest(arguments)
        if not await self._store.change(_ruled(record, ruling, by, note, kept, digest, self._clock())):
            raise Conflict("the approval is no longer pending")
        decided = await self.get(approval)
        if decided is None:
            raise NotFound("there is no such approval")
        return decided

    async def consume(
        self,
        approval: ApprovalId,
        *,
        principal: str,
        session: str,
        tool: ToolName,
        definition: Digest,
        arguments: Digest,
        labels: frozenset[Label],
    ) -> tuple[str, ...] | None:
        """Spend *approval* if it is approved, unexpired, unspent and for exactly this call (see the port)."""
        spent = (
            update(table)
            .where(table.c.id == approval)
            .where(table.c.state == ApprovalState.APPROVED.value)
            .where(table.c.expires_at > self._clock())
            .where(table.c.principal == principal)
            .where(table.c.session == session)
            .where(table.c.tool == tool)
            .where(table.c.definition == str(definition))
            .where(table.c.digest == str(arguments))
            .where(table.c.labels.in_(_at_least(labels)))
            .values(state=ApprovalState.SPENT.value)
            .returning(table.c.forbids)
        )
        found = await self._store.rows(spent)
        return read_texts(str(found[0]["forbids"])) if found else None


async def _add(connection: AsyncConnection, approval: Approval, now: float) -> None:
    counted = select(func.count()).where(
        table.c.tenant == approval.tenant,
        table.c.principal == approval.principal,
        table.c.state == ApprovalState.PENDING.value,
        table.c.expires_at > now,
    )
    if (await connection.execute(counted)).scalar_one() >= MAX_PENDING:
        raise Overloaded(
            f"{MAX_PENDING} calls of this principal already wait for an approval", remedy="wait for a decision"
        )
    await changed(connection, insert(table).values(_columns(approval)))


def _columns(approval: Approval) -> dict[str, object]:
    return {
        "id": approval.id,
        "call_id": approval.call_id,
        "tenant": approval.tenant,
        "principal": approval.principal,
        "session": approval.session,
        "tool": approval.tool,
        "definition": str(approval.definition),
        "arguments": written(approval.arguments),
        "digest": str(approval.digest),
        "forbids": written(list(approval.forbids)),
        "labels": written_labels(approval.labels),
        "level": approval.level,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "state": approval.state.value,
    }


def _read(row: RowMapping, now: float) -> Approval:
    state = ApprovalState(row["state"])
    if state in (ApprovalState.PENDING, ApprovalState.APPROVED) and row["expires_at"] <= now:
        state = ApprovalState.EXPIRED
    return Approval(
        id=ApprovalId(row["id"]),
        call_id=CallId(row["call_id"]),
        tool=ToolName(row["tool"]),
        tenant=TenantId(row["tenant"]),
        principal=row["principal"],
        session=SessionId(row["session"]),
        definition=Digest.parse(row["definition"]),
        arguments=read_object(row["arguments"]),
        digest=Digest.parse(row["digest"]),
        forbids=read_texts(row["forbids"]),
        labels=read_labels(row["labels"]),
        level=row["level"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        state=state,
    )


def _ruled(
    record: Approval,
    ruling: Ruling,
    by: Principal,
    note: str | None,
    arguments: JsonObject,
    digest: Digest,
    now: float,
) -> Executable:
    state = ApprovalState.APPROVED if ruling is Ruling.APPROVE else ApprovalState.DENIED
    return (
        update(table)
        .where(table.c.id == record.id)
        .where(table.c.state == ApprovalState.PENDING.value)
        .where(table.c.expires_at > now)
        .values(
            state=state.value,
            decided_by=by.subject,
            decided_at=now,
            note=note,
            arguments=written(arguments),
            digest=str(digest),
        )
    )


def _is_operator(principal: Principal) -> bool:
    return principal.token_id is None


def _may_know(by: Principal, record: Approval) -> bool:
    return _is_operator(by) or by.tenant == record.tenant


def _may_decide(by: Principal, record: Approval) -> bool:
    return _is_operator(by) or by.subject != record.principal


def _stored_as(state: ApprovalState) -> tuple[str, ...]:
    if state is ApprovalState.EXPIRED:  # never written: time alone makes it so
        return (ApprovalState.PENDING.value, ApprovalState.APPROVED.value)
    return (state.value,)


def _at_least(labels: frozenset[Label]) -> tuple[str, ...]:
    """Every written set of labels that contains *labels*."""
    rest = sorted(frozenset(Label) - labels)
    wider: Iterable[frozenset[Label]] = (
        labels | frozenset(extra) for count in range(len(rest) + 1) for extra in combinations(rest, count)
    )
    return tuple(written_labels(one) for one in wider)
