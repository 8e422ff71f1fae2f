"""`holdfast sessions`: what each conversation has learned, and an operator's word that one is over."""

from typing import Annotated

import typer

from ..principals import LOCAL_TENANT
from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("id", "principal", "kind", "labels", "parent", "expires_at")
TenantOption = Annotated[str, typer.Option(help="Whose sessions.")]


@group.command("list")
def list_sessions(
    tenant: TenantOption = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Show the sessions that have not expired, with what they have learned, newest first."""
    show(ask("sessions.list", {"tenant": tenant}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command()
def clear(
    principal: str,
    tenant: TenantOption = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """End a principal's default session and open a clean one. Only once its model has forgotten as well."""
    ask("sessions.clear", {"principal": principal, "tenant": tenant}, data_dir=data_dir, config=config)
    TALK.print(f"the next call of {plain(principal)} begins a clean session")
    return 0
