"""What calls were given, answered and said, sealed where it stands in a row and bound to that place.

1. `SEALED` names the columns: rows are written and read by it, and an older store is brought up by it.
2. What was moved, changed or put there in clear does not open: an error, never an empty or a guessed value.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Table, select, update

from holdfast.contracts import IntegrityError

from . import schema
from .seals import NONCE_BYTES, Seal, Unopened

_MARK: Final = "s1:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The columns of one table that are sealed."""

    table: Table
    columns: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What a row is known by, and its texts are bound to."""
        return tuple(column.name for column in self.table.primary_key.columns)


SEALED: Final[Mapping[str, Sealed]] = {
    one.table.name: one
    for one in (
        Sealed(table=schema.approvals, columns=("arguments", "refs", "unresolved", "flow", "facts", "note")),
        Sealed(table=schema.place_writes, columns=("arguments",)),
        Sealed(table=schema.leases, columns=("arguments",)),
        Sealed(table=schema.idempotency, columns=("result",)),
        Sealed(table=schema.sessions, columns=("user_request",)),
        Sealed(table=schema.kept, columns=("value",)),
    )
}


class Texts:
    """Seals and opens the columns of `SEALED` for one store."""

    def __init__(self, key: bytes) -> None:
        """With *key*, 32 bytes."""
        self._seal = Seal(key=key, purpose="holdfast text of a row")

    def closed(self, table: Table, row: Mapping[str, Any], **known_by: str | int) -> dict[str, Any]:
        """*row*, some or all columns of one, as it is written; *known_by* is what of its key it does not hold."""
        sealed = SEALED[table.name]
        whole = {**row, **known_by}
        return {
            name: self._close(value, table.name, name, *(whole[one] for one in sealed.key))
            if name in sealed.columns
            else value
            for name, value in row.items()
        }

    def opened(self, table: Table, row: Mapping[str, Any] | RowMapping) -> dict[str, Any]:
        """*row*, as it was before it was written.

        Raises: IntegrityError when it is not what was put there.
        """
        sealed = SEALED[table.name]
        try:
            return {
                name: self._open(value, table.name, name, *(row[one] for one in sealed.key))
                if name in sealed.columns
                else value
                for name, value in row.items()
            }
        except Unopened:
            raise IntegrityError(
                f"a row of `{table.name}` in the store does not open with the key of this data directory",
                remedy="put back `keys/texts` and the store from one backup, or have done again what the row was for",
            ) from None

    def _close(self, value: str | bytes | None, *place: str | int) -> str | bytes | None:
        if value is None:
            return None
        data = value.encode("utf-8") if isinstance(value, str) else value
        whole = b"".join(self._seal.close(data, *place))
        return _MARK + base64.b64encode(whole).decode("ascii") if isinstance(value, str) else whole

    def _open(self, value: str | bytes | None, *place: str | int) -> str | bytes | None:
        if value is None:
            return None
        if isinstance(value, bytes):
            return self._seal.open(value[:NONCE_BYTES], value[NONCE_BYTES:], *place)
        if not value.startswith(_MARK):
            raise Unopened
        try:
            whole = base64.b64decode(value.removeprefix(_MARK), validate=True)
        except (binascii.Error, ValueError):
            raise Unopened from None
        return self._seal.open(whole[:NONCE_BYTES], whole[NONCE_BYTES:], *place).decode("utf-8")


def seal_what_is_in_clear(connection: Connection, texts: Texts) -> None:
    """Seal every row that an older version wrote, all of which stand in clear."""
    for sealed in SEALED.values():
        table = sealed.table
        columns = [table.c[name] for name in (*sealed.key, *sealed.columns)]
        for row in connection.execute(select(*columns)).mappings().all():
            written = texts.closed(table, {column.name: row[column.name] for column in columns})
            of_row = (table.c[name] == row[name] for name in sealed.key)
            connection.execute(update(table).where(*of_row).values({name: written[name] for name in sealed.columns}))
