"""How much may be asked before nobody is asked any more: an approver who is worn out says yes. Decides on no call.

Counted in the transaction that asks, so that many at once do not get past. An operator's `reopen` starts anew.
"""

from typing import Final

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Overloaded, QuestionsClosed, TenantId

from .approval_record import Approval, ApprovalState
from .engine import changed
from .schema import approvals as table
from .schema import reopened

MAX_PENDING: Final = 20
"""Open ones of a principal: a list that a person reads to its end."""
MAX_QUESTIONS: Final = 9
"""In the life of a line of sessions. One who is tired says yes from the eleventh on, so no line gets there."""
MAX_UNAPPROVED: Final = 3
"""Denied or left to expire, in a line of sessions: whoever asks on after three times no is not asking for a user."""
MAX_UNAPPROVED_HOURLY: Final = 9
"""The same of a principal over all its lines, so that new ones do not help."""
HOUR_S: Final = 3600


async def check(connection: AsyncConnection, asked: Approval, now: float) -> None:
    """Let *asked* be put before somebody, or not.

    Raises: Overloaded while too many wait; QuestionsClosed when no more is asked.
    """
    since = await _reopened(connection, asked)
    whose = and_(table.c.tenant == asked.tenant, table.c.principal == asked.principal)
    line = and_(table.c.tenant == asked.tenant, table.c.lineage == asked.lineage)
    if await _count(connection, whose, _pending(now)) >= MAX_PENDING:
        raise Overloaded(
            f"{MAX_PENDING} calls of this principal already wait for an approval", remedy="wait for a decision"
        )
    if await _count(connection, line, _same(asked), _denied(since)):
        raise _closed("this call was denied already")
    if await _count(connection, line, _unapproved(since, now)) >= MAX_UNAPPROVED:
        raise _closed(f"{MAX_UNAPPROVED} calls of this conversation were not approved")
    if await _count(connection, line, table.c.created_at > since) >= MAX_QUESTIONS:
        raise _closed(f"{MAX_QUESTIONS} calls of this conversation have asked for an approval")
    if await _count(connection, whose, _unapproved(max(since, now - HOUR_S), now)) >= MAX_UNAPPROVED_HOURLY:
        raise _closed(f"{MAX_UNAPPROVED_HOURLY} calls of this principal were not approved within an hour")


async def reopen(connection: AsyncConnection, tenant: TenantId, principal: str, now: float) -> None:
    """Count only what comes after *now* for *principal*."""
    again = update(reopened).where(reopened.c.tenant == tenant, reopened.c.principal == principal)
    if not await changed(connection, again.values(at=now)):
        await changed(connection, insert(reopened).values(tenant=tenant, principal=principal, at=now))


async def _reopened(connection: AsyncConnection, asked: Approval) -> float:
    at = select(reopened.c.at).where(reopened.c.tenant == asked.tenant, reopened.c.principal == asked.principal)
    return (await connection.execute(at)).scalar_one_or_none() or 0.0


async def _count(connection: AsyncConnection, *those: ColumnElement[bool]) -> int:
    return (await connection.execute(select(func.count()).select_from(table).where(*those))).scalar_one()


def _same(asked: Approval) -> ColumnElement[bool]:
    return and_(table.c.tool == asked.tool, table.c.digest == str(asked.digest))


def _pending(now: float) -> ColumnElement[bool]:
    return and_(table.c.state == ApprovalState.PENDING.value, table.c.expires_at > now)


def _denied(since: float) -> ColumnElement[bool]:
    return and_(table.c.state == ApprovalState.DENIED.value, table.c.decided_at > since)


def _unapproved(since: float, now: float) -> ColumnElement[bool]:
    expired = and_(table.c.state == ApprovalState.PENDING.value, table.c.expires_at <= now, table.c.expires_at > since)
    return or_(_denied(since), expired)


def _closed(why: str) -> QuestionsClosed:
    return QuestionsClosed(
        f"{why}; nobody is asked again",
        remedy="look at what this agent does, then `holdfast approvals reopen`; or open a session for a new task",
    )
