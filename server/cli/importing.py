"""`holdfast upstreams import`: the servers of an MCP client, as entries of ours. Approves nothing, prints no secret."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, cast

import typer

from holdfast.contracts import InvalidRequest, Json, NotFound, OperatorError, Where, check_secret

from ..config import FILE_NAME
from ..data_dir import find_data_dir
from ..importing import (
    Client,
    ClientFile,
    Places,
    Plan,
    SecretWanted,
    add_to,
    as_toml,
    client_files,
    entry_for,
    plan,
    read_client,
)
from ..principals import LOCAL_TENANT
from ..terminal import TALK, counted, escaped, plain, visible
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask, find_config, settings_of
from .rendering import show_json

DEFAULT_URL = "http://127.0.0.1:8700/mcp"


def register(group: typer.Typer) -> None:
    """Add the verb to *group*."""
    group.command("import")(import_)


def import_(
    file: Annotated[
        Path | None, typer.Argument(help="A client's configuration. Default: those found here and at home.")
    ] = None,
    client: Annotated[Client | None, typer.Option(help="Whose file it is, where its name does not say so.")] = None,
    write: Annotated[bool, typer.Option(help="Add the entries to the configuration instead of printing them.")] = False,  # noqa: FBT002 -- a flag
    take_secrets: Annotated[bool, typer.Option(help="Keep the secrets that the file holds, sealed.")] = False,  # noqa: FBT002 -- a flag
    url: Annotated[
        str | None, typer.Option("--http", help=f"Have the client reach us at a URL, as {DEFAULT_URL}.")
    ] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Read the MCP servers of Claude Desktop, Claude Code, Cursor or VS Code; print them as entries of ours.

    Nothing is approved by it. Exit 1 when a server was turned down.
    """
    root = find_data_dir(data_dir)
    settings = settings_of(config, root)
    places = Places(home=Path.home(), project=Path.cwd(), variables=os.environ)
    files = _files(file, client, places)
    made = plan(files, places, _suspicion(), known=settings.upstreams)
    where = find_config(config, root)
    if write and made.planned:
        if where is None:
            raise OperatorError(
                f"there is no `{FILE_NAME}` to write to", remedy="holdfast init, or name one with --config"
            )
        add_to(where, made.planned)
    if take_secrets:
        _keep(made, data_dir, config)
    entries = {one.client: entry_for(one.client, _started_by(where, root), url=url) for one in files}
    if output is Format.JSON:
        show_json(_as_json(made, files, entries))
    else:
        _tell(made, files, kept_by=where if write else None, secrets_kept=take_secrets)
        _tell_entries(files, entries, on_stdout=write)
    return 1 if made.turned_down else 0


def _files(file: Path | None, client: Client | None, places: Places) -> list[ClientFile]:
    if file is not None:
        return [read_client(file, places, client)]
    found: list[ClientFile] = []
    for whose, path in client_files(places):
        try:
            found.append(read_client(path, places, whose))
        except (InvalidRequest, OperatorError) as error:  # one client's broken file hides no other's
            TALK.print(f"[yellow]left[/]: {plain(error.message)}")
    if not found:
        raise NotFound(
            "no MCP client's configuration names servers here", remedy="name its file: holdfast upstreams import FILE"
        )
    return found


def _suspicion() -> Callable[[str], bool]:
    from ..assembly import build_layers, shared_artifacts  # noqa: PLC0415 -- loads the detectors
    from ..scanning import Scanner  # noqa: PLC0415 -- as above

    scanner = Scanner(build_layers(kept=shared_artifacts(None)))
    return lambda text: bool(scanner.look(text, Where.ARGUMENTS).findings)


def _started_by(config: Path | None, root: Path) -> tuple[str, ...]:
    """The command by which a client starts us on this state."""
    named = () if config is None else ("--config", str(config.absolute()))
    return (sys.executable, "-m", "holdfast", "mcp", *named, "--data-dir", str(root.absolute()))


def _keep(made: Plan, data_dir: Path | None, config: Path | None) -> None:
    """Keep the secrets that were found, but for those there are already under their names."""
    found = [wanted for one in made.planned for wanted in one.secrets if wanted.found is not None]
    if not found:
        return
    listed = cast(
        "list[dict[str, Json]]", ask("secrets.list", {"tenant": LOCAL_TENANT}, data_dir=data_dir, config=config)
    )
    there = {str(one["name"]) for one in listed}
    for wanted in found:
        if wanted.name in there or wanted.found is None:
            TALK.print(f"[yellow]left[/]: there is a secret {plain(wanted.name)} already")
            continue
        try:
            check_secret(wanted.name, wanted.found)
            value = wanted.found.reveal().decode("utf-8")
        except (InvalidRequest, UnicodeDecodeError):
            TALK.print(f"[yellow]left[/]: {plain(wanted.name)}: its value cannot be kept; set another one")
            continue
        params: dict[str, Json] = {"name": wanted.name, "tenant": LOCAL_TENANT, "value": value}
        ask("secrets.set", params, data_dir=data_dir, config=config)
        TALK.print(f"secret {plain(wanted.name)} is set")


def _tell(made: Plan, files: Sequence[ClientFile], *, kept_by: Path | None, secrets_kept: bool) -> None:
    if kept_by is None:
        sys.stdout.write(visible(as_toml(made.planned)))
    elif made.planned:
        TALK.print(f"added {counted(len(made.planned), 'server')} to {plain(str(kept_by))}")
    for file in files:
        TALK.print(f"read {plain(str(file.path))}")
        for line in file.left:
            TALK.print(f"  [dim]=[/] {plain(line)}")
    for name in made.there:
        TALK.print(f"{plain(name)} is there already")
    for down in made.turned_down:
        TALK.print(f"[red]turned down[/]: {plain(escaped(down.called))}: {plain(escaped(down.reason))}")
        TALK.print(f"  [dim]=[/] {plain(escaped(down.remedy))}")
    _tell_next(made, secrets_kept=secrets_kept)


def _tell_next(made: Plan, *, secrets_kept: bool) -> None:
    for wanted in (one for server in made.planned for one in server.secrets):
        if wanted.found is None or not secrets_kept:
            TALK.print(
                f"secret: {plain(wanted.name)} ({plain(escaped(wanted.where))} of {wanted.server}){_held(wanted)}"
            )
            TALK.print(f"  [dim]=[/] holdfast secrets set {wanted.name}")
    if any("command" in one.entry for one in made.planned):
        TALK.print("what is started sees no home folder and no network but what its `grants` name")
    for one in made.planned:
        TALK.print(f"  [dim]=[/] next: holdfast upstreams diff {one.name}, then approve {one.name}")


def _held(wanted: SecretWanted) -> str:
    return "" if wanted.found is None else "; the file holds it: `--take-secrets` seals it, then take it out of there"


def _tell_entries(files: Sequence[ClientFile], entries: Mapping[Client, Json], *, on_stdout: bool) -> None:
    for client, entry in entries.items():
        paths = ", ".join(str(file.path) for file in files if file.client is client)
        TALK.print(f"\n{client.value}: in place of its servers in {plain(paths)}\n")
        text = json.dumps(entry, indent=2, ensure_ascii=True) + "\n"
        (sys.stdout if on_stdout else sys.stderr).write(text)


def _as_json(made: Plan, files: Sequence[ClientFile], entries: Mapping[Client, Json]) -> Json:
    planned: list[Json] = [
        {
            "entry": dict(one.entry),
            "called": one.called,
            "notes": list(one.notes),
            "secrets": [
                {"name": wanted.name, "where": wanted.where, "held": wanted.found is not None} for wanted in one.secrets
            ],
        }
        for one in made.planned
    ]
    turned_down: list[Json] = [
        {"called": one.called, "reason": one.reason, "remedy": one.remedy} for one in made.turned_down
    ]
    return {
        "files": [{"client": one.client.value, "path": str(one.path), "left": list(one.left)} for one in files],
        "planned": planned,
        "turned_down": turned_down,
        "there": list(made.there),
        "clients": {client.value: entry for client, entry in entries.items()},
    }
