"""`holdfast labels`: which places keep labels, and an operator's word that one need not any more."""

from typing import Annotated

import typer

from holdfast.contracts import Json

from ..principals import LOCAL_TENANT
from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("place", "labels", "writes", "at", "unsettled")
TenantOption = Annotated[str, typer.Option(help="Whose places.")]


@group.command("list")
def list_labels(
    space: Annotated[str | None, typer.Option(help="Only there: file, host or upstream:NAME.")] = None,
    tenant: TenantOption = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Show the places that keep labels, written last first."""
    params: dict[str, Json] = {"space": space, "tenant": tenant}
    show(ask("labels.list", params, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command()
def clear(
    place: str,
    tenant: TenantOption = LOCAL_TENANT,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Forget the labels of a place; with `*` at its end, of all below it. Sessions that read it keep theirs."""
    answer = ask("labels.clear", {"place": place, "tenant": tenant}, data_dir=data_dir, config=config)
    cleared = answer["cleared"] if isinstance(answer, dict) else 0
    TALK.print(f"cleared {cleared} under {plain(place)}")
    return 0
