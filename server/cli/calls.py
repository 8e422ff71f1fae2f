"""`holdfast call`, `explain` and `scan`."""

import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from typing import Annotated

import typer

from holdfast.contracts import Action, Finding, InvalidRequest, Json, Where
from holdfast.contracts.json_values import parse
from holdfast.contracts.results import finding_json

from ..terminal import OUT
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import read_object, read_text
from .rendering import show_result

Arguments = Annotated[str | None, typer.Argument(metavar="[JSON | @FILE | -]", help="The arguments, a JSON object.")]
As = Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Call as this principal, with scope `call`.")]


def register(app: typer.Typer) -> None:
    """Add these verbs to *app*."""
    app.command()(call)
    app.command()(explain)
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


def explain(
    tool: str,
    arguments: Arguments = None,
    caller: As = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Say what each layer would decide about a call, without running it."""
    params: dict[str, Json] = {"tool": tool, "arguments": read_object(arguments), "caller": caller}
    result = _record(ask("explain", params, data_dir=data_dir, config=config))
    if output is Format.JSON:
        return show_result(result, output)
    decisions = result["decisions"]
    for decision in decisions if isinstance(decisions, list) else ():
        one = _record(decision)
        OUT.print(f"{one['layer']!s:<12} {one['verdict']!s:<8} [dim]{one['micros']} µs[/]")
    return show_result(result, output)


def scan(
    file: Annotated[str | None, typer.Argument(metavar="[FILE | -]")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help='Read rows {"id", "text"}.')] = False,  # noqa: FBT002 -- a flag
    direction: Annotated[str, typer.Option(help="in: as arguments; out: as a tool's output.")] = "out",
    clean: Annotated[bool, typer.Option("--clean", help="Print the cleaned text instead of findings.")] = False,  # noqa: FBT002 -- a flag
) -> int:
    """Look for secrets, hidden text, orders to a model; note personal data. Findings are JSON lines, without the text.

    Exit 1 on any, but for notes of personal data.
    """
    from ..assembly import (  # noqa: PLC0415 -- the other verbs need not load the detectors here
        build_layers,
        open_cleaning,
        shared_artifacts,
    )
    from ..scanning import Scanner  # noqa: PLC0415 -- as above

    if direction not in ("in", "out"):
        raise InvalidRequest("`--direction` is `in` or `out`")
    where = Where.ARGUMENTS if direction == "in" else Where.OUTPUT
    found = 0
    with ExitStack() as stack:
        scanner = Scanner(build_layers(kept=shared_artifacts(None), cleaning=open_cleaning(stack)))
        for name, text in _rows(read_text(file)) if jsonl else [(None, read_text(file))]:
            scanned = scanner.look(text, where)
            found += sum(each.layer != "pii" or each.action is not Action.ANNOTATE for each in scanned.findings)
            if clean:
                _write_clean(name, scanned.text)
            else:
                _write_findings(name, scanned.findings)
    return 1 if found else 0


def _write_clean(name: Json, text: str) -> None:
    if name is None:
        sys.stdout.write(text)
    else:
        sys.stdout.write(json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n")


def _write_findings(name: Json, findings: Iterable[Finding]) -> None:
    for finding in findings:
        row = finding_json(finding)
        shown = {key: row[key] for key in ("rule", "layer", "severity", "action", "start", "end", "seen_by")}
        sys.stdout.write(json.dumps(shown if name is None else {"id": name, **shown}) + "\n")


def _rows(text: str) -> Iterable[tuple[Json, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        row = parse(line)
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InvalidRequest(f"row {number} is not an object with `id` and `text`")
        yield row.get("id", number), str(row["text"])


def _record(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise InvalidRequest("the server answered something else than a record")
    return value
