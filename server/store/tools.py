"""Registered sandboxed tools: what was taken in, by whom, and whether it may be served. Holds no module bytes."""

import time
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, Update, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from holdfast.contracts import Conflict, Digest, NotFound, ToolName

from .engine import Store, changed
from .schema import tools as table
from .times import Clock


class ToolState(StrEnum):
    """Whether a registered tool may be served."""

    PENDING = "pending"
    APPROVED = "approved"
    REMOVED = "removed"
    QUARANTINED = "quarantined"
    WITHDRAWN = "withdrawn"
    """Removed with everything of its source, or from quarantine: no rollback brings it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredTool:
    """One registration. The module lies in the data directory under its digest."""

    name: ToolName
    version: str
    manifest: str
    module: Digest
    definition: Digest
    """The digest of the ToolSpec that was approved, or would be."""
    state: ToolState
    registered_by: str
    registered_at: float
    approved_by: str | None = None
    approved_at: float | None = None
    reason: str | None = None
    """Why it is in quarantine."""
    tenant: str | None = None
    """Of whoever registered it; None when a version of the store registered it that did not keep that."""
    signature: str | None = None
    """The text of its signature, unverified."""


class Tools:
    """The registered tools of one store. Of one name, at most one is approved and at most one pending."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock

    async def add_pending(
        self,
        *,
        name: ToolName,
        version: str,
        manifest: str,
        module: Digest,
        definition: Digest,
        registered_by: str,
        tenant: str | None = None,
        signature: str | None = None,
    ) -> RegisteredTool:
        """Take a tool in. An older pending one of that name is dropped; an approved one stays in service.

        Raises: Conflict when exactly this definition is already pending or approved.
        """
        tool = RegisteredTool(
            name=name,
            version=version,
            manifest=manifest,
            module=module,
            definition=definition,
            state=ToolState.PENDING,
            registered_by=registered_by,
            registered_at=self._clock(),
            tenant=tenant,
            signature=signature,
        )
        await self._store.transact(lambda connection: _add(connection, tool))
        return tool

    async def approve(self, name: ToolName, definition: Digest, *, by: str) -> RegisteredTool:
        """Serve the pending *definition* of *name* in place of the approved one, which is kept for a rollback.

        Raises: Conflict when that is not what is pending.
        """

        async def work(connection: AsyncConnection) -> None:
            await _retire(connection, name, ToolState.APPROVED)
            await _retire(connection, name, ToolState.QUARANTINED)
            pending = _those(name, ToolState.PENDING).where(table.c.definition == str(definition))
            approved = pending.values(state=ToolState.APPROVED.value, approved_by=by, approved_at=self._clock())
            if not await changed(connection, approved):
                raise Conflict("that definition of the tool is not pending", remedy="look at it again, then approve")

        await self._store.transact(work)
        return await self._one(name, ToolState.APPROVED)

    async def release(self, name: ToolName, definition: Digest, *, by: str) -> RegisteredTool:
        """Serve *definition* of *name* again, which is in quarantine, in place of what is approved meanwhile.

        Raises: Conflict when it is not.
        """

        async def work(connection: AsyncConnection) -> None:
            await _retire(connection, name, ToolState.APPROVED)
            held = _those(name, ToolState.QUARANTINED).where(table.c.definition == str(definition))
            again = held.values(state=ToolState.APPROVED.value, approved_by=by, approved_at=self._clock(), reason=None)
            if not await changed(connection, again):
                raise Conflict("that definition of the tool is not in quarantine", remedy="look at it again")

        await self._store.transact(work)
        return await self._one(name, ToolState.APPROVED)

    async def rollback(self, name: ToolName, definition: Digest, *, by: str) -> RegisteredTool:
        """Serve *definition* again, which was approved before the present one; that is removed.

        Raises: NotFound when it was not.
        """

        async def work(connection: AsyncConnection) -> None:
            earlier = (
                select(table.c.id)
                .where(table.c.name == name, table.c.state == ToolState.REMOVED.value)
                .where(table.c.approved_at.is_not(None), table.c.definition == str(definition))
                .order_by(table.c.approved_at.desc(), table.c.id.desc())
                .limit(1)
            )
            found = (await connection.execute(earlier)).scalar_one_or_none()
            if found is None:
                raise NotFound("no earlier version of the tool was approved")
            await _retire(connection, name, ToolState.APPROVED)
            again = update(table).where(table.c.id == found)
            await changed(
                connection, again.values(state=ToolState.APPROVED.value, approved_by=by, approved_at=self._clock())
            )

        await self._store.transact(work)
        return await self._one(name, ToolState.APPROVED)

    async def remove(self, name: ToolName) -> None:
        """Take *name* out of service, pending registration included.

        Raises: NotFound.
        """
        gone = (ToolState.REMOVED.value, ToolState.WITHDRAWN.value)
        live = update(table).where(table.c.name == name, table.c.state.not_in(gone))
        if not await self._store.change(live.values(state=ToolState.REMOVED.value)):
            raise NotFound("there is no such tool")

    async def withdraw(self, source: str, tenant: str | None = None) -> tuple[RegisteredTool, ...]:
        """Take away every version that *source* registered, earlier ones too; answers them as they were.

        With a *tenant* only what a principal of that tenant registered under that name.
        """
        whose = [table.c.registered_by == source, table.c.state != ToolState.WITHDRAWN.value]
        if tenant is not None:
            whose.append(table.c.tenant == tenant)

        async def work(connection: AsyncConnection) -> tuple[RegisteredTool, ...]:
            found = (await connection.execute(select(table).where(*whose).order_by(table.c.id))).mappings().all()
            await changed(connection, update(table).where(*whose).values(state=ToolState.WITHDRAWN.value))
            return tuple(_read(row) for row in found)

        return await self._store.transact(work)

    async def quarantine(self, name: ToolName, reason: str) -> None:
        """Stop serving *name* because *reason*; approving a new registration brings it back.

        Raises: NotFound.
        """
        stopped = _those(name, ToolState.APPROVED).values(state=ToolState.QUARANTINED.value, reason=reason)
        if not await self._store.change(stopped):
            raise NotFound("there is no such tool")

    async def get(self, name: ToolName, state: ToolState) -> RegisteredTool | None:
        """The newest registration of *name* in *state*, or None."""
        query = select(table).where(table.c.name == name, table.c.state == state.value)
        found = await self._store.rows(query.order_by(table.c.id.desc()).limit(1))
        return _read(found[0]) if found else None

    async def list(self, state: ToolState | None = None) -> tuple[RegisteredTool, ...]:
        """Every registration by name, oldest first, of one *state* if given."""
        query = select(table).order_by(table.c.name, table.c.id)
        if state is not None:
            query = query.where(table.c.state == state.value)
        return tuple(_read(row) for row in await self._store.rows(query))

    async def _one(self, name: ToolName, state: ToolState) -> RegisteredTool:
        tool = await self.get(name, state)
        if tool is None:
            raise NotFound("there is no such tool")
        return tool


def _those(name: ToolName, state: ToolState) -> Update:
    return update(table).where(table.c.name == name, table.c.state == state.value)


async def _retire(connection: AsyncConnection, name: ToolName, state: ToolState) -> None:
    after = ToolState.WITHDRAWN if state is ToolState.QUARANTINED else ToolState.REMOVED
    await changed(connection, _those(name, state).values(state=after.value))


async def _add(connection: AsyncConnection, tool: RegisteredTool) -> None:
    live = (ToolState.PENDING.value, ToolState.APPROVED.value)
    same = select(table.c.id).where(
        table.c.name == tool.name, table.c.definition == str(tool.definition), table.c.state.in_(live)
    )
    if (await connection.execute(same)).first() is not None:
        raise Conflict("this version of the tool is already registered")
    await _retire(connection, tool.name, ToolState.PENDING)
    await changed(connection, insert(table).values(_columns(tool)))


def _columns(tool: RegisteredTool) -> dict[str, object]:
    return {
        "name": tool.name,
        "version": tool.version,
        "manifest": tool.manifest,
        "module": str(tool.module),
        "definition": str(tool.definition),
        "state": tool.state.value,
        "registered_by": tool.registered_by,
        "registered_at": tool.registered_at,
        "tenant": tool.tenant,
        "signature": tool.signature,
    }


def _read(row: RowMapping) -> RegisteredTool:
    return RegisteredTool(
        name=ToolName(row["name"]),
        version=row["version"],
        manifest=row["manifest"],
        module=Digest.parse(row["module"]),
        definition=Digest.parse(row["definition"]),
        state=ToolState(row["state"]),
        registered_by=row["registered_by"],
        registered_at=row["registered_at"],
        approved_by=row["approved_by"],
        approved_at=row["approved_at"],
        reason=row["reason"],
        tenant=row["tenant"],
        signature=row["signature"],
    )
