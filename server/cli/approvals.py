"""`holdfast approvals`: what waits, whole and escaped, and the answer to it."""

from typing import Annotated

import typer

from ..terminal import TALK
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import read_object
from .rendering import show, show_json

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("id", "tool", "principal", "arguments", "forbids", "state", "expires_at")


@group.command("list")
def list_approvals(
    state: Annotated[str, typer.Option(help="pending, approved, denied, spent, expired or all.")] = "pending",
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Show approvals, the newest first."""
    params = {"state": None if state == "all" else state}
    show(ask("approvals.list", params, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command("show")
def show_one(id: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:  # noqa: A002 -- as it is called
    """Show one approval, whole."""
    show_json(ask("approvals.show", {"id": id}, data_dir=data_dir, config=config))
    return 0


@group.command()
def approve(
    id: str,  # noqa: A002 -- as it is called
    note: Annotated[str | None, typer.Option(help="Kept with the decision.")] = None,
    arguments: Annotated[str | None, typer.Option(help="Approve other arguments instead: JSON or @FILE.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Approve exactly this call, once."""
    edited = None if arguments is None else read_object(arguments)
    params = {"id": id, "decision": "approve", "note": note, "arguments": edited}
    ask("approvals.decide", params, data_dir=data_dir, config=config)
    TALK.print(f"approved; repeat the call with [bold]--approval {id}[/] (or `approval` in the request)")
    return 0


@group.command()
def deny(
    id: str,  # noqa: A002 -- as it is called
    note: Annotated[str | None, typer.Option(help="Kept with the decision.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Deny this call."""
    ask("approvals.decide", {"id": id, "decision": "deny", "note": note}, data_dir=data_dir, config=config)
    TALK.print("denied")
    return 0
