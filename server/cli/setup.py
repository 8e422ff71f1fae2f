"""`holdfast init`, `demo` and `doctor`: the first minutes."""

import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast

import typer

from holdfast.contracts import Json

from ..admin import AdminClient
from ..data_dir import find_data_dir
from ..terminal import OUT, TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask, settings_of, warn_of_root
from .rendering import show_json

OPERATOR_SCOPES = "approve policy:read policy:write register tokens audit metrics host"


def register(app: typer.Typer) -> None:
    """Add these verbs to *app*."""
    app.command()(demo)
    app.command()(init)
    app.command()(doctor)


def demo() -> int:
    """A guided run of the real thing on a fresh data directory: what it runs, and what it refuses."""
    from ..demo import run_demo  # noqa: PLC0415 -- loads the whole house

    warn_of_root()
    return asyncio.run(run_demo(OUT))


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where. Default: here.")] = Path(),
) -> int:
    """Write a configuration, policies and a workspace; print the first tokens, once, and the client's entry."""
    from ..founding import client_found, entry_text, lay_out  # noqa: PLC0415 -- only here

    # As root the server refuses to start unless the file allows it; whoever founds it as root is shown that line.
    as_root = "# allow_root = true         # you are root now; better: a user of its own\n" if os.getuid() == 0 else ""
    found = lay_out(folder, as_root=as_root)
    TALK.print(f"wrote {plain(str(found.config))}, {plain(str(found.policies))}/ and {plain(str(found.workspace))}/")
    for subject, scope in (("agent", "call"), ("approver", OPERATOR_SCOPES)):
        params: dict[str, Json] = {"sub": subject, "scope": list[Json](scope.split())}
        issued = cast("dict[str, Json]", ask("tokens.issue", params, data_dir=found.data, config=found.config))
        sys.stdout.write(f"{subject}: {issued['token']}\n")
    TALK.print("[bold]these tokens are not shown again[/]; `holdfast token issue` makes others")
    client = client_found(Path.home())
    where = "your MCP client's configuration" if client is None else f"{client[0]}: {client[1]}"
    TALK.print(f"\nfor {plain(where)}\n")
    sys.stdout.write(entry_text(found) + "\n")
    TALK.print(f"\nnext: holdfast serve --config {plain(str(found.config))} --data-dir {plain(str(found.data))}")
    return 0


def doctor(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Examine this machine with live probes from every thread of every confined process. Exit 1 if one fails.

    Of a server that runs on the data directory, also which tools policy no longer fits, and which it names in vain.
    """
    from ..doctor import drift, examine  # noqa: PLC0415 -- loads the sandbox

    root = find_data_dir(data_dir)
    socket = root / "admin.sock"
    client = AdminClient(socket) if socket.exists() else None
    running = drift(client.call("status", {})) if client is not None and client.answers() else ()
    checks = (*asyncio.run(examine(settings_of(config, root))), *running)
    if output is Format.JSON:
        show_json([cast("dict[str, Json]", asdict(check)) for check in checks])
    for check in checks if output is Format.TEXT else ():
        mark = "[green]ok  [/]" if check.held else "[red]FAIL[/]"
        OUT.print(f"{mark} {check.part:<15} {plain(check.name):<44} [dim]{plain(check.detail)}[/]")
    if output is Format.TEXT:
        failed = sum(not check.held for check in checks)
        TALK.print(f"{len(checks) - failed} of {len(checks)} hold" + ("" if not failed else "; what failed is off"))
    return 0 if all(check.held for check in checks) else 1
