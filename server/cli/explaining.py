"""`holdfast explain`: what would be decided about a call, by which rules and facts, and what would change that."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from holdfast.contracts import InvalidRequest, Json

from ..data_dir import find_data_dir
from ..policy_files import read_policy_files
from ..terminal import OUT, visible
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask, settings_of
from .reading import read_object, read_text
from .rendering import show_json, show_result

_CALL_ID: Final = re.compile(r"c_[0-9a-f]{24}")

Tool = Annotated[
    str | None, typer.Argument(metavar="[TOOL | CALL]", help="A tool, or the id of a call that was recorded.")
]
Arguments = Annotated[str | None, typer.Argument(metavar="[JSON | @FILE | -]", help="The arguments, a JSON object.")]
As = Annotated[str | None, typer.Option("--as", metavar="PRINCIPAL", help="Call as this principal, with scope `call`.")]
CallFile = Annotated[
    str | None,
    typer.Option("--call", metavar="FILE | -", help="Calls written as cases (YAML or JSON), judged without a server."),
]
Folder = Annotated[Path | None, typer.Option("--dir", help="With --call: the policy folder. Default: the configured.")]
Profile = Annotated[str | None, typer.Option(help="With --call: the profile. Default: the configured one.")]


def explain(  # noqa: PLR0913, PLR0917 -- one parameter for each option
    tool: Tool = None,
    arguments: Arguments = None,
    caller: As = None,
    call: CallFile = None,
    folder: Folder = None,
    profile: Profile = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Say what would be decided about a call, without running it, and why: rules, facts, the smallest change.

    TOOL and its arguments are judged by every layer of the server; a recorded CALL, and calls in a file, by policy.
    """
    if (tool is None) == (call is None):
        raise InvalidRequest("name a tool, the id of a recorded call, or a file with --call")
    if call is not None:
        return _cases(call, folder, profile, data_dir, config, output)
    assert tool is not None  # noqa: S101 -- one of the two is there; for the type checkers
    if arguments is None and _CALL_ID.fullmatch(tool):
        return _recorded(tool, data_dir, config, output)
    params: dict[str, Json] = {"tool": tool, "arguments": read_object(arguments), "caller": caller}
    result = _record(ask("explain", params, data_dir=data_dir, config=config))
    if output is Format.JSON:
        return show_result(result, output)
    decisions = result["decisions"]
    for decision in decisions if isinstance(decisions, list) else ():
        one = _record(decision)
        OUT.print(f"{one['layer']!s:<12} {one['verdict']!s:<8} [dim]{one['micros']} µs[/]")
    _say(result.get("policy"))
    return show_result(result, output)


def _recorded(call: str, data_dir: Path | None, config: Path | None, output: Format) -> int:
    answer = _record(ask("policy.recorded", {"call": call}, data_dir=data_dir, config=config))
    if output is Format.JSON:
        show_json(dict(answer))
        return 0
    then = _record(answer["then"])
    by = then["by"]
    named = ", ".join(map(str, by)) if isinstance(by, list) else ""
    OUT.print(f"{visible(call)}, {answer['at']}: {then['decision']} by {named} [dim]{then['policy']}[/]")
    if isinstance(gate := answer.get("gate"), Mapping):
        lifted = gate["lifted"]
        spent = f", with {', '.join(map(str, lifted))} lifted" if isinstance(lifted, list) and lifted else ""
        OUT.print(f"at the gate: {gate['decision']}{spent}")
    OUT.print(f"now [dim]{answer['judged_now_by']}[/]")
    if answer["policy"] is None:
        OUT.print("its arguments could not be kept, so nothing more can be said of it")
    _say(answer["policy"])
    return 0


def _cases(
    file: str, folder: Path | None, profile: str | None, data_dir: Path | None, config: Path | None, output: Format
) -> int:
    from holdfast.safety.policy.explaining import Files  # noqa: PLC0415 -- the other verbs need not load the engine

    from ..accounts import accounts_of_cases  # noqa: PLC0415 -- as above
    from ..assembly import builtin_specs  # noqa: PLC0415 -- as above

    settings = settings_of(config, find_data_dir(data_dir)).policy
    sources, cases = read_policy_files(folder or settings.dir)
    name = "standard input" if file == "-" else file
    files, wanted = Files(sources=sources, cases=cases), profile or settings.profile
    found = accounts_of_cases(read_text(file), name, files, profile=wanted, specs=builtin_specs())
    if output is Format.JSON:
        show_json([{"name": name, **account} for name, account in found])
        return 0
    for name, account in found:
        OUT.print(f"[bold]{visible(name)}[/]", highlight=False)
        _say(account)
    return 0


def _say(account: Json) -> None:
    """Print the sentences of *account*; values of arguments are escaped for the terminal."""
    said = account.get("says") if isinstance(account, Mapping) else None
    sentences: Iterable[Json] = said if isinstance(said, list) else ()
    for sentence in sentences:
        OUT.print(visible(str(sentence)), markup=False, highlight=False, soft_wrap=True)


def _record(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise InvalidRequest("the server answered something else than a record")
    return value
