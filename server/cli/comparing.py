"""`holdfast policy diff` and `replay`: what a change of policy would change, over recorded and made calls."""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.contracts import Json

from ..data_dir import find_data_dir
from ..terminal import OUT, TALK, counted, visible
from .options import ConfigOption, DataDirOption, Format, FormatOption, settings_of
from .policy_check import ToolsOption, specs_of
from .rendering import show_json

if TYPE_CHECKING:
    from ..policy_history import History

_UNJUDGED = 3
Place = "A policy folder, or REVISION:FOLDER of the git repository here."
SinceOption = Annotated[
    str | None, typer.Option(help="Only recorded calls since then: 30m, 24h, 7d, or a date. Default: all.")
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Ask that server for recorded calls and tools, with the token in $HOLDFAST_TOKEN (scope policy:read).",
    ),
]
ProfileOption = Annotated[str | None, typer.Option(help="One profile only: readonly, supervised or autonomous.")]


def diff(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    old: Annotated[str, typer.Argument(help=Place)],
    new: Annotated[str, typer.Argument(help=Place)],
    profile: ProfileOption = None,
    since: SinceOption = None,
    most: Annotated[int, typer.Option(min=1, max=100_000, help="Calls made for one tool, at most.")] = 2000,
    tools: ToolsOption = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Compare two sets over recorded calls and calls made from the schema. Exit 1: NEW lets more; 3: not all opened."""
    from ..policy_files import read_policy_set  # noqa: PLC0415 -- the other verbs need not load the engine
    from ..policy_history import diff as compare  # noqa: PLC0415 -- as above

    history = _history(server, since, data_dir, config)
    named = server if tools is None else tools
    specs = () if named is None else specs_of(named, data_dir, config)
    reports, code = compare(
        read_policy_set(old), read_policy_set(new), history, profile=profile, most=most, tools=specs
    )
    code = code or _unopened(history)
    if output is Format.JSON:
        show_json(reports)
        return code
    for report in reports:
        if isinstance(report, Mapping):
            _show_diff(report)
    return code


def replay(
    candidate: Annotated[str, typer.Argument(help=Place)],
    since: SinceOption = None,
    server: ServerOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Judge recorded calls by another set. Exit 1: it would have let more happen; 3: some calls do not open."""
    from ..policy_files import read_policy_set  # noqa: PLC0415 -- as above
    from ..policy_history import replay as judge  # noqa: PLC0415 -- as above

    history = _history(server, since, data_dir, config)
    reports, code = judge(read_policy_set(candidate), history)
    code = code or _unopened(history)
    if output is Format.JSON:
        show_json(reports)
        return code
    for report in reports:
        if isinstance(report, Mapping):
            _show_replay(report)
    if not reports and not history.unopened:
        _print('no calls are recorded; `[policy] record = "redacted"` records them from then on')
    return code


def _history(server: str | None, since: str | None, data_dir: Path | None, config: Path | None) -> "History":
    """What is recorded in the data directory, or by the *server*."""
    from ..policy_history import read_history, since_of  # noqa: PLC0415 -- as above
    from ..policy_remote import remote_history  # noqa: PLC0415 -- as above

    begin = since_of(since, time.time())
    if server is not None:
        return asyncio.run(remote_history(server, begin))
    root = find_data_dir(data_dir)
    return asyncio.run(read_history(root, settings_of(config, root).store, begin))


def _unopened(history: "History") -> int:
    """Say how many calls nobody can judge again; the exit code that this alone has."""
    if not history.unopened:
        return 0
    calls = counted(history.unopened, "recorded call does", "recorded calls do")
    TALK.print(f"[red]{calls} not open[/]: sealed with another key than `keys/decision-inputs`, or changed since")
    return _UNJUDGED


def _show_diff(report: Mapping[str, Json]) -> None:
    counts = report["counts"]
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count) if isinstance(counts, dict) else ""
    _print(f"{report['profile']}: {said or 'nothing is decided otherwise'}")
    _print(f"  {_calls(report['recorded'])}, {report['made']} made")
    _unclear(report)
    for one in _records(report.get("not_all_made")):
        _print(f"  not every call of `{one['tool']}` was made ({one['calls']}): {one['why']}")
    if report.get("not_all_made"):
        _print("  `holdfast policy prove no-wider OLD NEW` answers for every call")
    for one in _records(report.get("differences")):
        before, after = one["before"], one["after"]
        named = f"recorded call {one['call']}" if one["call"] else "for example"
        mark = "WIDER " if one["wider"] else ""
        _print(f"\n  {mark}{one['kind']}: `{one['tool']}`: {_decided(before)} -> {_decided(after)}; {named}")
        sys.stdout.write("".join(f"    {line}\n" for line in visible(str(one["case"])).splitlines()))


def _show_replay(report: Mapping[str, Json]) -> None:
    changed = _records(report.get("changed"))
    others = len({str(one["call"]) for one in changed})
    _print(f"{report['profile']}: {_calls(report['recorded'])}, {report['same']} the same, {others} other")
    _unclear(report)
    for one in changed:
        mark = "WIDER " if one["wider"] else ""
        gate = " at the gate" if one["at_gate"] else ""
        what = f"{one['call']} {one['at']} {one['principal']} `{one['tool']}`{gate}"
        _print(f"  {mark}{what}: {_decided(one['then'])} -> {_decided(one['now'])}")


def _unclear(report: Mapping[str, Json]) -> None:
    for one in _records(report.get("not_reconstructed")):
        _print(f"  {_calls(one['calls'])} could not be reconstructed: {one['why']}")


def _calls(count: Json) -> str:
    return counted(count if isinstance(count, int) else 0, "recorded call")


def _decided(said: Json) -> str:
    if not isinstance(said, Mapping):
        return "?"
    by = said.get("by")
    return f"{said.get('decision')} ({', '.join(map(str, by))})" if isinstance(by, list) else str(said.get("decision"))


def _records(value: Json) -> list[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _print(text: str) -> None:
    OUT.print(visible(text), markup=False, highlight=False, soft_wrap=True)
