"""A hostile MCP server on a stage: what it lists and answers is written by the test, what it ran is read from files."""

import json
import sys
from pathlib import Path
from typing import Any

from .server import Server

SCRIPT = Path(__file__).with_name("hostile_server.py")
OBJECT = {"type": "object", "properties": {"text": {"type": "string"}}}


def tool(name: str, description: str = "says it back", **more: object) -> dict[str, object]:
    """A definition as a server lists it."""
    return {"name": name, "description": description, "inputSchema": OBJECT, **more}


class Stage:
    """One hostile server's folder."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.name = name
        self.lists(tool("say"))

    def lists(self, *tools: dict[str, object]) -> None:
        """From now on it lists exactly *tools*."""
        self._put("tools.json", list(tools))

    def answers(self, result: dict[str, Any]) -> None:
        """From now on a call is answered with *result*."""
        self._put("answer.json", {"result": result})

    def fails(self, message: str) -> None:
        """From now on a call is answered with an error that says *message*."""
        self._put("answer.json", {"error": {"code": -32000, "message": message}})

    def does(self, deed: str) -> None:
        """From now on each call comes with *deed*: `announce` or `exit-on-call`."""
        (self.folder / deed).touch()

    def ran(self, tool: str) -> bool:
        """Whether *tool* was executed since `forget`."""
        return (self.folder / f"ran-{tool}").exists()

    def ran_any(self) -> list[str]:
        """What was executed since `forget`."""
        return sorted(path.name.removeprefix("ran-") for path in self.folder.glob("ran-*"))

    def forget(self) -> None:
        """Forget what was executed."""
        for path in self.folder.glob("ran-*"):
            path.unlink()

    @property
    def command(self) -> list[str]:
        """How the server is started."""
        return [sys.executable, str(SCRIPT), str(self.folder)]

    def _put(self, name: str, value: object) -> None:
        draft = self.folder / f".{name}"
        draft.write_text(json.dumps(value))
        draft.rename(self.folder / name)


def on_stage(server: Server, name: str, *, effects: str = "none") -> Stage:
    """A hostile server behind *server*, known and not yet approved."""
    stage = Stage(server.home / f"stage-{name}", name)
    grant = f"write:{stage.folder}"
    server.done("upstreams", "add", name, "--grant", grant, "--effects", effects, "--", *stage.command)
    return stage
