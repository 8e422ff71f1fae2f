"""`holdfast call`, `explain`, and `scan` beside them."""

from collections.abc import Mapping
from typing import Annotated

import typer

from holdfast.contracts import InvalidRequest, Json

from . import explaining
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import read_object
from .rendering import show_result
from .scanning import scan

Arguments = Annotated[str | None, typer.Argument(metavar="[JSON | @FILE | -]", help="The arguments, a JSON object.")]
As = Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Call as this principal, with scope `call`.")]


def register(app: typer.Typer) -> None:
    """Add these verbs to *app*."""
    app.command()(call)
    app.command()(explaining.explain)
    app.command()(scan)


def call(
    tool: str,
    arguments: Arguments = None,
    caller: As = None,
    session: Annotated[str | None, typer.Option(help="The session to call in.")] = None,
    approval: Annotated[str | None, typer.Option(help="An approval given for exactly this call.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Call a tool through every layer. Exit 1: refused or pending; 3: the tool failed or was stopped."""
    params: dict[str, Json] = {"tool": tool, "arguments": read_object(arguments)}
    params |= {"caller": caller, "session": session, "approval": approval}
    return show_result(_record(ask("call", params, data_dir=data_dir, config=config)), output)


def _record(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise InvalidRequest("the server answered something else than a record")
    return value
