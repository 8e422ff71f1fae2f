"""`file_read`: the text of a workspace file, or a piece of it; never bytes that are not text."""

from typing import Final

from holdfast.contracts import (
    SCRUB_MARGIN,
    Authorized,
    Builtin,
    Completed,
    Content,
    Effect,
    FlowSpec,
    InvalidRequest,
    Outcome,
    Scrubber,
    Text,
    ToolName,
    ToolSpec,
    Workspace,
)
from holdfast.contracts.limits import BUILTIN, MIB

from .arguments import strict_object, text, whole_or
from .file_kinds import kind_of
from .threads import off_loop

_MOST: Final = 4 * MIB
_WHEN_ABSENT: Final = MIB
_LONGEST_CHARACTER: Final = 4
"""Bytes of one character in UTF-8: with no less, every piece gets on by a character."""

SPEC: Final = ToolSpec(
    name=ToolName("file_read"),
    title="Read a file",
    description=(
        "Reads a UTF-8 text file of the workspace. Of a long file, the first MiB: read on with `offset` set to the "
        "`next_offset` of the answer. A piece never cuts a character in two."
    ),
    input_schema=strict_object(
        {
            "path": {"type": "string", "maxLength": 4096, "description": "The file, relative to the workspace root."},
            "offset": {"type": "integer", "minimum": 0, "description": "Byte to begin at; 0 if absent."},
            "limit": {
                "type": "integer",
                "minimum": _LONGEST_CHARACTER,
                "maximum": _MOST,
                "description": f"Bytes to read at most; {_WHEN_ABSENT} if absent.",
            },
        },
        required=("path",),
    ),
    effects=frozenset({Effect.READ_PRIVATE}),
    flow=FlowSpec(reads=("{path}",)),
    runtime=Builtin(),
    limits=BUILTIN,
)


class FileRead:
    """The `Handler` of `file_read`."""

    def __init__(self, workspace: Workspace, scrubber: Scrubber) -> None:
        """Read from *workspace*; *scrubber* sees to it that a piece does not end within a secret."""
        self._workspace = workspace
        self._scrubber = scrubber

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer the text as it stands in the file; a second block says so when there is more."""
        path, offset = text(call, "path"), whole_or(call, "offset", 0)
        limit = min(max(whole_or(call, "limit", _WHEN_ABSENT), _LONGEST_CHARACTER), _MOST)
        data, size = await off_loop(lambda _ended: self._workspace.read(path, offset=offset, limit=limit))
        start = offset + (_tail_of_a_character(data) if offset else 0)
        whole = _whole_characters(data[start - offset :], is_end=offset + len(data) >= size)
        following = start + len(whole.encode("utf-8"))
        shown = whole
        if start > 0 or following < size:
            shown = await off_loop(lambda _ended: self._in_context(path, whole, start, following))
        content: tuple[Content, ...] = (Text(text=shown, media_type=kind_of(path)),)
        if following < size:
            content += (Text(text=f"[{size - following} bytes more; read on with offset {following}]"),)
        return Completed(
            content=content,
            structured={
                "offset": start,
                "bytes": following - start,
                "size": size,
                "next_offset": following if following < size else None,
            },
        )

    def _in_context(self, path: str, piece: str, start: int, following: int) -> str:
        """*piece* without the part of a secret that goes on before or after it."""
        first = max(0, start - SCRUB_MARGIN)
        before, _size = self._workspace.read(path, offset=first, limit=start - first) if start else (b"", 0)
        after, _size = self._workspace.read(path, offset=following, limit=SCRUB_MARGIN)
        head = before.decode("utf-8", "ignore")
        return self._scrubber.scrub(head + piece + after.decode("utf-8", "ignore"), len(head), len(head) + len(piece))


def _tail_of_a_character(data: bytes) -> int:
    """Bytes at the start that belong to a character begun before."""
    tail = 0
    while tail < min(len(data), _LONGEST_CHARACTER - 1) and data[tail] & 0xC0 == 0x80:  # noqa: PLR2004 -- UTF-8's 10xxxxxx
        tail += 1
    return tail


def _whole_characters(data: bytes, *, is_end: bool) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        cut_short = not is_end and error.reason == "unexpected end of data"
        if not cut_short:
            raise InvalidRequest("the file at `path` is not UTF-8 text; `hash` takes any file") from None
        return data[: error.start].decode("utf-8")
