"""Finds and reads the files in which MCP clients name their servers. It judges no server: that is planning's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.contracts import InvalidRequest, Json, MalformedJson, OperatorError
from holdfast.contracts.json_values import parse

from .clients import AT_HOME, IN_A_PROJECT, Client, client_of
from .jsonc import without_comments
from .programs import Places

MAX_FILE_BYTES: Final = 16 << 20
"""Claude Code keeps much else in its file."""
MAX_SERVERS: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFile:
    """One client's servers, as it describes them."""

    client: Client
    path: Path
    project: Path
    """Which `${workspaceFolder}` and relative paths mean."""
    servers: Mapping[str, Json]
    left: tuple[str, ...] = field(default=())
    """What the file holds besides, and why it is not taken over."""


def client_files(places: Places) -> tuple[tuple[Client, Path], ...]:
    """The clients' files there are: those of the project first."""
    candidates = [(client, places.project / place) for client, place in IN_A_PROJECT]
    candidates += [(client, places.home / place) for client, place in AT_HOME]
    return tuple(dict.fromkeys((client, path) for client, path in candidates if path.is_file()))


def read_client(path: Path, places: Places, client: Client | None = None) -> ClientFile:
    """The servers that *path* names; in Claude Code's own file those of the project, too.

    Raises: OperatorError when it cannot be read; InvalidRequest naming the file when it is no such configuration.
    """
    return client_in(_text(path), path, places, client)


def client_in(text: str, path: Path, places: Places, client: Client | None = None) -> ClientFile:
    """As `read_client`, of the *text* that *path* holds."""
    try:
        value = parse(without_comments(text))
    except MalformedJson as error:
        raise InvalidRequest(f"`{path}` is not JSON: {error.message}") from None
    if not isinstance(value, dict):
        raise InvalidRequest(f"`{path}` holds no JSON object")
    client = client or (Client.VSCODE if "servers" in value else client_of(path))
    servers, left = _servers(value, places.project)
    if servers is None:
        raise InvalidRequest(
            f"`{path}` names no servers", remedy="an MCP client's file has them under `mcpServers` or `servers`"
        )
    if len(servers) > MAX_SERVERS:
        raise InvalidRequest(f"`{path}` names over {MAX_SERVERS} servers")
    return ClientFile(client=client, path=path, project=_project_of(path, places), servers=servers, left=left)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise OperatorError(f"cannot read `{path}`: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise OperatorError(f"`{path}` is over {MAX_FILE_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(f"`{path}` is not UTF-8") from None


def _servers(value: dict[str, Json], project: Path) -> tuple[dict[str, Json] | None, tuple[str, ...]]:
    """The servers of *value*, and what is left out; None when it names none at all."""
    found: dict[str, Json] | None = None
    for holder in (value, value.get("mcp"), *_of_project(value, project)):
        for key in ("mcpServers", "servers"):
            named = holder.get(key) if isinstance(holder, dict) else None
            if isinstance(named, dict):
                found = {**(found or {}), **named}
    projects = value.get("projects")
    others = _others(projects, project) if isinstance(projects, dict) else 0
    left = (f"{others} servers of other projects are left; import from their folders",) if others else ()
    return found, left


def _of_project(value: dict[str, Json], project: Path) -> Sequence[Json]:
    projects = value.get("projects")
    return [projects.get(str(project.absolute()))] if isinstance(projects, dict) else []


def _others(projects: dict[str, Json], project: Path) -> int:
    named = [
        one.get("mcpServers")
        for place, one in projects.items()
        if isinstance(one, dict) and place != str(project.absolute())
    ]
    return sum(len(one) for one in named if isinstance(one, dict))


def _project_of(path: Path, places: Places) -> Path:
    """The folder that a project's own file belongs to; for a user's file the one it is imported from."""
    folder = path.absolute().parent
    if folder.name in {".cursor", ".vscode"} and folder.parent != places.home:
        return folder.parent
    return folder if path.name == ".mcp.json" else places.project
