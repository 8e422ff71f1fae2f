"""How results look to a person. Text from guests is escaped before it reaches a terminal."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from holdfast.contracts import Json

from ..terminal import OUT, TALK, escaped, escaped_json, plain, visible
from .options import Format

_COLOURS = {"ok": "green", "error": "yellow", "stopped": "yellow", "denied": "red", "pending": "cyan"}
_WIDE = 10_000
"""Columns where nobody reads along: a line is then one record, for programs and for `grep`."""
EXITS = {"ok": 0, "denied": 1, "pending": 1, "error": 3, "stopped": 3}
"""Exit codes of a call by status: 1 refused, 3 the tool failed or was stopped (DESIGN section 4.1)."""


def show_json(value: Json) -> None:
    """Print *value* as JSON on stdout; whatever a terminal would act on, or turn around, stands there escaped."""
    sys.stdout.write(escaped_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")


def show_text(text: str) -> None:
    """Print *text*, of which guests wrote a part, on stdout."""
    sys.stdout.write(visible(text.rstrip("\n")) + "\n")


def show(value: Json, output: Format, columns: Sequence[str]) -> None:
    """Print a list of records as a table, or as JSON."""
    if output is Format.JSON or not isinstance(value, list):
        show_json(value)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in value:
        if isinstance(row, Mapping):
            table.add_row(*(escape(_cell(row.get(column))) for column in columns))
    out = OUT if OUT.is_terminal else Console(highlight=False, width=_WIDE)
    out.print(table)


def show_result(result: Mapping[str, Json], output: Format) -> int:
    """Print a ToolResult; answers the exit code."""
    status = str(result["status"])
    if output is Format.JSON:
        show_json(dict(result))
        return EXITS[status]
    sys.stdout.write(visible(str(result["output"])) + "\n")
    reason, approval = result.get("reason"), result.get("approval")
    if isinstance(reason, Mapping):
        TALK.print(f"[{_COLOURS[status]}]{status}[/]\\[{plain(str(reason['code']))}]: {plain(str(reason['message']))}")
        if reason.get("remedy"):
            TALK.print(f"  [dim]=[/] operator: {plain(str(reason['remedy']))}")
    if isinstance(approval, Mapping):
        TALK.print(f"  [dim]=[/] approve: holdfast approvals approve {approval['id']}")
    for line in _notes(result):
        TALK.print(f"  [dim]=[/] {line}")
    return EXITS[status]


def _notes(result: Mapping[str, Json]) -> Iterable[str]:
    findings, isolation, audit = result.get("findings"), result.get("isolation"), result.get("audit")
    if isinstance(findings, list) and findings:
        names = sorted({str(one["rule"]) for one in findings if isinstance(one, Mapping)})
        yield f"found: {plain(', '.join(names))}"
    if isinstance(isolation, list) and isolation:
        yield f"isolation: {', '.join(str(one) for one in isolation)}"
    if isinstance(audit, Mapping):
        yield f"record: {audit['chain']} #{audit['seq']}"


def _cell(value: Json) -> str:
    match value:
        case None:
            return "-"
        case str():
            return escaped(value)
        case list():
            return escaped(", ".join(str(one) for one in value)) or "none"
        case _:
            return json.dumps(value)  # in ASCII, so nothing hides
