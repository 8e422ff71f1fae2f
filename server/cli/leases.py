"""`holdfast leases`: what runs without asking, for whom, how often and until when."""

from typing import Annotated

import typer

from holdfast.contracts import InvalidRequest, Json

from ..principals import LOCAL_TENANT
from ..terminal import TALK, counted, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import read_object
from .rendering import show, show_json
from .tokens import seconds

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("id", "tool", "principal", "arguments", "forbids", "used", "count", "expires_at", "revoked_at")


@group.command("list")
def list_leases(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Show leases, the newest first."""
    show(ask("leases.list", {}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command()
def add(  # noqa: PLR0913, PLR0917 -- one value for each option
    tool: str,
    principal: Annotated[str, typer.Option(help="Whose calls.")],
    count: Annotated[int, typer.Option(help="How many calls.")],
    ttl: Annotated[str, typer.Option(help="For how long, at most 7 days: 90m, 2h, 3d.")],
    forbids: Annotated[str, typer.Option(help="The policies that need not ask, with commas between.")],
    arguments: Annotated[
        str | None,
        typer.Option(
            help='What the calls look like, JSON or @FILE: each argument with its value or {"like": "TEXT*"}; '
            '"*": "any" lets others pass.'
        ),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Whose principal.")] = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Let calls of a tool, as it is defined now, run without asking."""
    params: dict[str, Json] = {
        "tool": tool,
        "principal": principal,
        "arguments": read_object(arguments),
        "forbids": list[Json](_names(forbids)),
        "count": count,
        "ttl_s": seconds(ttl),
        "tenant": tenant,
    }
    lease = ask("leases.add", params, data_dir=data_dir, config=config)
    if output is Format.JSON or not isinstance(lease, dict):
        show_json(lease)
    else:
        TALK.print(
            f"lease {lease['id']}: {counted(count, 'call')} of {plain(tool)} by `{plain(principal)}`,"
            f" until {lease['expires_at']}"
        )
        TALK.print(f"  [dim]=[/] end it: holdfast leases revoke {lease['id']}")
    return 0


@group.command()
def revoke(id: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:  # noqa: A002 -- as it is called
    """End a lease now."""
    ask("leases.revoke", {"id": id}, data_dir=data_dir, config=config)
    TALK.print("revoked")
    return 0


def _names(given: str) -> list[str]:
    names = [name.strip() for name in given.split(",")]
    if not all(names):
        raise InvalidRequest("`--forbids` is one or more policy ids, with commas between")
    return names
