"""`holdfast upstreams`: MCP servers, what they offer, and what of it may be called."""

import asyncio
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import InvalidRequest, Json

from ..importing import Located
from ..principals import LOCAL_TENANT
from ..terminal import OUT, TALK, plain
from ..who import os_user
from .locating import located_here
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask, conversation
from .rendering import show, show_json

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("name", "target", "connected", "breaker", "approved", "withheld", "fault")
GrantOption = Annotated[
    list[str] | None,
    typer.Option("--grant", help="read:DIR, write:DIR, env:NAME=VALUE or net:IP:PORT; may be repeated."),
]
ByOption = Annotated[str | None, typer.Option("--by", help="Who decides, for the record. Default: you, by user name.")]
KEYS_HELP = (
    "Only these: tools by the server's own names, others as prompt:NAME, resource:URI, template:TEMPLATE, instructions:"
)
_NO_EFFECTS = "none"


@group.command("add", context_settings={"ignore_unknown_options": True})
def add(
    name: str,
    command: Annotated[list[str] | None, typer.Argument(help="After `--`: the command of a stdio server.")] = None,
    url: Annotated[str | None, typer.Option(help="The URL of a streamable HTTP server.")] = None,
    grant: GrantOption = None,
    effects: Annotated[str | None, typer.Option(help="Space-separated effects, or none. Default: all.")] = None,
    by: ByOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Add an MCP server. What it offers is withheld until it is approved."""
    found = located_here(command) if command else Located(command=())
    entry: dict[str, Json] = {"name": name, "url": url, "command": list[Json](found.command) or None}
    entry |= {"grants": grants_of(grant or [], read=found.read), "effects": _effects(effects)}
    answer = ask("upstreams.add", {"entry": entry, "by": by or os_user()}, data_dir=data_dir, config=config)
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
    tool: Annotated[list[str] | None, typer.Argument(help=KEYS_HELP)] = None,
    by: ByOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Approve the definitions that are listed now, and write them into holdfast.lock."""
    given: dict[str, Json] = {"name": name, "tools": list[Json](tool or []), "by": by or os_user()}
    _show_diff(ask("upstreams.approve", given, data_dir=data_dir, config=config))
    return 0


@group.command()
def revoke(
    name: str,
    tool: Annotated[list[str], typer.Argument(help=KEYS_HELP)],
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Withdraw approvals: what is named is withheld from now on."""
    _show_diff(ask("upstreams.revoke", {"name": name, "tools": list[Json](tool)}, data_dir=data_dir, config=config))
    return 0


@group.command()
def login(
    name: str,
    tenant: Annotated[str, typer.Option(help="Whose calls it is for.")] = LOCAL_TENANT,
    browser: Annotated[bool, typer.Option(help="Open the browser of this machine.")] = True,  # noqa: FBT002 -- typer's way
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Sign in to a server whose entry has `oauth` with the grant `authorization_code`."""
    _show_diff(asyncio.run(_signed_in({"name": name, "tenant": tenant}, data_dir, config, open_browser=browser)))
    return 0


async def _signed_in(
    params: dict[str, Json], data_dir: Path | None, config: Path | None, *, open_browser: bool
) -> Json:
    async with conversation(data_dir, config) as verb:
        begun = await verb("upstreams.login", params)
        url = str(begun["url"]) if isinstance(begun, dict) else ""
        TALK.print("sign in here, on this machine, within five minutes:")
        OUT.print(plain(url), soft_wrap=True)
        if open_browser:
            await asyncio.to_thread(webbrowser.open, url)
        return await verb("upstreams.login-wait", params)


@group.command()
def remove(name: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Forget a server and what was approved of it."""
    ask("upstreams.remove", {"name": name}, data_dir=data_dir, config=config)
    TALK.print(f"removed {plain(name)}")
    return 0


def grants_of(given: Sequence[str], *, read: Sequence[str] = ()) -> dict[str, Json]:
    """Grants as they are written on the command line, as the configuration has them; *read* besides.

    Raises: InvalidRequest naming the grant.
    """
    readable: list[Json] = [*read]
    write: list[Json] = []
    network: list[Json] = []
    env: dict[str, Json] = {}
    for one in given:
        kind, _, value = one.partition(":")
        match kind, value:
            case ("read", path) if path:
                readable.append(str(Path(path).absolute()))
            case ("write", path) if path:
                write.append(str(Path(path).absolute()))
            case ("net", place) if place:
                network.append(place)
            case ("env", pair) if "=" in pair:
                env_name, _, env_value = pair.partition("=")
                env[env_name] = env_value
            case _:
                raise InvalidRequest(f"grant `{kind}` is none of read:DIR, write:DIR, env:NAME=VALUE, net:IP:PORT")
    return {"read": readable, "write": write, "network": network, "env": env}


def _effects(given: str | None) -> Json:
    if given is None:
        return None
    return [] if given == _NO_EFFECTS else list[Json](given.split())


def _show_diff(answer: Json) -> None:
    if isinstance(answer, dict) and answer.get("fault") is not None:
        TALK.print(f"[red]withheld[/]: {plain(str(answer['fault']))}")
    for row in _records(answer.get("tools") if isinstance(answer, dict) else None):
        state, tool, why = str(row["state"]), str(row["tool"]), str(row.get("why") or "")
        OUT.print(f"{plain(state):<12} {plain(tool)}  [dim]{plain(why)}[/]")
        changes = row.get("changes")
        for line in changes if isinstance(changes, list) else ():
            OUT.print(f"    {_coloured(str(line))}")


def _coloured(line: str) -> str:
    """A line of a difference: what was lost red, what came green."""
    colour = {"-": "red", "+": "green"}.get(line.strip()[:1])
    return plain(line) if colour is None else f"[{colour}]{plain(line)}[/]"


def _records(value: Json) -> list[dict[str, Json]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
