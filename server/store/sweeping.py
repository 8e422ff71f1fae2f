"""Deletes rows whose time has passed. Never touches a tool, an upstream or anything still in force."""

from sqlalchemy import and_, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from . import schema
from .engine import Store, changed

APPROVALS_KEPT_S = 30 * 24 * 3600
"""Decided and expired approvals stay to be looked at for a month; the audit record keeps what they led to."""
SESSIONS_KEPT_S = 7 * 24 * 3600
"""As long as a child can outlive its parent. One that has children stays: their line is counted at its root."""
LEASES_KEPT_S = 30 * 24 * 3600
"""Leases that are over stay to be looked at for a month."""


async def sweep(store: Store, *, now: float, inputs_kept_s: float) -> int:
    """Delete what has expired by *now* (seconds since the epoch) and count the rows. Labels of places stay.

    What policy saw of calls goes after *inputs_kept_s* seconds, and a tool with the last call of it.
    """
    inputs, tools = schema.decision_inputs, schema.decision_tools
    sessions, child = schema.sessions.c, schema.sessions.alias()
    parents = select(child.c.parent).where(child.c.parent.is_not(None))
    over = and_(sessions.default_of.is_(None), sessions.expires_at <= now - SESSIONS_KEPT_S)
    expired = (
        delete(schema.approvals).where(schema.approvals.c.expires_at <= now - APPROVALS_KEPT_S),
        delete(schema.tokens).where(schema.tokens.c.expires_at <= now),
        delete(schema.idempotency).where(schema.idempotency.c.expires_at <= now),
        delete(schema.leases).where(schema.leases.c.expires_at <= now - LEASES_KEPT_S),
        delete(schema.sessions).where(over, sessions.id.not_in(parents)),
        delete(schema.sources).where(schema.sources.c.session.not_in(select(sessions.id))),
        delete(inputs).where(inputs.c.at <= now - inputs_kept_s),
        delete(tools).where(tools.c.definition.not_in(select(inputs.c.definition))),
        delete(schema.uses).where(schema.uses.c.lineage.not_in(select(sessions.id))),
    )

    async def work(connection: AsyncConnection) -> int:
        return sum([await changed(connection, statement) for statement in expired])

    return await store.transact(work)
