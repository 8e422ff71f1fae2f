"""Approvals: asked for by a call, decided by somebody else, spent once by exactly that call. Judges no policy.

1. Nobody decides on a call of their own; only the local operator may.
2. Spending is one UPDATE that names every binding: of two that try, one gets it.
3. A session that has learned a label since then cannot spend it; nor can anybody once policy, a file that the call
   names or the state that it carries along has changed.
4. A digest under a key binds the whole record: a row that was edited behind our back lifts nothing.
5. Nobody is worn out by asking: see `fatigue.py`. The same call, asked for again while it waits, is one question.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import combinations
from typing import Final, NotRequired, TypedDict, Unpack

import structlog
from sqlalchemy import Executable, RowMapping, Update, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import (
    ApprovalId,
    CallId,
    Conflict,
    Digest,
    Forbidden,
    IntegrityError,
    Json,
    JsonObject,
    Label,
    NotFound,
    Principal,
    SessionId,
    Source,
    TenantId,
    ToolName,
)
from holdfast.contracts.json_values import canonical

from . import fatigue
from .approval_record import (
    Approval,
    ApprovalState,
    as_of,
    binding_key,
    bound,
    columns,
    is_whole,
    read_approval,
)
from .engine import Store, changed
from .rows import written_labels
from .schema import approvals as table
from .sealed_texts import SEALED
from .times import Clock
from .turns import take_turn

TTL_S: Final = 900
"""How long an approval can be decided on and spent: 15 minutes, long enough for a person at a desk."""
_LISTED: Final = 1000

_log = structlog.get_logger("holdfast.store")


class Ruling(StrEnum):
    """What somebody decides."""

    APPROVE = "approve"
    DENY = "deny"


def digest_arguments(arguments: JsonObject) -> Digest:
    """The identity of *arguments*: BLAKE3 of their canonical form."""
    return Digest.of(canonical(arguments))


class Asked(TypedDict):
    """What a question is about, besides who asks and what is shown with it."""

    call_id: CallId
    session: SessionId
    lineage: SessionId
    """The root of the session's parents."""
    tool: ToolName
    definition: Digest
    policy: Digest
    arguments: JsonObject
    digest: Digest
    forbids: tuple[str, ...]
    labels: frozenset[Label]
    level: str
    references_digest: Digest
    carried: Digest
    ran_before: NotRequired[str | None]


class Approvals:
    """The approvals of one store; implements `contracts.ApprovalLedger`.

    *key* (32 bytes) binds each record to what was asked. *digest* must be what the gate computes over arguments: it is
    applied to those an approver has edited.
    """

    def __init__(
        self,
        store: Store,
        *,
        key: bytes,
        clock: Clock = time.time,
        ttl_s: float = TTL_S,
        digest: Callable[[JsonObject], Digest] = digest_arguments,
    ) -> None:
        self._store = store
        self._key = binding_key(key)
        self._clock = clock
        self._ttl_s = ttl_s
        self._digest = digest

    async def create(
        self,
        *,
        principal: Principal,
        references: Sequence[Json],
        unresolved: Iterable[str] = (),
        flow: Iterable[Source] = (),
        facts: JsonObject | None = None,
        **asked: Unpack[Asked],
    ) -> Approval:
        """Ask for an approval that would lift its forbids for exactly this call; one that waits is answered again.

        Raises: Overloaded when *principal* has too many open ones; QuestionsClosed when nobody is asked any more.
        """
        now = self._clock()
        record = Approval(
            **asked,
            id=ApprovalId(secrets.token_hex(16)),
            tenant=principal.tenant,
            principal=principal.subject,
            created_at=now,
            expires_at=now + self._ttl_s,
            state=ApprovalState.PENDING,
            nonce=secrets.token_hex(16),
            references=tuple(references),
            unresolved=tuple(unresolved),
            flow=tuple(flow),
            facts={} if facts is None else facts,
        )
        return await self._store.transact(lambda connection: self._ask(connection, bound(record, self._key), now))

    async def get(self, approval: ApprovalId) -> Approval | None:
        """The record with that id, or None.

        Raises: IntegrityError when it does not open with the key here.
        """
        found = await self._store.rows(select(table).where(table.c.id == approval))
        return as_of(self._read(found[0]), self._clock()) if found else None

    async def list(self, state: ApprovalState | None = None, *, tenant: TenantId | None = None) -> tuple[Approval, ...]:
        """The newest thousand records, newest first, of one *state* and *tenant* if given.

        Those that do not open with the key here are left out, and logged.
        """
        query = select(table).order_by(table.c.created_at.desc(), table.c.id).limit(_LISTED)
        if tenant is not None:
            query = query.where(table.c.tenant == tenant)
        if state is not None:
            query = query.where(table.c.state.in_(_stored_as(state)))
        now = self._clock()
        records = (self._read_or_none(row) for row in await self._store.rows(query))
        current = (as_of(record, now) for record in records if record is not None)
        return tuple(record for record in current if state is None or record.state is state)

    async def decide(
        self,
        approval: ApprovalId,
        ruling: Ruling,
        *,
        by: Principal,
        note: str | None = None,
        arguments: JsonObject | None = None,
        references: Sequence[Json] | None = None,
        references_digest: Digest | None = None,
    ) -> Approval:
        """Approve or deny a pending call; *arguments* replace those of the call, which must then be made with them.

        *references* and their digest are those of the new arguments, where these name other files.

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
        ruled = replace(record, state=ApprovalState.DENIED)
        if ruling is Ruling.APPROVE:
            self._check_whole(record)
            ruled = replace(record, state=ApprovalState.APPROVED)
            if arguments is not None:
                ruled = replace(ruled, arguments=arguments, digest=self._digest(arguments))
            if references is not None and references_digest is not None:
                ruled = replace(ruled, references=tuple(references), references_digest=references_digest)
        if not await self._store.change(self._ruled(bound(ruled, self._key), by, note)):
            raise Conflict("the approval is no longer pending")
        decided = await self.get(approval)
        if decided is None:
            raise NotFound("there is no such approval")
        return decided

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
        """Spend *approval* if it is approved, unexpired, unspent and for exactly this call (see the port)."""
        spent = (
            update(table)
            .where(table.c.id == approval)
            .where(table.c.state == ApprovalState.APPROVED.value)
            .where(table.c.expires_at > self._clock())
            .where(table.c.tenant == tenant)
            .where(table.c.principal == principal)
            .where(table.c.session == session)
            .where(table.c.tool == tool)
            .where(table.c.definition == str(definition))
            .where(table.c.digest == str(arguments))
            .where(table.c.labels.in_(_at_least(labels)))
            .where(table.c.policy == str(policy))
            .where(table.c.refs_digest == str(references))
            .where(table.c.carried == str(carried))
            .values(state=ApprovalState.SPENT.value)
        )
        return await self._store.transact(lambda connection: self._spend(connection, spent))

    async def reopen(self, tenant: TenantId, principal: str) -> None:
        """Let *principal* ask again, as if it had not asked before. For the operator, never for an agent."""

        async def work(connection: AsyncConnection) -> None:
            await take_turn(connection, "approvals", tenant)
            await fatigue.reopen(connection, tenant, principal, self._clock())

        await self._store.transact(work)

    async def _ask(self, connection: AsyncConnection, asked: Approval, now: float) -> Approval:
        await take_turn(connection, "approvals", asked.tenant)
        for row in (await connection.execute(_waiting(asked, now))).mappings():
            waiting = self._read_or_none(row)
            if waiting is not None and is_whole(waiting, self._key):
                return waiting
        await fatigue.check(connection, asked, now)
        await changed(connection, insert(table).values(self._store.texts.closed(table, columns(asked))))
        return asked

    async def _spend(self, connection: AsyncConnection, spent: Update) -> tuple[str, ...] | None:
        row = (await connection.execute(spent.returning(table))).mappings().first()
        if row is None:
            return None
        record = self._read_or_none(row)
        if record is None:
            return None
        record = replace(record, state=ApprovalState.APPROVED)
        if not is_whole(record, self._key):
            _log.warning("approval_edited", approval=record.id)
            return None
        return record.forbids

    def _read(self, row: RowMapping) -> Approval:
        return read_approval(self._store.texts.opened(table, row))

    def _read_or_none(self, row: RowMapping) -> Approval | None:
        try:
            return self._read(row)
        except IntegrityError:
            _log.warning("approval_sealed", approval=row["id"], why="it does not open with the key of this directory")
            return None

    def _ruled(self, ruled: Approval, by: Principal, note: str | None) -> Executable:
        now = self._clock()
        row = columns(ruled) | {"decided_by": by.subject, "decided_at": now, "note": note}
        return (
            update(table)
            .where(table.c.id == ruled.id)
            .where(table.c.state == ApprovalState.PENDING.value)
            .where(table.c.expires_at > now)
            .values(self._store.texts.closed(table, row))
        )

    def _check_whole(self, record: Approval) -> None:
        if record.state is ApprovalState.PENDING and not is_whole(record, self._key):
            raise Conflict(
                "the approval is not as it was asked for, or was asked for by an older version",
                remedy="deny it, and have the call made again",
            )


def _waiting(asked: Approval, now: float) -> Executable:
    """The question that *asked* repeats: the same in everything that an approval is spent on."""
    own = ("id", "call_id", "created_at", "expires_at", "nonce", "binding", "ran_before")
    sealed = SEALED[table.name].columns  # the arguments among them, whose digest says as much
    same = {name: value for name, value in columns(asked).items() if name not in (*own, *sealed)}
    return (
        select(table)
        .where(*(table.c[name] == value for name, value in same.items()))
        .where(table.c.expires_at > now)
        .order_by(table.c.created_at)
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
