"""Reads and writes the rows of sessions and of what taught them their labels. Remembers and decides nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Label, NotFound, Overloaded, Session, SessionId, Source, TenantId

from .engine import changed
from .rows import read_labels, read_texts, written, written_labels
from .schema import sessions as table
from .schema import sources
from .sealed_texts import Texts
from .turns import take_turn

MAX_LIVE: Final = 10_000
"""Unexpired sessions of one tenant."""
MAX_REQUEST_BYTES: Final = 64 * 1024
"""Of what a user has said in one conversation. A model's own context rarely holds more of it."""


async def add_minted(
    connection: AsyncConnection, session: Session, known: frozenset[Label], now: float, *, by: str | None, texts: Texts
) -> Session:
    """Insert *session* with the labels its parent has by now, on disk or *known* here; answers it as it begins."""
    await take_turn(connection, "sessions", session.tenant)
    live = select(func.count()).where(table.c.tenant == session.tenant, table.c.expires_at > now)
    if (await connection.execute(live)).scalar_one() >= MAX_LIVE:
        raise Overloaded(f"{MAX_LIVE} sessions of this tenant are open", remedy="use a shorter `ttl_s`")
    inherited: frozenset[Label] = frozenset()
    if session.parent is not None:
        inherited = known | read_labels((await locked(connection, session.parent))["labels"])
    begun = replace(session, labels=session.labels | inherited)
    await changed(connection, insert(table).values(texts.closed(table, columns(begun, now) | {"minted_by": by})))
    return begun


async def locked(connection: AsyncConnection, session: SessionId) -> RowMapping:
    """The row of *session*, which nobody else changes before this transaction ends.

    Raises: NotFound.
    """
    # The UPDATE is the lock: SQLite knows no FOR UPDATE, and a SELECT alone would let another process in between.
    await changed(connection, update(table).where(table.c.id == session).values(labels=table.c.labels))
    row = (await connection.execute(select(table).where(table.c.id == session))).mappings().first()
    if row is None:
        raise NotFound("there is no such session")
    return row


async def write_labels(
    connection: AsyncConnection, session: SessionId, labels: frozenset[Label], source: Source | None
) -> None:
    """Add *labels* to the session's row, and *source* as what taught it those that it had not learned before."""
    stored = read_labels((await locked(connection, session))["labels"])
    grown = update(table).where(table.c.id == session).values(labels=written_labels(stored | labels))
    await changed(connection, grown)
    if source is not None:
        await _write_sources(connection, session, labels, source)


async def _write_sources(
    connection: AsyncConnection, session: SessionId, labels: frozenset[Label], source: Source
) -> None:
    found = await connection.execute(select(sources.c.label).where(sources.c.session == session))
    for label in sorted(labels - {Label(one) for one in found.scalars()}):
        row = {"session": session, "label": label.value, "call_id": source.call_id, "tool": source.tool}
        kept = {"labels": written_labels(source.labels), "places": written([*source.places]), "at": source.at}
        await changed(connection, insert(sources).values(row | kept))


async def append_request(connection: AsyncConnection, session: SessionId, text: str, texts: Texts) -> str:
    """Add *text* to what the user said in *session*; answers all of it that is kept."""
    before = texts.opened(table, await locked(connection, session))["user_request"]
    whole = newest(text if before is None else f"{before}\n{text}")
    row = texts.closed(table, {"user_request": whole}, id=session)
    await changed(connection, update(table).where(table.c.id == session).values(row))
    return whole


def newest(said: str) -> str:
    """The end of *said* that may be kept, from the beginning of a line: half a word could name another thing."""
    data = said.encode("utf-8", "replace")
    if len(data) <= MAX_REQUEST_BYTES:
        return said
    # One byte more shows whether the cut falls on the beginning of a line.
    end = data[-MAX_REQUEST_BYTES - 1 :]
    _half, _feed, rest = end.partition(b"\n")
    return rest.decode("utf-8")


def columns(session: Session, now: float) -> dict[str, object]:
    """The row of *session*, begun *now*."""
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


def read_session(row: Mapping[str, Any]) -> Session:
    """The session of *row*, opened."""
    return Session(
        id=SessionId(row["id"]),
        principal=row["principal"],
        tenant=TenantId(row["tenant"]),
        labels=read_labels(row["labels"]),
        parent=None if row["parent"] is None else SessionId(row["parent"]),
        user_request=row["user_request"],
        expires_at=row["expires_at"],
    )


def read_source(row: RowMapping) -> Source:
    """The source of *row*."""
    return Source(
        call_id=row["call_id"],
        tool=row["tool"],
        labels=read_labels(row["labels"]),
        places=read_texts(row["places"]),
        at=row["at"],
    )
