"""`holdfast python`, `holdfast javascript`: one program, sealed, and nothing else: no policy, no record, no state."""

import asyncio
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from holdfast.contracts import (
    Completed,
    Failed,
    InvalidRequest,
    Json,
    Limits,
    OperatorError,
    Outcome,
    Reason,
    Refused,
    Stopped,
    TenantId,
)
from holdfast.contracts.json_values import parse
from holdfast.contracts.limits import JAVASCRIPT, JAVASCRIPT_CEILING, MIB, PYTHON, PYTHON_CEILING

from ..terminal import TALK, plain, visible
from .options import Format, FormatOption
from .reading import bounded, read_text
from .rendering import show_json

if TYPE_CHECKING:
    from holdfast.sandbox.wasm.interpreter.sources import Sources

_TENANT = TenantId("local")
_EXIT_TOOL = 3
_FILE_BYTES = 2 * MIB


def register(app: typer.Typer) -> None:
    """Add these verbs to *app*."""
    app.command()(python)
    app.command()(javascript)


_File: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[FILE | -]", help="The program; standard input if absent.")
]
_Given: TypeAlias = Annotated[
    str | None, typer.Option("--input", metavar="JSON", help="JSON that it is given as input.")
]
_Files: TypeAlias = Annotated[
    list[str] | None, typer.Option("--file", metavar="[NAME=]PATH", help="A file it can read by that name.")
]
_WALL = "Milliseconds after which it is stopped."


def python(
    file: _File = None,
    given: _Given = None,
    files: _Files = None,
    wall_ms: Annotated[int, typer.Option(min=1, max=PYTHON_CEILING.wall_ms, help=_WALL)] = PYTHON.wall_ms,
    output: FormatOption = Format.TEXT,
) -> int:
    """Run untrusted Python sealed: no file but those you name, no network, nothing kept. Exit 3: it failed."""
    from ..interpreting import python_sources  # noqa: PLC0415 -- the other verbs need no sandbox

    program = _program(file, given, files, replace(PYTHON, wall_ms=wall_ms))
    return _shown(asyncio.run(_run(program, python_sources)), output)


def javascript(
    file: _File = None,
    given: _Given = None,
    files: _Files = None,
    wall_ms: Annotated[int, typer.Option(min=1, max=JAVASCRIPT_CEILING.wall_ms, help=_WALL)] = JAVASCRIPT.wall_ms,
    output: FormatOption = Format.TEXT,
) -> int:
    """Run untrusted JavaScript sealed: no file but those you name, no network, nothing kept. Exit 3: it failed."""
    from ..interpreting import javascript_sources  # noqa: PLC0415 -- the other verbs need no sandbox

    program = _program(file, given, files, replace(JAVASCRIPT, wall_ms=wall_ms))
    return _shown(asyncio.run(_run(program, javascript_sources)), output)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """What is run, and with what."""

    code: str
    given: Json
    files: Mapping[str, bytes]
    limits: Limits


def _program(file: str | None, given: str | None, files: Sequence[str] | None, limits: Limits) -> _Program:
    code = read_text(file)
    contents = dict(_named(one) for one in files or ())
    if sum(map(len, contents.values())) > _FILE_BYTES:
        raise InvalidRequest(f"the files are over {_FILE_BYTES // MIB} MiB together")
    return _Program(code=code, given=None if given is None else parse(given), files=contents, limits=limits)


def _named(text: str) -> tuple[str, bytes]:
    name, equals, path = text.partition("=")
    place = Path(path if equals else text)
    return name if equals else place.name, bounded(place, _FILE_BYTES)


async def _run(program: _Program, sources: "Callable[[], Sources]") -> Outcome:
    from holdfast.sandbox.wasm.runtime import WasmRuntime  # noqa: PLC0415 -- the other verbs need no sandbox

    from ..interpreting import open_interpreter  # noqa: PLC0415 -- as above

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-")))
        runtime = WasmRuntime(_no_modules, artifacts=folder / "native")
        stack.push_async_callback(runtime.close)
        opened = open_interpreter(stack, runtime, None, say=_say, sources=sources, may_download=True)
        if isinstance(opened, Reason):
            raise OperatorError(opened.message, remedy=opened.remedy)
        await opened.prepare()
        return await opened.run(
            program.code, given=program.given, files=program.files, tenant=_TENANT, limits=program.limits
        )


def _say(text: str) -> None:
    TALK.print(f"[dim]{plain(text)}[/]")


def _no_modules(_digest: object) -> bytes:
    raise OperatorError("this runs no modules")


def _shown(outcome: Outcome, output: Format) -> int:
    match outcome:
        case Completed(structured=dict() as said):
            if output is Format.JSON:
                show_json(said)
            else:
                _print(said)
            return _EXIT_TOOL if outcome.is_error else 0
        case Stopped(limit=limit):
            return _ended(output, "stopped", f"it reached its limit `{limit.value}`")
        case Failed(message=message):
            return _ended(output, "failed", message)
        case Refused(reason=reason):
            return _ended(output, "refused", reason.message)
        case Completed():
            return _ended(output, "failed", "it left no readable answer behind")


def _print(said: Mapping[str, Json]) -> None:
    value, error, files = said.get("value"), said.get("error"), said.get("files")
    sys.stdout.write(visible(str(said["stdout"])))
    if isinstance(value, Mapping):
        sys.stdout.write(visible(str(value["repr"])) + "\n")
    sys.stdout.flush()
    sys.stderr.write(visible(str(said["stderr"])))
    if isinstance(error, Mapping):
        sys.stderr.write(visible(str(error["traceback"])))
    for file in files if isinstance(files, list) else ():
        if isinstance(file, Mapping):
            TALK.print(f"[dim]wrote {plain(str(file['name']))} ({file['bytes']} bytes); `--format json` shows it[/]")


def _ended(output: Format, how: str, why: str) -> int:
    if output is Format.JSON:
        show_json({how: why})
    TALK.print(f"[yellow]{how}[/]: {plain(why)}")
    return _EXIT_TOOL
