"""The MCP clients we know: where each keeps its configuration, and the entry that makes Holdfast its one server."""

from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never

from holdfast.contracts import InvalidRequest, Json

TOKEN_VARIABLE: Final = "HOLDFAST_TOKEN"  # noqa: S105 -- the name of a variable
TOKEN_INPUT: Final = "holdfast-token"  # noqa: S105 -- the name of a question


class Client(StrEnum):
    """Whose configuration it is."""

    CLAUDE_DESKTOP = "claude-desktop"
    CLAUDE_CODE = "claude-code"
    CURSOR = "cursor"
    VSCODE = "vscode"


AT_HOME: Final = (
    (Client.CLAUDE_DESKTOP, ".config/Claude/claude_desktop_config.json"),
    (Client.CLAUDE_DESKTOP, "Library/Application Support/Claude/claude_desktop_config.json"),
    (Client.CLAUDE_CODE, ".claude.json"),
    (Client.CURSOR, ".cursor/mcp.json"),
    (Client.VSCODE, ".config/Code/User/mcp.json"),
    (Client.VSCODE, "Library/Application Support/Code/User/mcp.json"),
)
"""Under the home folder."""
IN_A_PROJECT: Final = (
    (Client.CLAUDE_CODE, ".mcp.json"),
    (Client.CURSOR, ".cursor/mcp.json"),
    (Client.VSCODE, ".vscode/mcp.json"),
)


def client_of(path: Path) -> Client:
    """Whose file *path* looks like, by its name and folder; Claude Code's where nothing says otherwise."""
    if path.name == "claude_desktop_config.json":
        return Client.CLAUDE_DESKTOP
    parents = {parent.name for parent in path.absolute().parents}
    if ".cursor" in parents:
        return Client.CURSOR
    return Client.VSCODE if parents & {".vscode", "Code", "Code - Insiders", "VSCodium"} else Client.CLAUDE_CODE


def entry_for(client: Client, command: tuple[str, ...] = (), *, url: str | None = None) -> dict[str, Json]:
    """What *client*'s file holds when Holdfast is its one server: started by *command*, or reached at *url*.

    Raises: InvalidRequest where the client takes no URL.
    """
    if url is None:
        entry: dict[str, Json] = {} if client is Client.CLAUDE_DESKTOP else {"type": "stdio"}
        return _file(client, {**entry, "command": command[0], "args": list[Json](command[1:])})
    match client:
        case Client.CLAUDE_DESKTOP:
            raise InvalidRequest(
                "the file of Claude Desktop names no URLs", remedy="leave out `--http`: it starts Holdfast itself"
            )
        case Client.CLAUDE_CODE:
            return _file(client, {"type": "http", "url": url, "headers": _bearer(f"${{{TOKEN_VARIABLE}}}")})
        case Client.CURSOR:
            return _file(client, {"url": url, "headers": _bearer(f"${{env:{TOKEN_VARIABLE}}}")})
        case Client.VSCODE:
            asked: dict[str, Json] = {"type": "promptString", "id": TOKEN_INPUT, "password": True}
            asked["description"] = "Token of Holdfast"
            entry = {"type": "http", "url": url, "headers": _bearer(f"${{input:{TOKEN_INPUT}}}")}
            return {"inputs": [asked], **_file(client, entry)}
        case _:
            assert_never(client)


def _bearer(token: str) -> dict[str, Json]:
    return {"Authorization": f"Bearer {token}"}


def _file(client: Client, entry: dict[str, Json]) -> dict[str, Json]:
    return {"servers" if client is Client.VSCODE else "mcpServers": {"holdfast": entry}}
