"""`holdfast policy check` and `test`: what is wrong with a policy folder, and whether its cases hold."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import HoldfastError, InvalidRequest, ToolSpec

from ..data_dir import find_data_dir
from ..policies import PROFILES
from ..policy_files import read_policy_files
from ..policy_tools import RUNNING, read_file, read_tools
from ..terminal import TALK, plain
from ..watching import watch as watch_files
from .options import ConfigOption, DataDirOption, ask, settings_of
from .policy_shown import audit_json, run_json, show_audit, show_run
from .rendering import show_json

CHECKED, FAILED, BROKEN = 0, 1, 2
DirOption = Annotated[Path | None, typer.Option("--dir", help="Policy folder. Default: the configured one.")]
ProfileOption = Annotated[str | None, typer.Option(help="One profile only. Default: every profile of the folder.")]
ToolsOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE | running | URL",
        help="The tools: a JSON file of them, those of the running server, or those of the server at that address"
        " (with the token in $HOLDFAST_TOKEN). Default: the built-in.",
    ),
]


class CheckFormat(StrEnum):
    """How `check` prints."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class RunFormat(StrEnum):
    """How `test` prints."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is looked at."""

    folder: Path | None
    sources: Mapping[str, str]
    cases: Mapping[str, str]
    profiles: tuple[str, ...]
    specs: Sequence[ToolSpec]


def register(group: typer.Typer) -> None:
    """Add these verbs to *group*."""
    group.command()(check)
    group.command("test")(run_cases)


def check(
    folder: DirOption = None,
    profile: ProfileOption = None,
    tools: ToolsOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on warnings.")] = False,  # noqa: FBT002 -- a flag
    thorough: Annotated[bool, typer.Option("--thorough", help="Ask the solver as often as needed.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: Annotated[CheckFormat, typer.Option("--format", help="sarif for code review.")] = CheckFormat.TEXT,
) -> int:
    """Say everything that is wrong with a policy set, or looks it: all errors, then what probably is a mistake.

    Exit 0: no errors; 1: warnings, with `--strict`; 2: errors, and the set would not be loaded.
    """
    from holdfast.safety.policy import auditing  # noqa: PLC0415 -- the other verbs need not load the engine

    work = _gather(folder, profile, tools, data_dir, config)
    most = sys.maxsize if thorough else auditing.QUESTIONS
    audits = [
        auditing.audit(work.sources, work.cases, profile=name, specs=work.specs, questions=most)
        for name in work.profiles
    ]
    match output:
        case CheckFormat.TEXT:
            for one in audits:
                show_audit(one, strict=strict)
        case CheckFormat.JSON:
            show_json([audit_json(one) for one in audits])
        case CheckFormat.SARIF:
            log = auditing.sarif_log(audits, folder=_relative(work.folder), version=_version())
            sys.stdout.write(json.dumps(log, indent=2) + "\n")
    worst = {str(remark.severity) for one in audits for remark in one.remarks}
    return BROKEN if "error" in worst else FAILED if strict and "warning" in worst else CHECKED


def run_cases(  # noqa: PLR0913, PLR0917 -- one for each option
    folder: DirOption = None,
    profile: ProfileOption = None,
    tools: ToolsOption = None,
    only: Annotated[str, typer.Option("--filter", metavar="TEXT", help="Only cases with TEXT in their name.")] = "",
    least: Annotated[
        float, typer.Option("--min-coverage", min=0, max=100, help="Exit 1 if cases make fewer per cent apply.")
    ] = 0,
    watch: Annotated[bool, typer.Option("--watch", help="Run again when a file changes.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: Annotated[RunFormat, typer.Option("--format", help="junit for build servers.")] = RunFormat.TEXT,
) -> int:
    """Run every case and say which policies no case makes apply. Exit 1: a case fails, or too few apply; 2: no set."""

    def once() -> int:
        work = _gather(folder, profile, tools, data_dir, config)
        return _run_cases(work, only, least, output)

    if not watch:
        return once()
    root = folder or settings_of(config, find_data_dir(data_dir)).policy.dir
    if root is None:
        raise InvalidRequest("the shipped policies do not change; name a folder with `--dir`")

    def again() -> None:
        try:
            once()
        except HoldfastError as error:
            TALK.print(f"[red]error[/]: {plain(error.message)}")
        sys.stdout.flush()
        TALK.print("[dim]waiting for a change[/]")

    with suppress(KeyboardInterrupt):
        watch_files(root, again)
    return CHECKED


def _run_cases(work: _Work, only: str, least: float, output: RunFormat) -> int:
    from holdfast.safety.policy import auditing  # noqa: PLC0415 -- as above

    runs = [
        auditing.rehearse(work.sources, work.cases, profile=name, specs=work.specs, only=only) for name in work.profiles
    ]
    if only and not any(run.tried for run in runs):
        raise InvalidRequest("no case has the text of `--filter` in its name")
    match output:
        case RunFormat.TEXT:
            for run in runs:
                show_run(run, whole=not only)
        case RunFormat.JSON:
            show_json([run_json(run) for run in runs])
        case RunFormat.JUNIT:
            sys.stdout.write(auditing.junit_text(runs))
    low = [run for run in runs if run.coverage < least]
    for run in low:
        TALK.print(f"[red]low[/]  {run.profile}: {run.coverage:.0f} % of the policies apply in a case, not {least:g} %")
    return FAILED if low or any(run.failed for run in runs) else CHECKED


def _gather(
    folder: Path | None, profile: str | None, tools: str | None, data_dir: Path | None, config: Path | None
) -> _Work:
    configured = folder or settings_of(config, find_data_dir(data_dir)).policy.dir
    sources, cases = read_policy_files(configured)
    own = {name.partition("/")[0] for name in sources if "/" in name}
    every = (*(name for name in PROFILES if name in own), *sorted(own - set(PROFILES)))
    profiles = (profile,) if profile is not None else every or PROFILES[:1]
    return _Work(
        folder=configured,
        sources=sources,
        cases=cases,
        profiles=profiles,
        specs=specs_of(tools, data_dir, config),
    )


def specs_of(tools: str | None, data_dir: Path | None, config: Path | None) -> Sequence[ToolSpec]:
    """The tools that `--tools` names."""
    from ..assembly import builtin_specs  # noqa: PLC0415 -- as above
    from ..policy_remote import is_url, remote_tools  # noqa: PLC0415 -- as above

    if tools is None:
        return builtin_specs()
    if tools == RUNNING:
        return read_tools(ask("policy.tools", {}, data_dir=data_dir, config=config), "the running server")
    if is_url(tools):
        return asyncio.run(remote_tools(tools))
    named = read_file(Path(tools))
    return (*(spec for spec in builtin_specs() if spec.name not in {one.name for one in named}), *named)


def _relative(folder: Path | None) -> str:
    """*folder* as a path inside the repository this runs in; empty when it is outside."""
    if folder is None:
        return ""
    whole, here = folder.resolve(), Path.cwd().resolve()
    return whole.relative_to(here).as_posix().removeprefix(".") if whole.is_relative_to(here) else ""


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 -- only this format needs it

    return version("holdfast")
