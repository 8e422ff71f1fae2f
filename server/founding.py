"""`holdfast init`: lays a folder out with configuration, editable policies, a workspace and the first tokens."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from importlib.resources import as_file
from pathlib import Path

from holdfast.contracts import Json, OperatorError

from .config import FILE_NAME
from .policy_files import shipped

CONFIGURATION = """\
# Holdfast. Unknown keys are errors; what cannot be enforced is refused. Relative paths are relative to this file.
envelope = "boundary"        # or "xml": strict XML that any parser reads
html_cleaner = "bleach"      # or "nh3", which is quicker and keeps the same

[server]
host = "127.0.0.1"
port = 8700
{root}
[workspace]
root = "{workspace}"         # the only folder that file tools and the shell see
write_denied = []            # names that may not be written, besides .git, .mcp.json, shell start files and such

[policy]
dir = "policies"             # yours to edit; `holdfast policy check` says whether they hold
profile = "supervised"       # readonly | supervised | autonomous

[audit]
durability = "power"         # or "process": survives a crash of the process, not a power cut

# Where tools may reach. Without a row: GET and HEAD to every public host. `egress = []` at the top closes it.
[[egress]]
host = "*"
methods = ["GET", "HEAD"]

# Whose sandboxed tools are taken in (docs/tools.md); `holdfast tools keygen` makes a key.
# [trust]
# keys = []                  # what it prints
# require_signature = true

# Where strangers write, what is private, what all may read (docs/flow.md). What is not said, the tools' effects say.
# [[labels]]
# path = "inbox/**"          # of the workspace; or `host`, or `upstream` with `argument` and `values`
# is = ["untrusted"]         # private | public, untrusted | trusted
#
# [[labels]]                 # the operator's list: writing to them does not ask
# upstream = "mail"
# argument = "to"
# values = ["*@ours.example"]
# is = ["trusted"]

# MCP servers. What is left out counts as the worst: every effect, everything read and written.
# [[upstreams]]
# name = "mail"
# url = "https://mail.ours.example/mcp"
# effects = ["read_private", "read_untrusted"]
#
# [[upstreams.tools]]
# name = "create_draft"
# effects = ["write"]
# writes = ["draft/{{result.id}}"]     # the place that keeps the labels of what is written
# staged = true                      # new, stays put, destroys nothing
#
# [[upstreams.tools]]
# name = "send"
# effects = ["write", "egress"]
# receivers = ["to"]
"""

CLIENT_FILES = (
    ("Claude Desktop", ".config/Claude/claude_desktop_config.json"),
    ("Claude Desktop", "Library/Application Support/Claude/claude_desktop_config.json"),
    ("Claude Code", ".claude.json"),
    ("Cursor", ".cursor/mcp.json"),
    ("VS Code", ".config/Code/User/mcp.json"),
)
"""Where MCP clients keep their entries, under the home folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """What was laid out, and where."""

    config: Path
    policies: Path
    workspace: Path
    data: Path


def lay_out(folder: Path, *, as_root: str) -> Founded:
    """Write the configuration, the policies and the workspace under *folder*.

    Raises: OperatorError when something is there already; nothing is then written.
    """
    found = Founded(
        config=folder / FILE_NAME,
        policies=folder / "policies",
        workspace=folder / "workspace",
        data=folder / ".holdfast",
    )
    for path in (found.config, found.policies):
        if os.path.lexists(path):
            raise OperatorError(f"`{path}` is there already, and nothing was changed", remedy="choose another folder")
    folder.mkdir(parents=True, exist_ok=True)
    found.workspace.mkdir(exist_ok=True)
    found.data.mkdir(mode=0o700, exist_ok=True)
    with as_file(shipped()) as source:
        shutil.copytree(source, found.policies)
    with found.config.open("x", encoding="utf-8") as config:
        config.write(CONFIGURATION.format(workspace="workspace", root=as_root))
    return found


def client_entry(found: Founded) -> dict[str, Json]:
    """The entry that puts Holdfast into an MCP client."""
    arguments: list[Json] = ["-m", "holdfast", "mcp"]
    arguments += ["--config", str(found.config.absolute()), "--data-dir", str(found.data.absolute())]
    return {"mcpServers": {"holdfast": {"command": sys.executable, "args": arguments}}}


def client_found(home: Path) -> tuple[str, Path] | None:
    """The first MCP client whose configuration is there."""
    for name, place in CLIENT_FILES:
        if (home / place).is_file():
            return name, home / place
    return None


def entry_text(found: Founded) -> str:
    """`client_entry` as it is pasted."""
    return json.dumps(client_entry(found), indent=2)
