"""Sessions: one per model context, with labels that only grow. Decides nothing about what a label forbids.

1. A call that names no session gets its principal's one default session, which no agent can replace.
2. A session belongs to one principal of one tenant; to everyone else it does not exist.
3. A child starts with its parent's labels, and what it learns its parents learn: its answers end up in their context.
4. `learn` returns when the labels are on disk. One that could not be written counts at once and is tried again.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from dataclasses import replace

from sqlalchemy import RowMapping, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import (
    Digest,
    Forbidden,
    InvalidRequest,
    Label,
    NotFound,
    Overloaded,
    Principal,
    Session,
    SessionId,
    TenantId,
)
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .rows import read_labels, written_labels
from .schema import sessions as table
from .times import Clock

DEFAULT_TTL_S = 8 * 3600
"""A working day."""
MIN_TTL_S = 1
MAX_TTL_S = 7 * 24 * 3600
MAX_DEPTH = 8
"""Parents above a session; each call that learns something walks them all."""
MAX_LIVE = 10_000
"""Unexpired sessions of one tenant."""
_CACHED = 10_000


class Sessions:
    """The sessions of one store. An ordinary call, whose labels do not grow, sends no SQL."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[SessionId, Session] = OrderedDict()
        self._unwritten: dict[SessionId, frozenset[Label]] = {}
        self._defaults: dict[tuple[TenantId, str], SessionId] = {}
        self._making = asyncio.Lock()

    async def resolve(self, named: str | None, principal: Principal) -> Session:
        """The session a call of *principal* runs in, when it names *named*.

        Raises: Forbidden when the token is bound to another session; NotFound for one that is not the principal's.
        """
        if principal.session is not None:
            if named is not None and named != principal.session:
                raise Forbidden("the token is bound to another session", remedy="leave `session` out")
            named = principal.session
        if named is None:
            return await self.default(principal)
        session = await self.get(SessionId(named))
        if session is None or not _owns(principal, session):
            raise NotFound("there is no such session")
        return session

    async def default(self, principal: Principal) -> Session:
        """The one session of *principal* for calls that name none; made when it is first needed."""
        key = (principal.tenant, principal.subject)
        known = await self._remembered_default(key)
        if known is not None:
            return known
        async with self._making:
            known = await self._remembered_default(key)
            if known is None:
                known = await self._find_or_make_default(*key)
            return known

    async def clear_default(self, tenant: TenantId, subject: str) -> Session:
        """End the default session of *subject* and open a clean one. For the operator or a host, never an agent."""
        async with self._making:
            ended = (
                update(table)
                .where(table.c.default_of == _default_key(tenant, subject))
                .values(default_of=None, expires_at=self._clock())
            )
            await self._store.change(ended)
            stale = self._defaults.pop((tenant, subject), None)
            if stale is not None:
                self._known.pop(stale, None)
            return await self._find_or_make_default(tenant, subject)

    async def mint(
        self,
        *,
        tenant: TenantId,
        subject: str,
        parent: SessionId | None = None,
        user_request: str | None = None,
        labels: frozenset[Label] = frozenset(),
        ttl_s: int = DEFAULT_TTL_S,
    ) -> Session:
        """Open a session for *subject*. It lives *ttl_s* seconds and starts with *labels* and its parent's.

        Raises: InvalidRequest for a *ttl_s* out of range or too many parents; NotFound for the parent; Overloaded.
        """
        if not MIN_TTL_S <= ttl_s <= MAX_TTL_S:
            raise InvalidRequest(f"`ttl_s` must be {MIN_TTL_S} to {MAX_TTL_S} seconds")
        if parent is not None:
            labels = labels | (await self._parent(parent, tenant)).labels
        now = self._clock()
        session = Session(
            id=_fresh_id(),
            principal=subject,
            tenant=tenant,
            labels=labels,
            parent=parent,
            user_request=user_request,
            expires_at=now + ttl_s,
        )
        await self._store.transact(lambda connection: _add_minted(connection, session, now))
        return self._remember(session)

    async def get(self, session: SessionId) -> Session | None:
        """The session with that id, or None when there is none or it has expired."""
        known = self._known.get(session) or await self._load(session)
        if known is None:
            return None
        if known.expires_at is not None and known.expires_at <= self._clock():
            return None
        self._known.move_to_end(session)
        return known

    async def of(self, principal: Principal) -> tuple[Session, ...]:
        """The unexpired sessions of *principal*, newest first."""
        query = (
            select(table)
            .where(table.c.tenant == principal.tenant, table.c.principal == principal.subject)
            .where(or_(table.c.expires_at.is_(None), table.c.expires_at > self._clock()))
            .order_by(table.c.created_at.desc())
            .limit(1000)
        )
        return tuple(self._read_current(row) for row in await self._store.rows(query))

    async def learn(self, session: SessionId, labels: frozenset[Label]) -> Session:
        """Add *labels* to the session and to its parents, in memory and on disk, before it returns.

        Raises: NotFound.
        """
        learner: Session | None = None
        current: SessionId | None = session
        for _ in range(MAX_DEPTH + 1):
            if current is None:
                break
            one = await self._learn_one(current, labels)
            learner = learner or one
            current = None if one is None else one.parent
        if learner is None:
            raise NotFound("there is no such session")
        return learner

    async def _learn_one(self, session: SessionId, labels: frozenset[Label]) -> Session | None:
        known = self._known.get(session) or await self._load(session)
        if known is None:
            return None
        missing = labels - (known.labels - self._unwritten.get(session, frozenset()))
        if not missing:
            return known
        # In memory before the first await: whatever runs meanwhile already sees it.
        grown = self._remember(replace(known, labels=known.labels | labels))
        self._unwritten[session] = self._unwritten.get(session, frozenset()) | missing
        await self._store.transact(lambda connection: _write_labels(connection, session, missing))
        self._written(session, missing)
        return grown

    def _written(self, session: SessionId, labels: frozenset[Label]) -> None:
        rest = self._unwritten.get(session, frozenset()) - labels
        if rest:
            self._unwritten[session] = rest
        else:
            self._unwritten.pop(session, None)

    async def _load(self, session: SessionId) -> Session | None:
        found = await self._store.rows(select(table).where(table.c.id == session))
        if not found:
            return None
        # Another task may have read it, and learned something, while this one waited.
        return self._known.get(session) or self._remember(self._read_current(found[0]))

    def _read_current(self, row: RowMapping) -> Session:
        session = _read(row)
        return replace(session, labels=session.labels | self._unwritten.get(session.id, frozenset()))

    async def _remembered_default(self, key: tuple[TenantId, str]) -> Session | None:
        known = self._defaults.get(key)
        return None if known is None else await self.get(known)

    async def _find_or_make_default(self, tenant: TenantId, subject: str) -> Session:
        key = _default_key(tenant, subject)
        found = await self._store.rows(select(table).where(table.c.default_of == key))
        if found:
            session = self._known.get(SessionId(found[0]["id"])) or self._read_current(found[0])
        else:
            session = Session(id=_fresh_id(), principal=subject, tenant=tenant, labels=frozenset())
            await self._store.change(insert(table).values(_columns(session, self._clock()) | {"default_of": key}))
        if len(self._defaults) >= _CACHED:
            self._defaults.clear()
        self._defaults[(tenant, subject)] = session.id
        return self._remember(session)

    async def _parent(self, parent: SessionId, tenant: TenantId) -> Session:
        found = await self.get(parent)
        if found is None or found.tenant != tenant:
            raise NotFound("there is no such parent session")
        above: Session | None = found
        for _ in range(MAX_DEPTH):
            if above is None or above.parent is None:
                return found
            above = await self._load(above.parent)
        raise InvalidRequest(f"a session has at most {MAX_DEPTH} parents above it")

    def _remember(self, session: Session) -> Session:
        self._known[session.id] = session
        self._known.move_to_end(session.id)
        while len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return session


async def _add_minted(connection: AsyncConnection, session: Session, now: float) -> None:
    live = select(func.count()).where(table.c.tenant == session.tenant, table.c.expires_at > now)
    if (await connection.execute(live)).scalar_one() >= MAX_LIVE:
        raise Overloaded(f"{MAX_LIVE} sessions of this tenant are open", remedy="use a shorter `ttl_s`")
    await changed(connection, insert(table).values(_columns(session, now)))


async def _write_labels(connection: AsyncConnection, session: SessionId, labels: frozenset[Label]) -> None:
    row = select(table.c.labels).where(table.c.id == session).with_for_update()
    stored = read_labels((await connection.execute(row)).scalar_one())
    grown = update(table).where(table.c.id == session).values(labels=written_labels(stored | labels))
    await changed(connection, grown)


def _columns(session: Session, now: float) -> dict[str, object]:
    return {
        "id": session.id,
        "tenant": session.tenant,
        "principal": session.principal,
        "parent": session.parent,
        "user_request": session.user_request,
        "labels": written_labels(session.labels),
        "created_at": now,
        "expires_at": session.expires_at,
    }


def _read(row: RowMapping) -> Session:
    return Session(
        id=SessionId(row["id"]),
        principal=row["principal"],
        tenant=TenantId(row["tenant"]),
        labels=read_labels(row["labels"]),
        parent=None if row["parent"] is None else SessionId(row["parent"]),
        user_request=row["user_request"],
        expires_at=row["expires_at"],
    )


def _owns(principal: Principal, session: Session) -> bool:
    return session.tenant == principal.tenant and session.principal == principal.subject


def _default_key(tenant: TenantId, subject: str) -> str:
    return str(Digest.of(canonical([tenant, subject])))


def _fresh_id() -> SessionId:
    return SessionId("s_" + secrets.token_hex(16))
