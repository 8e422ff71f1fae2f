"""`holdfast approvals`: what waits, whole and escaped, and the answer to it."""

import sys
from typing import Annotated

import typer

from ..principals import LOCAL_TENANT
from ..terminal import TALK, plain
from .approval_page import approval_page
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
def show_one(
    id: str,  # noqa: A002 -- as it is called
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Show one approval, whole, and how it came about."""
    record = ask("approvals.show", {"id": id}, data_dir=data_dir, config=config)
    if output is Format.JSON or not isinstance(record, dict):
        show_json(record)
    else:
        sys.stdout.write(approval_page(record))
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


@group.command()
def reopen(
    principal: str,
    tenant: Annotated[str, typer.Option(help="Whose principal.")] = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Take questions of a principal again, after so many were denied or left that nobody was asked any more."""
    ask("approvals.reopen", {"principal": principal, "tenant": tenant}, data_dir=data_dir, config=config)
    TALK.print(f"questions of `{plain(principal)}` are taken again")
    return 0
