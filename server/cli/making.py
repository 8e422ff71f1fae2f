"""`holdfast tools new`, `build` and `inspect`: a tool on its author's desk, with no server and no data directory."""

import asyncio
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from holdfast.contracts import InvalidRequest, Json, OperatorError
from holdfast.contracts.specs import TOOL_NAME
from holdfast.tools.abi import LANGUAGES as ENDINGS
from holdfast.tools.cases import CASES_BYTES, CASES_FILE, Case, read_cases
from holdfast.tools.manifest import MANIFEST_BYTES

from ..data_dir import user_cache
from ..terminal import OUT, TALK, plain
from .options import Format, FormatOption
from .reading import read_object, whole
from .rendering import show_json
from .tools import MAX_MODULE_BYTES, module_name, module_of, signature_in, source_of, written_beside

LANGUAGES: Final = ("python", "c", "zig", "js", "wat")
_EXIT_REFUSED: Final = 1
_EXIT_TOOL: Final = 3
_SHOWN: Final = 4000
_NAME: Final = "{{name}}"


def register(group: typer.Typer) -> None:
    """Add these verbs to *group*."""
    group.command()(new)
    group.command()(build)
    group.command()(inspect)


def new(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet; its name is the tool's.")],
    lang: Annotated[str, typer.Option("--lang", help=" | ".join(LANGUAGES))],
) -> int:
    """Write a small tool that works: manifest, source, cases."""
    name = folder.name.replace("-", "_")
    if lang not in LANGUAGES:
        raise InvalidRequest(f"`--lang` is one of {', '.join(LANGUAGES)}")
    if not TOOL_NAME.fullmatch(name) or not name.isidentifier():
        raise InvalidRequest("the folder's name is the tool's: letters, digits, `_` and `-`, beginning with a letter")
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise OperatorError(f"`{folder}` is there already, and nothing was changed") from None
    for entry in files("holdfast.tools").joinpath("templates", lang).iterdir():
        place = folder / entry.name.replace(_NAME, name).removesuffix(".txt")
        text = entry.read_text(encoding="utf-8").replace(_NAME, name).replace("{{function}}", name)
        place.write_text(text, encoding="utf-8")
    TALK.print(f"made [bold]{plain(name)}[/] in {plain(str(folder))}")
    TALK.print(f"  [dim]=[/] next: holdfast tools build {plain(str(folder))}")
    return 0


def build(
    folder: Annotated[Path, typer.Argument(help="A folder with tool.toml, its source, and perhaps cases.toml.")],
    output: FormatOption = Format.TEXT,
) -> int:
    """Build a tool, confined and offline, write its digest into tool.toml, and try its cases, sealed.

    Exit 1: it does not build. Exit 3: a case failed.
    """
    from holdfast.sandbox.building import BuildRefused  # noqa: PLC0415 -- loads the sandbox

    try:
        answer = asyncio.run(_build(folder, _say if output is Format.TEXT else _say_nothing))
    except BuildRefused as error:
        if output is Format.JSON:
            show_json({"state": "refused", "reason": error.message, "said": error.said})
            return _EXIT_REFUSED
        TALK.print(f"[red]refused[/]: {plain(error.message)}")
        TALK.print(plain(error.said[:_SHOWN]))
        return _EXIT_REFUSED
    if output is Format.JSON:
        show_json(answer)
    else:
        _show_build(answer)
    return 0 if answer["state"] == "built" else _EXIT_TOOL


def inspect(
    file: Annotated[Path, typer.Argument(help="A .wasm file, .wat or source text, or a folder with tool.toml.")],
    sample: Annotated[
        str | None, typer.Option(metavar="JSON | @FILE | -", help="Arguments of a call to try, sealed.")
    ] = None,
) -> int:
    """Say what a tool is: ABI, imports, exports, sizes, digest, what it asks for, who signed it.

    Nothing of it runs, but source text is imported, sealed, and there is one sealed call with `--sample`, or with the
    first case of a folder.
    """
    from ..inspecting import inspect_folder, inspect_module, inspect_source  # noqa: PLC0415 -- loads the WASM part

    arguments = None if sample is None else read_object(sample)
    if file.suffix in ENDINGS and not file.is_dir():
        beside = written_beside(file)
        show_json(asyncio.run(inspect_source(source_of(file), file.name, written=beside, sample=arguments)))
        return 0
    if not file.is_dir():
        show_json(asyncio.run(inspect_module(whole(file, MAX_MODULE_BYTES), sample=arguments)))
        return 0
    cases = cases_in(file)
    given = arguments if arguments is not None or not cases else dict(cases[0].arguments)
    manifest = whole(file / "tool.toml", MANIFEST_BYTES).decode("utf-8", "replace")
    module = module_of(file / module_name(manifest))
    show_json(asyncio.run(inspect_folder(manifest, module, signature=signature_in(file), sample=given)))
    return 0


def _show_build(answer: Mapping[str, Json]) -> None:
    OUT.print(plain(f"{answer['digest']} {answer['abi']} {answer['bytes']} bytes in {answer['build_ms']} ms"))
    cases, notes = answer["cases"], answer["notes"]
    for note in notes if isinstance(notes, list) else ():
        TALK.print(f"  [dim]=[/] {plain(str(note))}")
    for case in cases if isinstance(cases, list) else ():
        if isinstance(case, Mapping):
            mark = "[green]ok[/]" if case["passed"] else "[red]failed[/]"
            used = f"fuel {case['fuel']}, {case['wall_ms']} ms"
            OUT.print(f"{mark} {plain(str(case['name']))} [dim]({used})[/]")
            if not case["passed"]:
                OUT.print(f"  {plain(str(case['why']))}; it answered: {plain(str(case['answered']))}")
    if not cases:
        TALK.print(f"  [dim]=[/] no cases: write {CASES_FILE} to hold it to what it must answer")


def _say(text: str) -> None:
    TALK.print(f"  [dim]=[/] {plain(text)}")


def _say_nothing(_text: str) -> None:
    """Nobody reads it."""


def cases_in(folder: Path) -> tuple[Case, ...]:
    """The cases beside a manifest; none when there is no such file. Raises: OperatorError."""
    file = folder / CASES_FILE
    if not file.exists():
        return ()
    return read_cases(whole(file, CASES_BYTES).decode("utf-8", "replace"))


async def _build(folder: Path, say: Callable[[str], None]) -> dict[str, Json]:
    from holdfast.sandbox.building import language_of  # noqa: PLC0415 -- loads the sandbox

    from ..workbench import Workbench, open_builder, written  # noqa: PLC0415 -- as above

    manifest = whole(folder / "tool.toml", MANIFEST_BYTES).decode("utf-8", "replace")
    sources, cases = sources_in(folder), cases_in(folder)
    language = language_of(sources)
    if language is None:
        raise OperatorError("the folder must hold source of one language: .c, .zig, .wat, .py or .js")
    name = module_name(manifest)
    async with AsyncExitStack() as stack:
        bench = await Workbench.open(stack)
        builder = await open_builder(stack, bench, _cache(stack), say=say)
        built = await bench.build(builder, language, sources, manifest)
        _write(folder / name, built.module)
        _write(folder / "tool.toml", built.manifest.encode("utf-8"))
        made = await bench.prove(built, cases)
    return {"state": "built" if made.passed else "failed", **written(made)}


def sources_in(folder: Path) -> dict[str, bytes]:
    """The source files of *folder*: regular ones with the endings of a source, no links, no hidden folders.

    Raises: OperatorError when they are too many or too large.
    """
    from holdfast.sandbox.building import MOST_SOURCE_BYTES, MOST_SOURCES, is_source  # noqa: PLC0415 -- as above

    found: dict[str, bytes] = {}
    for path in _files(folder, depth=3):
        name = path.relative_to(folder).as_posix()
        if not is_source(name):
            continue
        found[name] = whole(path, MOST_SOURCE_BYTES)
        if len(found) > MOST_SOURCES:
            raise OperatorError(f"a tool's source is at most {MOST_SOURCES} files")
    return found


def _files(folder: Path, *, depth: int) -> Iterator[Path]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise OperatorError(f"cannot read `{folder}`: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            yield Path(entry.path)
        elif stat.S_ISDIR(mode) and depth:
            yield from _files(Path(entry.path), depth=depth - 1)


def _cache(stack: AsyncExitStack) -> Path:
    place = user_cache()
    if place is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-build-cache-")))
    return place[0] / "build"


def _write(path: Path, data: bytes) -> None:
    """Put *data* at *path* by renaming a new file into place, so that no link is written through."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(data)
    draft.replace(path)
