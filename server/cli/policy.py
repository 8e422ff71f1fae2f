"""`holdfast policy`: check, test, explain and show the schema, without touching any state."""

import sys
from typing import Annotated

import typer

from ..data_dir import find_data_dir
from ..terminal import OUT
from . import comparing, explaining, policy_check, proving
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import read_value
from .rendering import show, show_json

group = typer.Typer(no_args_is_help=True)

group.command("explain")(explaining.explain)
group.command("diff")(comparing.diff)
group.command("replay")(comparing.replay)
group.add_typer(proving.group, name="prove")
policy_check.register(group)


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
def observed(data_dir: DataDirOption = None, output: FormatOption = Format.TEXT) -> int:
    """Show what rules that are only observed would have stopped, from the record: `[policy] mode` and `observe`."""
    from ..observations import observations  # noqa: PLC0415 -- the other verbs need not load the record

    show(observations(find_data_dir(data_dir)), output, ("calls", "layer", "would", "rules", "tools", "last", "call"))
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
