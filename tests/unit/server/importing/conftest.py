"""Places that hold nothing of this machine but its programs."""

import json
from pathlib import Path

import pytest

from holdfast.server.importing import Client, ClientFile, Places, Plan, plan
from holdfast.server.importing.reading import client_in

KEY = "hunter2-hunter2-hunter2"
"""What the detector of these tests sees."""


class Desk:
    """A home, a project, and plans made of them."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project = folder / "home", folder / "project"
        for one in (self.home, self.project):
            one.mkdir(parents=True)
        self.places = Places(home=self.home, project=self.project, variables={"PATH": "/usr/bin:/bin", "PLACE": "here"})

    def file(self, servers: object, client: Client = Client.CLAUDE_CODE, **more: object) -> ClientFile:
        key = "servers" if client is Client.VSCODE else "mcpServers"
        return client_in(json.dumps({key: servers, **more}), self.project / "mcp.json", self.places, client)

    def plan(self, servers: object, client: Client = Client.CLAUDE_CODE, *, known=()) -> Plan:
        return plan((self.file(servers, client),), self.places, lambda text: KEY in text, known=known)

    def one(self, body: object, client: Client = Client.CLAUDE_CODE):
        made = self.plan({"it": body}, client)
        assert not made.turned_down, made.turned_down
        return made.planned[0]

    def reason(self, body: object, client: Client = Client.CLAUDE_CODE) -> str:
        made = self.plan({"it": body}, client)
        assert not made.planned, made.planned
        return f"{made.turned_down[0].reason}; {made.turned_down[0].remedy}"

    def package(self, name: str, version: str = "1.2.3", **more: object) -> Path:
        """An npm package, installed in the project."""
        folder = self.project / "node_modules" / name
        folder.mkdir(parents=True)
        (folder / "package.json").write_text(json.dumps({"name": name, "version": version, "bin": "index.js", **more}))
        (folder / "index.js").write_text("")
        return folder

    def program(self, name: str, folder: str = ".local/bin") -> Path:
        path = self.home / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
        return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
