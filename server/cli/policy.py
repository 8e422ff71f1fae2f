"""`holdfast policy`: check, test, explain and show the schema, without touching any state."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import Json

from ..data_dir import find_data_dir
from ..policies import PROFILES, read_policy_files
from ..terminal import OUT, TALK, plain
from . import explaining, proving
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask, settings_of
from .reading import read_value
from .rendering import show_json

group = typer.Typer(no_args_is_help=True)
DirOption = Annotated[Path | None, typer.Option("--dir", help="Policy folder. Default: the configured one.")]
ProfileOption = Annotated[str | None, typer.Option(help="One profile only: readonly, supervised or autonomous.")]

group.command("explain")(explaining.explain)
group.add_typer(proving.group, name="prove")


@group.command()
def check(
    folder: DirOption = None,
    profile: ProfileOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Load each profile: syntax, annotations, types against the tools, and its cases. Exit 2 when one does not hold."""
    from holdfast.safety.policy import PolicyBundle  # noqa: PLC0415 -- the other verbs need not load the engine

    from ..assembly import builtin_specs  # noqa: PLC0415 -- as above

    configured = folder or settings_of(config, find_data_dir(data_dir)).policy.dir
    sources, cases = read_policy_files(configured)
    rows: list[Json] = []
    for name in PROFILES if profile is None else (profile,):
        bundle = PolicyBundle.load(sources, cases, profile=name, specs=builtin_specs())
        rows.append(
            {
                "profile": name,
                "digest": str(bundle.digest),
                "policies": [policy.id for policy in bundle.policies],
                "warnings": list(bundle.warnings),
            }
        )
        if output is Format.TEXT:
            OUT.print(f"[green]ok[/]  {name}: {len(bundle.policies)} policies, cases pass  [dim]{bundle.digest}[/]")
            for warning in bundle.warnings:
                TALK.print(f"  [yellow]warning[/]: {plain(warning)}")
    if output is Format.JSON:
        show_json(rows)
    return 0


group.command("test")(check)


@group.command()
def reload(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Have the running server read its policy folder again. Exit 2 when the set does not load; the old one stays."""
    answer = ask("policy.reload", {}, data_dir=data_dir, config=config)
    if output is Format.JSON:
        show_json(answer)
    elif isinstance(answer, dict):
        same = " (as before)" if answer["before"] == answer["after"] else ""
        OUT.print(f"[green]loaded[/]  {answer['profile']}: {answer['after']}{same}")
    return 0


@group.command()
def schema(data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Print the Cedar schema of the tools that are registered now."""
    answer = ask("policy.schema", {}, data_dir=data_dir, config=config)
    sys.stdout.write(f"{answer}\n")
    return 0


@group.command()
def digest(
    value: Annotated[
        str | None, typer.Argument(metavar="[JSON | @FILE | -]", help="The value of one argument.")
    ] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Print the digest that policy sees of an argument without a type: `context.input.<argument>.digest`."""
    answer = ask("policy.digest", {"value": read_value(value)}, data_dir=data_dir, config=config)
    sys.stdout.write(f"{answer}\n")
    return 0
