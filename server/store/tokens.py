"""Local tokens that were issued, by digest only, and whether they still hold. Never sees how a token is signed."""

import time
from dataclasses import dataclass, replace

from sqlalchemy import RowMapping, insert, select, update

from holdfast.contracts import Conflict, Digest, Json, NotFound, Scope, SessionId, TenantId

from .engine import Store
from .schema import tokens as table
from .times import Clock, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """One issued token. `hash` is the BLAKE3 of its text; the text itself is nowhere."""

    id: str
    """The token's `jti`."""
    subject: str
    scopes: frozenset[Scope]
    tenant: TenantId
    issued_at: float
    expires_at: float
    hash: Digest
    session: SessionId | None = None
    profile: str | None = None
    revoked_at: float | None = None

    def to_json(self) -> dict[str, Json]:
        """What an operator is shown."""
        return {
            "id": self.id,
            "subject": self.subject,
            "scopes": [scope.value for scope in sorted(self.scopes)],
            "tenant": self.tenant,
            "session": self.session,
            "profile": self.profile,
            "issued_at": rfc3339(self.issued_at),
            "expires_at": rfc3339(self.expires_at),
            "revoked_at": None if self.revoked_at is None else rfc3339(self.revoked_at),
        }


class Tokens:
    """The issued tokens of one store, held in memory so that asking costs no SQL."""

    def __init__(self, store: Store, *, clock: Clock = time.time) -> None:
        self._store = store
        self._clock = clock
        self._rows: dict[str, TokenRow] = {}

    @classmethod
    async def open(cls, store: Store, *, clock: Clock = time.time) -> "Tokens":
        """Read what is stored."""
        tokens = cls(store, clock=clock)
        await tokens.refresh()
        return tokens

    async def refresh(self) -> None:
        """Read the table again; needed only after another process has changed it."""
        live = select(table).where(table.c.expires_at > self._clock())
        self._rows = {row["id"]: _read(row) for row in await self._store.rows(live)}

    async def add(self, row: TokenRow) -> None:
        """Note an issued token. It holds from now on.

        Raises: Conflict when its id is taken.
        """
        if row.id in self._rows:
            raise Conflict("there is already a token with this id")
        await self._store.change(insert(table).values(_columns(row)))
        self._rows[row.id] = row

    async def revoke(self, token: str) -> TokenRow:
        """End a token, at once and for good.

        Raises: NotFound.
        """
        row = self._rows.get(token)
        if row is None:
            raise NotFound("there is no such token")
        if row.revoked_at is not None:
            return row
        revoked = replace(row, revoked_at=self._clock())
        # First in memory: if the write fails, the token is at least dead for as long as this process lives.
        self._rows[token] = revoked
        await self._store.change(update(table).where(table.c.id == token).values(revoked_at=revoked.revoked_at))
        return revoked

    def holds(self, token: str, digest: Digest) -> bool:
        """Whether the token with that id was issued with exactly that text, has not expired and was not revoked."""
        row = self._rows.get(token)
        return row is not None and row.revoked_at is None and row.expires_at > self._clock() and row.hash == digest

    def list(self) -> tuple[TokenRow, ...]:
        """The tokens that have not expired when they were last read, oldest first."""
        return tuple(sorted(self._rows.values(), key=lambda row: row.issued_at))


def _columns(row: TokenRow) -> dict[str, object]:
    return {
        "id": row.id,
        "subject": row.subject,
        "scopes": " ".join(sorted(row.scopes)),
        "tenant": row.tenant,
        "session": row.session,
        "profile": row.profile,
        "issued_at": row.issued_at,
        "expires_at": row.expires_at,
        "revoked_at": row.revoked_at,
        "hash": str(row.hash),
    }


def _read(row: RowMapping) -> TokenRow:
    return TokenRow(
        id=row["id"],
        subject=row["subject"],
        scopes=frozenset(Scope(scope) for scope in row["scopes"].split()),
        tenant=TenantId(row["tenant"]),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        hash=Digest.parse(row["hash"]),
        session=None if row["session"] is None else SessionId(row["session"]),
        profile=row["profile"],
        revoked_at=row["revoked_at"],
    )
