"""`holdfast token`: issue, list, revoke. A token is printed once."""

import sys
from typing import Annotated

import typer

from holdfast.contracts import InvalidRequest, Json

from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show, show_json

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("id", "sub", "scopes", "tenant", "expires_at", "revoked_at")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MOST_DIGITS = 12


@group.command()
def issue(
    sub: Annotated[str, typer.Option(help="Who it is for.")],
    scope: Annotated[str, typer.Option(help="Space-separated scopes.")] = "call",
    ttl: Annotated[str, typer.Option(help="How long it holds: 3600, 90m, 12h, 30d.")] = "30d",
    session: Annotated[str | None, typer.Option(help="Bind it to a session.")] = None,
    profile: Annotated[str | None, typer.Option(help="Judge it by a narrower policy profile.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Issue a token. Only its hash is kept."""
    params: dict[str, Json] = {
        "sub": sub,
        "scope": list[Json](scope.split()),
        "ttl_s": seconds(ttl),
        "session": session,
        "profile": profile,
    }
    issued = ask("tokens.issue", params, data_dir=data_dir, config=config)
    if output is Format.JSON or not isinstance(issued, dict):
        show_json(issued)
    else:
        sys.stdout.write(f"{issued['token']}\n")
        TALK.print(f"token {issued['id']} for `{plain(sub)}`, until {issued['expires_at']}; it is not shown again")
    return 0


@group.command("list")
def list_tokens(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Show the tokens that have not expired."""
    show(ask("tokens.list", {}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command()
def revoke(id: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:  # noqa: A002 -- as it is called
    """End a token now."""
    ask("tokens.revoke", {"id": id}, data_dir=data_dir, config=config)
    TALK.print("revoked")
    return 0


def seconds(text: str) -> int:
    """A duration as a person writes it.

    Raises: InvalidRequest.
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    if not (number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS):
        raise InvalidRequest("`--ttl` is a number with s, m, h or d")
    return int(number) * _UNITS[unit]
