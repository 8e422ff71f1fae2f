"""What the tools that run programs share: their arguments, and the files that a program is handed. It runs none."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Protocol, cast

from holdfast.contracts import (
    Authorized,
    Effect,
    FlowSpec,
    InvalidRequest,
    Json,
    Limits,
    Outcome,
    TenantId,
    When,
    Workspace,
)
from holdfast.contracts.limits import MIB

from .arguments import strict_object
from .threads import off_loop

CODE_CHARACTERS: Final = 100_000
MOST_FILES: Final = 32
FILE_BYTES: Final = 2 * MIB
"""All files of one call together."""
FLOW: Final = FlowSpec(
    when=(When(argument="files.path", effects=frozenset({Effect.READ_PRIVATE})),), reads=("{files.path}",)
)
"""Only a call that names a file of the workspace reads what is private."""
_WAYS: Final = ("path", "text", "base64")


class ProgramRunner(Protocol):
    """Runs a program in a sealed interpreter; the server hands in the sandbox's."""

    async def run(
        self,
        code: str,
        *,
        given: Json,
        files: Mapping[str, bytes],
        tenant: TenantId,
        limits: Limits,
        call: Authorized | None = None,
        keep: bool = False,
    ) -> Outcome:
        """Run *code* with `input_data` = *given* and *files* by name; its calls of tools are those of *call*.

        With *keep* it goes on where the last program of the call's session ended. Raises: Refusal where it cannot.
        """
        ...


_FILES: Final = "Files the program can open by name. Each has exactly one of `path`, `text` and `base64`."
# A list, not an object by name: flow and policy then see each `path` for what it is.
_FILE: Final[dict[str, Json]] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 255, "description": "What the program opens."},
        "path": {"type": "string", "maxLength": 4096, "description": "A file, relative to the workspace root."},
        "text": {"type": "string", "description": "The content, as text."},
        "base64": {"type": "string", "description": "The content, as base64."},
    },
    "additionalProperties": False,
}


def input_schema(*, code: str, given: str, more: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """The arguments of a tool that runs programs; *code* and *given* describe two of them, *more* are its own."""
    return strict_object(
        {
            "code": {"type": "string", "maxLength": CODE_CHARACTERS, "description": code},
            "input": {"description": given},
            "files": {"type": "array", "maxItems": MOST_FILES, "items": _FILE, "description": _FILES},
            **(more or {}),
        },
        required=("code",),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One file of a call: its name, and where it comes from."""

    name: str
    way: str
    value: str


async def handed_in(call: Authorized, workspace: Workspace) -> dict[str, bytes]:
    """The files of *call* by name.

    Raises: InvalidRequest for files that cannot be handed in; Refusal when one lies outside the workspace.
    """
    asked = _asked(call)
    return await off_loop(lambda _ended: _contents(workspace, asked)) if asked else {}


def _contents(workspace: Workspace, asked: Sequence[_Asked]) -> dict[str, bytes]:
    room = FILE_BYTES
    contents: dict[str, bytes] = {}
    for file in asked:
        contents[file.name] = content = _content(workspace, file, room)
        room -= len(content)
        if room < 0:
            raise InvalidRequest(f"the files are over {FILE_BYTES // MIB} MiB together")
    return contents


def _content(workspace: Workspace, file: _Asked, room: int) -> bytes:
    match file.way:
        case "path":
            return workspace.read(file.value, limit=room + 1)[0]
        case "text":
            return file.value.encode("utf-8", "surrogatepass")
        case _:
            try:
                return base64.b64decode(file.value, validate=True)
            except (binascii.Error, ValueError):
                raise InvalidRequest("`files.base64` is no base64") from None


def _asked(call: Authorized) -> tuple[_Asked, ...]:
    given = call.arguments.get("files", [])
    asked = tuple(_one(item) for item in given) if isinstance(given, list) else ()
    if len({file.name for file in asked}) != len(asked):
        raise InvalidRequest("two of `files` have the same name")
    return asked


def _one(item: Json) -> _Asked:
    if not isinstance(item, dict):
        raise InvalidRequest("`files` is a list of objects")
    ways = [way for way in _WAYS if way in item]
    value = item.get(ways[0]) if len(ways) == 1 else None
    if not isinstance(value, str):
        raise InvalidRequest("each of `files` has exactly one of `path`, `text` and `base64`")
    name = item.get("name") or (PurePosixPath(value).name if ways == ["path"] else "")
    if not name or not _is_plain(cast("str", name)):
        raise InvalidRequest("`files.name` is a relative name without `..`, and must be given for `text` and `base64`")
    return _Asked(name=str(name), way=ways[0], value=value)


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and "\0" not in name
        and str(path) == name
    )
