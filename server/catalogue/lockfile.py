"""The text of `holdfast.lock`: what was approved of each MCP server, by digest, for people to review. It opens no file.

1. It is written one way: sorted, one table for each definition, so that a change of one is a change of one place.
2. What is not exactly what would be written is refused with its line: nobody can tell what an odd entry was to approve.
3. The digest over a server's whole set is there against slips (a merge that lost half of it), not against forgery: who
   can write the file can approve.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, cast

from holdfast.contracts import Digest, Json, OperatorError
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.mcp import Kind, key_of, split_key

VERSION: Final = 1
MAX_LOCK_BYTES: Final = 16 << 20
"""A definition takes about 250 bytes, so this is some 60 000 of them."""

MAX_APPROVER: Final = 128
_SERVER: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")
_SERVER_KEYS: Final = frozenset({"entry", "whole", "approved"})
_APPROVAL_KEYS: Final = frozenset({"kind", "name", "definition", "approved_by", "approved_at"})
_HEADING: Final = """\
# What may be served of each MCP server. This file is the approval: what a server lists and is not here, exactly so, is
# withheld. `holdfast upstreams diff NAME` and `approve NAME` write it; review it like code.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One definition that may be served."""

    definition: Digest
    by: str
    at: datetime
    """Whole seconds, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedServer:
    """What was approved of one server."""

    entry: Digest
    """Over its command or URL: an approval does not follow a name to another program."""
    approvals: Mapping[str, Approval] = field(default_factory=dict[str, Approval])
    """By key."""

    def whole(self) -> Digest:
        """Over every key and definition."""
        pairs: list[Json] = [[key, str(self.approvals[key].definition)] for key in sorted(self.approvals)]
        return Digest.of(canonical([str(self.entry), pairs]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One lock file as it was read."""

    servers: Mapping[str, LockedServer] = field(default_factory=dict[str, LockedServer])
    refused: Mapping[str, str] = field(default_factory=dict[str, str])
    """Servers whose part cannot be taken, and why; nothing of them is approved."""


def write_lock(servers: Mapping[str, LockedServer]) -> str:
    """*servers* as text that `read_lock` reads back."""
    lines = [_HEADING, f"version = {VERSION}\n"]
    for name in sorted(servers):
        server = servers[name]
        lines += [
            f"\n[servers.{name}]\n",
            f'entry = "{server.entry}"\n',
            f'whole = "{server.whole()}"\n',
        ]
        for key in sorted(server.approvals, key=split_key):
            kind, called = split_key(key)
            approval = server.approvals[key]
            lines += [
                f"\n[[servers.{name}.approved]]\n",
                f'kind = "{kind}"\n',
                f"name = {_quoted(called)}\n",
                f'definition = "{approval.definition}"\n',
                f"approved_by = {_quoted(approval.by)}\n",
                f"approved_at = {approval.at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')}\n",
            ]
    return "".join(lines)


def read_lock(text: str) -> Lock:
    """What *text* approves. A server whose part cannot be taken is refused alone.

    Raises: OperatorError naming the line when the file as a whole cannot be taken: nothing is approved by it.
    """
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"the lock file is not TOML: {_lower(str(error))}") from None
    except (ValueError, RecursionError):  # a number or a nesting that Python does not take
        raise OperatorError("the lock file is not TOML that can be read") from None
    if read.get("version") != VERSION or isinstance(read.get("version"), bool):
        raise OperatorError(
            f"the lock file, {_line(text, 'version')}: `version` is {VERSION} in what this version reads"
        )
    listed = read.get("servers", {})
    odd = sorted(read.keys() - {"version", "servers"})
    if odd or not isinstance(listed, dict):
        raise OperatorError(
            f"the lock file, {_line(text, odd[0] if odd else 'servers')}: there are `version` and `servers`"
        )
    servers: dict[str, LockedServer] = {}
    refused: dict[str, str] = {}
    for name, table in cast("dict[str, Any]", listed).items():
        try:
            servers[name] = _server(name, table)
        except _OddError as error:
            refused[name] = f"the lock file, {_place(text, name, error.number)}: {error.message}"
    return Lock(servers=servers, refused=refused)


class _OddError(Exception):
    """What is wrong with one server's part, and with which of its definitions, counted from 0; -1 for itself."""

    def __init__(self, message: str, number: int = -1) -> None:
        super().__init__(message)
        self.message = message
        self.number = number


def _server(name: str, table: object) -> LockedServer:
    if not _SERVER.fullmatch(name):
        raise _OddError("that is no name of a server")
    match table:
        case {"entry": str(entry), "whole": str(whole)} if frozenset(cast("dict[str, object]", table)) <= _SERVER_KEYS:
            listed = cast("dict[str, object]", table).get("approved", [])
        case _:
            raise _OddError("a server has `entry`, `whole` and `approved`")
    if not isinstance(listed, list):
        raise _OddError("`approved` is a list of tables")
    server = LockedServer(entry=_digest(entry, -1), approvals=dict(_approvals(cast("list[object]", listed))))
    if server.whole() != _digest(whole, -1):
        raise _OddError("`whole` is not the digest of what is approved below; look and approve again")
    return server


def _approvals(listed: Sequence[object]) -> Iterator[tuple[str, Approval]]:
    seen: set[str] = set()
    for number, table in enumerate(listed):
        match table:
            case {
                "kind": str(kind),
                "name": str(name),
                "definition": str(definition),
                "approved_by": str(by),
                "approved_at": datetime() as at,
            } if _means_one(cast("dict[str, object]", table), kind, by, at):
                key = key_of(Kind(kind), name)
            case _:
                raise _OddError("it has `kind`, `name`, `definition`, `approved_by` and `approved_at`", number)
        if key in seen or split_key(key) != (Kind(kind), name):
            raise _OddError("it is there twice, or its name is none of its kind", number)
        seen.add(key)
        yield key, Approval(definition=_digest(definition, number), by=by, at=at)


def _means_one(table: Mapping[str, object], kind: str, by: str, at: datetime) -> bool:
    """Whether *table* says nothing more, of a kind there is, by somebody, at a moment that is the same everywhere."""
    known = frozenset(table) == _APPROVAL_KEYS and kind in tuple(Kind)
    return known and at.tzinfo is not None and 1 <= len(by) <= MAX_APPROVER


def _digest(text: str, number: int) -> Digest:
    try:
        return Digest.parse(text)
    except OperatorError as error:
        raise _OddError(error.message, number) from None


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _place(text: str, name: str, number: int) -> str:
    """Where the part of *name*, or its definition *number*, begins."""
    heading = re.compile(rf"\s*\[servers\.{re.escape(name)}\]|\s*\[\[servers\.{re.escape(name)}\.approved\]\]")
    found = [line for line, words in enumerate(text.splitlines(), start=1) if heading.match(words)]
    wanted = number + 1
    return f"line {found[wanted]}" if wanted < len(found) else f"the part of `{name[:31]}`"


def _line(text: str, word: str) -> str:
    found = (line for line, words in enumerate(text.splitlines(), start=1) if words.lstrip(" [\"'").startswith(word))
    return f"line {next(found, 1)}"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]


def now() -> datetime:
    """The time to write into an approval."""
    return datetime.now(UTC).replace(microsecond=0)
