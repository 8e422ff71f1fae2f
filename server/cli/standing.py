"""`holdfast status`: what judges now, and what somebody should look at. It changes nothing."""

from collections.abc import Iterator, Mapping

import typer

from holdfast.contracts import Json

from ..terminal import OUT, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show_json


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command()(status)


def status(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Say which policies judge, and what is wrong.

    Exit 1: a set was refused, a tool drifted or is named and no longer offered, or rules are observed.
    """
    now = ask("status", {}, data_dir=data_dir, config=config)
    if output is Format.JSON or not isinstance(now, Mapping):
        show_json(now)
        return 0 if isinstance(now, Mapping) and not any(_wrong(now)) else 1
    OUT.print(f"policy     {plain(str(now['profile']))}  {now['policy']}")
    OUT.print(f"tools      {now['tools']}")
    OUT.print(f"record     {now['chain']} #{now['seq']}")
    for name, why in _rows(now["off"]):
        OUT.print(f"[yellow]off[/]        {plain(name)}: {plain(str(why['message']))}")
    wrong = [*_wrong(now)]
    for kind, text in wrong:
        OUT.print(f"[red]{kind:<9}[/]  {plain(text)}")
    return 1 if wrong else 0


def _wrong(now: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    """What kind of thing is not as it should be, and what it is."""
    if now["refused"]:
        yield (
            "refused",
            f"{now['refused']}; the set above goes on judging, mend the file and run `holdfast policy reload`",
        )
    for one in now["drift"] if isinstance(now["drift"], list) else ():
        if isinstance(one, Mapping):
            yield "drift", f"`{one['tool']}` is withheld: {one['why']}"
    for one in now["missing"] if isinstance(now["missing"], list) else ():
        if isinstance(one, Mapping):
            yield "missing", str(one["why"])
    observed = now["observing"]
    if isinstance(observed, list) and observed:
        yield "observing", f"{', '.join(map(str, observed))}: passes what it would stop; see `holdfast policy observed`"


def _rows(value: Json) -> Iterator[tuple[str, Mapping[str, Json]]]:
    for name, row in value.items() if isinstance(value, Mapping) else ():
        if isinstance(row, Mapping):
            yield name, row
