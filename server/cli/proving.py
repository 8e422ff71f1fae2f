"""`holdfast policy prove`: questions to a solver, answered with a proof, a call, or why there is neither."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holdfast.contracts import Json, OperatorError, Scope

from ..data_dir import find_data_dir
from ..policy_files import read_policy_files, read_policy_set
from ..terminal import OUT, counted, plain, visible
from .comparing import Place
from .options import ConfigOption, DataDirOption, Format, FormatOption, settings_of
from .policy_check import DirOption, ProfileOption, ToolsOption, specs_of
from .rendering import show_json

if TYPE_CHECKING:
    from ..policy_proofs import Files, Result

group = typer.Typer(
    no_args_is_help=True,
    help="Prove something of policies, or show a call for which it is not so. Needs `pip install 'holdfast[prove]'`."
    " Exit 0: proved; 1: a call was found; 2: an error; 3: neither.",
)
ToolOption = Annotated[list[str] | None, typer.Option("--tool", help="One tool only; several times for several.")]
TimeoutOption = Annotated[
    float, typer.Option(min=0.1, max=600, help="Seconds for each question to the solver; there are a few a tool.")
]
SaveOption = Annotated[
    Path | None, typer.Option(help="Write the first call that is found there, as a case file for `explain --call`.")
]
_COLOURS = {"proved": "green", "counterexample": "red", "outside": "yellow", "unknown": "yellow"}


@group.command("unapproved")
def unapproved(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    folder: DirOption = None,
    profile: ProfileOption = None,
    tool: ToolOption = None,
    tools: ToolsOption = None,
    timeout: TimeoutOption = 5.0,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    save: SaveOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Prove that policy lets no unapproved tool be called; says also what other layers see to."""
    from ..policy_proofs import prove_unapproved, read_sets  # noqa: PLC0415 -- the other verbs need not load the solver

    sets = read_sets([_files(folder, data_dir, config)], profile, specs_of(tools, data_dir, config))
    return _shown(
        (prove_unapproved(judge, name, tool or [], _ms(timeout)) for name, (judge,) in sets.items()), output, save
    )


@group.command("scope")
def scope(  # noqa: PLR0913, PLR0917 -- as above
    missing: Annotated[Scope, typer.Argument(help="The scope that the principal does not have.")],
    folder: DirOption = None,
    profile: ProfileOption = None,
    tool: ToolOption = None,
    tools: ToolsOption = None,
    timeout: TimeoutOption = 5.0,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    save: SaveOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Prove that nobody without a scope reaches a tool."""
    from ..policy_proofs import prove_scope, read_sets  # noqa: PLC0415 -- as above

    sets = read_sets([_files(folder, data_dir, config)], profile, specs_of(tools, data_dir, config))
    return _shown(
        (prove_scope(judge, name, tool or [], missing, _ms(timeout)) for name, (judge,) in sets.items()), output, save
    )


@group.command("never")
def never(  # noqa: PLR0913, PLR0917 -- as above
    when: Annotated[str, typer.Option("--when", help="A Cedar expression, as after `when`.")],
    folder: DirOption = None,
    profile: ProfileOption = None,
    tool: ToolOption = None,
    tools: ToolsOption = None,
    timeout: TimeoutOption = 5.0,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    save: SaveOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Prove that no call runs for which a Cedar expression holds."""
    from ..policy_proofs import prove_never, read_sets  # noqa: PLC0415 -- as above

    sets = read_sets([_files(folder, data_dir, config)], profile, specs_of(tools, data_dir, config))
    return _shown(
        (prove_never(judge, name, tool or [], when, _ms(timeout)) for name, (judge,) in sets.items()), output, save
    )


@group.command("no-wider")
def no_wider(  # noqa: PLR0913, PLR0917 -- as above
    old: Annotated[str, typer.Argument(help=Place)],
    new: Annotated[str, typer.Argument(help=Place)],
    profile: ProfileOption = None,
    tool: ToolOption = None,
    tools: ToolsOption = None,
    timeout: TimeoutOption = 5.0,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    save: SaveOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Prove that NEW lets no call run, be asked for, or be leased that OLD does not."""
    from ..policy_proofs import prove_no_wider, read_sets  # noqa: PLC0415 -- as above

    sets = read_sets([read_policy_set(old), read_policy_set(new)], profile, specs_of(tools, data_dir, config))
    rows = (prove_no_wider(before, after, name, tool or [], _ms(timeout)) for name, (before, after) in sets.items())
    return _shown(rows, output, save)


def _files(folder: Path | None, data_dir: Path | None, config: Path | None) -> "Files":
    return read_policy_files(folder or settings_of(config, find_data_dir(data_dir)).policy.dir)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _shown(results: "Iterable[Result]", output: Format, save: Path | None) -> int:
    from ..policy_proofs import record  # noqa: PLC0415 -- as above

    exits: list[int] = []
    rows: list[Json] = []
    for result in results:
        exits.append(result.exit)
        row = record(result)
        rows.append(row)
        if save is not None and isinstance(row, Mapping) and "file" in row:
            _save(save, str(row["file"]))
            save = None
        if output is Format.TEXT and isinstance(row, Mapping):
            _print(row)
    if output is Format.JSON:
        show_json(rows)
    return 1 if 1 in exits else max(exits, default=0)


def _save(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"cannot write `{file}`: {type(error).__name__}") from None


def _print(row: Mapping[str, Json]) -> None:
    answer = str(row["answer"])
    OUT.print(
        f"[{_COLOURS[answer]}]{answer}[/]  {plain(str(row['profile']))}: {plain(str(row['says']))}"
        f"  [dim]{_counted(row, 'tools', 'tool')}, {_counted(row, 'policies', 'policy')}[/]"
    )
    for key in ("cannot_encode", "taken_for_anything"):
        for odd in _records(row.get(key)):
            OUT.print(
                f"  {key.replace('_', ' ')}: {plain(str(odd['construct']))},"
                f" `{plain(str(odd['file']))}` line {odd['line']}, policy `{plain(str(odd['policy']))}`"
            )
    if "why" in row:
        OUT.print(f"  tool `{plain(str(row['tool']))}`: {plain(str(row['why']))}")
    if isinstance(decided := row.get("decided"), Mapping):
        for name, said in decided.items():
            OUT.print(f"  the engine, asked about the call below ({name}): {plain(str(said))}")
        sys.stdout.write(visible(str(row["file"])) + "\n")
    for key in ("assuming", "elsewhere"):
        for said in _list(row.get(key)):
            OUT.print(f"  [dim]{key}: {plain(str(said))}[/]")


def _counted(row: Mapping[str, Json], key: str, one: str) -> str:
    count = row[key]
    return counted(count if isinstance(count, int) else 0, one, key)


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list) else ()


def _records(value: Json) -> Iterable[Mapping[str, Json]]:
    return (one for one in _list(value) if isinstance(one, Mapping))
