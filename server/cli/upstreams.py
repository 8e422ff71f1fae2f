"""`holdfast upstreams`: MCP servers, what they offer, and what of it may be called."""

from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import InvalidRequest, Json

from ..terminal import OUT, TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show, show_json

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("name", "target", "connected", "approved", "withheld", "fault")
GrantOption = Annotated[
    list[str] | None,
    typer.Option("--grant", help="read:DIR, write:DIR, env:NAME=VALUE or net:IP:PORT; may be repeated."),
]
_NO_EFFECTS = "none"


@group.command("add", context_settings={"ignore_unknown_options": True})
def add(
    name: str,
    command: Annotated[list[str] | None, typer.Argument(help="After `--`: the command of a stdio server.")] = None,
    url: Annotated[str | None, typer.Option(help="The URL of a streamable HTTP server.")] = None,
    grant: GrantOption = None,
    effects: Annotated[str | None, typer.Option(help="Space-separated effects, or none. Default: all.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Add an MCP server. Its tools are withheld until they are approved."""
    entry: dict[str, Json] = {"name": name, "url": url, "command": list[Json](located(command)) if command else None}
    entry |= {"grants": grants_of(grant or []), "effects": _effects(effects)}
    answer = ask("upstreams.add", {"entry": entry}, data_dir=data_dir, config=config)
    _show_diff(answer)
    TALK.print(f"  [dim]=[/] next: holdfast upstreams approve {plain(name)}")
    return 0


@group.command("list")
def list_upstreams(
    data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT
) -> int:
    """Show the servers and how they are doing."""
    show(ask("upstreams.list", {}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command("show")
def show_one(name: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Show one server, with every tool's definition as it would be served."""
    show_json(ask("upstreams.show", {"name": name}, data_dir=data_dir, config=config))
    return 0


@group.command()
def diff(
    name: str, data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT
) -> int:
    """Show what differs from what was approved."""
    answer = ask("upstreams.diff", {"name": name}, data_dir=data_dir, config=config)
    if output is Format.JSON:
        show_json(answer)
    else:
        _show_diff(answer)
    return 0


@group.command()
def approve(
    name: str,
    tool: Annotated[list[str] | None, typer.Argument(help="Only these tools, by the server's own names.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Approve the definitions that are listed now."""
    answer = ask("upstreams.approve", {"name": name, "tools": list(tool or [])}, data_dir=data_dir, config=config)
    _show_diff(answer)
    return 0


@group.command()
def remove(name: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Forget a server and what was approved of it."""
    ask("upstreams.remove", {"name": name}, data_dir=data_dir, config=config)
    TALK.print(f"removed {plain(name)}")
    return 0


def grants_of(given: list[str]) -> dict[str, Json]:
    """Grants as they are written on the command line, as the configuration has them.

    Raises: InvalidRequest naming the grant.
    """
    read: list[Json] = []
    write: list[Json] = []
    network: list[Json] = []
    env: dict[str, Json] = {}
    for one in given:
        kind, _, value = one.partition(":")
        match kind, value:
            case ("read", path) if path:
                read.append(str(Path(path).absolute()))
            case ("write", path) if path:
                write.append(str(Path(path).absolute()))
            case ("net", place) if place:
                network.append(place)
            case ("env", pair) if "=" in pair:
                env_name, _, env_value = pair.partition("=")
                env[env_name] = env_value
            case _:
                raise InvalidRequest(f"grant `{kind}` is none of read:DIR, write:DIR, env:NAME=VALUE, net:IP:PORT")
    return {"read": read, "write": write, "network": network, "env": env}


def located(command: list[str]) -> list[str]:
    """*command* with a program and script that are named from here named in full: what is started, starts elsewhere."""
    program, *arguments = command
    program = str(Path(program).absolute()) if "/" in program else program
    script = next((place for place, one in enumerate(arguments) if not one.startswith("-")), None)
    if script is not None:
        path = Path(arguments[script])
        if (path.suffix or "/" in arguments[script]) and path.is_file():
            arguments[script] = str(path.absolute())
    return [program, *arguments]


def _effects(given: str | None) -> Json:
    if given is None:
        return None
    return [] if given == _NO_EFFECTS else list[Json](given.split())


def _show_diff(answer: Json) -> None:
    for row in _records(answer.get("tools") if isinstance(answer, dict) else None):
        state, tool, why = str(row["state"]), str(row["tool"]), str(row.get("why") or "")
        OUT.print(f"{plain(state):<12} {plain(tool)}  [dim]{plain(why)}[/]")
        changes = row.get("changes")
        for line in changes if isinstance(changes, list) else ():
            OUT.print(f"    {plain(str(line))}")


def _records(value: Json) -> list[dict[str, Json]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
