"""Sessions: one per model context, with labels that only grow. Decides nothing about what a label forbids.

1. A call that names no session gets its principal's one default session, which no agent can replace.
2. A session belongs to one principal of one tenant; to everyone else it does not exist.
3. A child starts with its parent's labels, and what it learns its parents learn: its answers end up in their context.
4. `learn` returns when the labels are on disk. One that could not be written counts at once and is tried again.
5. What a token without a session of its own learns, its default session learns too, and what that one knows, every
   session that such a token names: neither leaving the session out nor naming another leads to a clean one.
"""

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import (
    Digest,
    Forbidden,
    InvalidRequest,
    Label,
    NotFound,
    Principal,
    Scope,
    Session,
    SessionId,
    Source,
    TenantId,
    TooLarge,
)
from holdfast.contracts.json_values import canonical

from .engine import Store, changed
from .schema import sessions as table
from .schema import sources
from .session_rows import (
    MAX_REQUEST_BYTES,
    add_minted,
    append_request,
    columns,
    read_session,
    read_source,
    write_labels,
)
from .teachings import Teachings
from .times import Clock
from .turns import take_turn

DEFAULT_TTL_S = 8 * 3600
"""A working day."""
MIN_TTL_S = 1
MAX_TTL_S = 7 * 24 * 3600
MAX_DEPTH = 8
"""Parents above a session; each call that learns something walks them all."""
_CACHED = 10_000


class Sessions:
    """The sessions of one store. An ordinary call, whose labels do not grow, sends no SQL."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[SessionId, Session] = OrderedDict()
        self._unwritten: dict[SessionId, frozenset[Label]] = {}
        self._defaults: dict[tuple[TenantId, str], SessionId] = {}
        self._teachings = Teachings()
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
            known = await self._remembered_default(key) or await self._found_default(*key)
            return known or await self._find_or_make_default(*key)

    async def known_default(self, tenant: TenantId, subject: str) -> Session | None:
        """The default session of *subject*, if it has one already."""
        found = await self._store.rows(select(table).where(table.c.default_of == _default_key(tenant, subject)))
        return self._read_current(found[0]) if found else None

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
        by: str | None = None,
    ) -> Session:
        """Open a session for *subject*. It lives *ttl_s* seconds and starts with *labels* and its parent's.

        *by* is the subject that opens it, and then decides on none of its calls.

        Raises: InvalidRequest for a *ttl_s* out of range or too many parents; NotFound for the parent; Overloaded.
        """
        if not MIN_TTL_S <= ttl_s <= MAX_TTL_S:
            raise InvalidRequest(f"`ttl_s` must be {MIN_TTL_S} to {MAX_TTL_S} seconds")
        if parent is not None:
            await self._check_parent(parent, tenant)
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

        async def work(connection: AsyncConnection) -> Session:
            # Looked up in here: what the parent learns until its row is locked, its child begins with.
            above = None if parent is None else self._known.get(parent)
            known = frozenset[Label]() if above is None else above.labels
            return await add_minted(connection, session, known, now, by=by, texts=self._store.texts)

        return self._remember(await self._store.transact(work))

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
        """The unexpired sessions that *principal* may know of, newest first.

        A host knows of all that are its own. An agent knows of the one that its calls run in, and of no clean one that
        it could name instead: an id nobody told it is 128 bits that it cannot guess.
        """
        if Scope.HOST not in principal.scopes:
            own = await self.default(principal) if principal.session is None else await self.get(principal.session)
            return () if own is None or not _owns(principal, own) else (own,)
        return await self._unexpired(table.c.tenant == principal.tenant, table.c.principal == principal.subject)

    async def of_tenant(self, tenant: TenantId) -> tuple[Session, ...]:
        """The unexpired sessions of *tenant*, newest first, at most 1000: for its operator."""
        return await self._unexpired(table.c.tenant == tenant)

    async def learn(
        self,
        session: SessionId,
        labels: frozenset[Label],
        *,
        source: Source | None = None,
        unbound: Principal | None = None,
    ) -> Session:
        """Add *labels* to the session and to its parents, in memory and on disk, before it returns.

        *source* is what taught them. *unbound* is who called, if its token is bound to no session: then its default
        session learns the same.

        Raises: NotFound.
        """
        learner = await self._teach(session, labels, source)
        if labels and unbound is not None and unbound.session is None:
            default = await self.default(unbound)
            if default.id != session:
                await self._teach(default.id, labels, source)
        return learner

    async def hear(self, session: SessionId, text: str) -> Session:
        """Add a further turn of the user to what the session was opened with; the oldest lines beyond 64 KiB go.

        Raises: NotFound; InvalidRequest for an empty text; TooLarge for one that would not fit alone.
        """
        if not text.strip():
            raise InvalidRequest("`text` must not be empty")
        if len(text.encode("utf-8", "replace")) > MAX_REQUEST_BYTES:
            raise TooLarge(f"`text` is longer than {MAX_REQUEST_BYTES} bytes")
        if await self.get(session) is None:
            raise NotFound("there is no such session")
        whole = await self._store.transact(
            lambda connection: append_request(connection, session, text, self._store.texts)
        )
        known = self._known.get(session) or await self._load(session)
        if known is None:
            raise NotFound("there is no such session")
        return self._remember(replace(known, user_request=whole))

    async def lineage(self, session: SessionId) -> SessionId:
        """The session at the root of *session*'s parents; its own id when it has none.

        Raises: NotFound.
        """
        root = (await self._line(session))[-1]
        return root.parent or root.id

    async def minters(self, session: SessionId) -> frozenset[str]:
        """The subjects that opened the session and its parents.

        Raises: NotFound.
        """
        line = [one.id for one in await self._line(session)]
        rows = await self._store.rows(select(table.c.minted_by).where(table.c.id.in_(line)))
        return frozenset(row["minted_by"] for row in rows if row["minted_by"] is not None)

    async def minters_of(self, tenant: TenantId, subject: str) -> frozenset[str]:
        """The subjects that have opened a session of *subject*, as long as its row is kept."""
        query = select(table.c.minted_by).where(table.c.tenant == tenant, table.c.principal == subject).distinct()
        rows = await self._store.rows(query)
        return frozenset(row["minted_by"] for row in rows if row["minted_by"] is not None)

    async def flow(self, session: SessionId) -> tuple[Source, ...]:
        """What taught the session its labels, oldest first: the first of each label, and the newest it read.

        What its parents had read before it began is part of it.

        Raises: NotFound.
        """
        line = [one.id for one in await self._line(session)]
        rows = await self._store.rows(select(table.c.id, table.c.created_at).where(table.c.id.in_(line)))
        began = {row["id"]: row["created_at"] for row in rows}
        first = await self._store.rows(select(sources).where(sources.c.session.in_(line)))
        found: set[Source] = set()
        until = float("inf")
        for one in line:
            taught = [read_source(row) for row in first if row["session"] == one]
            found.update(source for source in (*taught, *self._teachings.of(one)) if source.at <= until)
            until = began.get(one, until)
        return tuple(sorted(found, key=lambda source: (source.at, source.call_id)))

    async def _teach(self, session: SessionId, labels: frozenset[Label], source: Source | None) -> Session:
        learner: Session | None = None
        current: SessionId | None = session
        for _ in range(MAX_DEPTH + 1):
            if current is None:
                break
            if labels and source is not None:
                self._teachings.note(current, source)
            one = await self._learn_one(current, labels, source)
            learner = learner or one
            current = None if one is None else one.parent
        if learner is None:
            raise NotFound("there is no such session")
        return learner

    async def _learn_one(self, session: SessionId, labels: frozenset[Label], source: Source | None) -> Session | None:
        known = self._known.get(session) or await self._load(session)
        if known is None:
            return None
        missing = labels - (known.labels - self._unwritten.get(session, frozenset()))
        if not missing:
            return known
        # In memory before the first await: whatever runs meanwhile already sees it.
        grown = self._remember(replace(known, labels=known.labels | labels))
        self._unwritten[session] = self._unwritten.get(session, frozenset()) | missing
        await self._store.transact(lambda connection: write_labels(connection, session, missing, source))
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

    def _read_current(self, row: Mapping[Any, Any]) -> Session:
        session = read_session(self._store.texts.opened(table, row))
        return replace(session, labels=session.labels | self._unwritten.get(session.id, frozenset()))

    async def _unexpired(self, *of: ColumnElement[bool]) -> tuple[Session, ...]:
        lives = or_(table.c.expires_at.is_(None), table.c.expires_at > self._clock())
        query = select(table).where(lives, *of).order_by(table.c.created_at.desc()).limit(1000)
        return tuple(self._read_current(row) for row in await self._store.rows(query))

    async def _remembered_default(self, key: tuple[TenantId, str]) -> Session | None:
        known = self._defaults.get(key)
        return None if known is None else await self.get(known)

    async def _found_default(self, tenant: TenantId, subject: str) -> Session | None:
        """The one of an earlier start, without the turn and the write that making one takes."""
        key = _default_key(tenant, subject)
        found = await self._store.glance(select(table).where(table.c.default_of == key))
        if not found:
            return None
        session = self._known.get(SessionId(found[0]["id"])) or self._read_current(found[0])
        return self._keep_default(tenant, subject, session)

    async def _find_or_make_default(self, tenant: TenantId, subject: str) -> Session:
        key = _default_key(tenant, subject)
        fresh = Session(id=_fresh_id(), principal=subject, tenant=tenant, labels=frozenset())

        async def work(connection: AsyncConnection) -> RowMapping | None:
            await take_turn(connection, "default", key)
            found = await connection.execute(select(table).where(table.c.default_of == key))
            row = found.mappings().first()
            if row is None:
                await changed(connection, insert(table).values(columns(fresh, self._clock()) | {"default_of": key}))
            return row

        row = await self._store.transact(work)
        session = fresh if row is None else self._known.get(SessionId(row["id"])) or self._read_current(row)
        return self._keep_default(tenant, subject, session)

    def _keep_default(self, tenant: TenantId, subject: str, session: Session) -> Session:
        if len(self._defaults) >= _CACHED:
            self._defaults.clear()
        self._defaults[(tenant, subject)] = session.id
        return self._remember(session)

    async def _check_parent(self, parent: SessionId, tenant: TenantId) -> None:
        found = await self.get(parent)
        if found is None or found.tenant != tenant:
            raise NotFound("there is no such parent session")
        if len(await self._line(parent)) > MAX_DEPTH:
            raise InvalidRequest(f"a session has at most {MAX_DEPTH} parents above it")

    async def _line(self, session: SessionId) -> list[Session]:
        """The session and its parents, itself first."""
        line: list[Session] = []
        current: SessionId | None = session
        while current is not None and len(line) <= MAX_DEPTH:
            known = self._known.get(current) or await self._load(current)
            if known is None:
                break
            line.append(known)
            current = known.parent
        if not line:
            raise NotFound("there is no such session")
        return line

    def _remember(self, session: Session) -> Session:
        self._known[session.id] = session
        self._known.move_to_end(session.id)
        while len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return session


def _owns(principal: Principal, session: Session) -> bool:
    return session.tenant == principal.tenant and session.principal == principal.subject


def _default_key(tenant: TenantId, subject: str) -> str:
    return str(Digest.of(canonical([tenant, subject])))


def _fresh_id() -> SessionId:
    return SessionId("s_" + secrets.token_hex(16))
