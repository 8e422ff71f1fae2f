"""`holdfast tools`: sandboxed tools from their folder to the catalogue."""

import asyncio
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from holdfast.contracts import InvalidRequest, Json, OperatorError

from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import bounded, read_object
from .rendering import show, show_json, show_result

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("name", "kind", "version", "state", "effects", "description")
MAX_MODULE_BYTES = 64 << 20


@group.command("list")
def list_tools(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Show every tool, pending ones too."""
    show(ask("tools.list", {}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command("show")
def show_one(name: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Show one tool: schema, effects, limits, where it runs, its digest."""
    show_json(ask("tools.show", {"name": name}, data_dir=data_dir, config=config))
    return 0


@group.command()
def add(
    folder: Annotated[Path, typer.Argument(help="A folder with tool.toml and its module.")],
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Register a tool. It is scanned, compiled in a confined process, and pending until it is approved.

    A module that is not there is assembled from the `.wat` text of the same name, in a confined process too.
    """
    manifest = _bytes(folder / "tool.toml", MAX_MODULE_BYTES).decode("utf-8", "replace")
    module = _module(folder / _module_name(manifest))
    with tempfile.NamedTemporaryFile(prefix="holdfast-module-") as handed:
        # By file: a module may be larger than a request to the admin socket. Only this user can open it.
        handed.write(module)
        handed.flush()
        params: dict[str, Json] = {"manifest": manifest, "module_file": handed.name}
        answer = ask("tools.add", params, data_dir=data_dir, config=config)
    if output is Format.JSON or not isinstance(answer, dict):
        show_json(answer)
        return 0
    TALK.print(f"registered [bold]{answer['name']}[/] {answer['version']} as {answer['state']}")
    notes = answer.get("notes")
    for note in notes if isinstance(notes, list) else ():
        TALK.print(f"  [dim]=[/] {plain(str(note))}")
    TALK.print(f"  [dim]=[/] next: holdfast tools approve {answer['name']}")
    return 0


@group.command("try")
def try_tool(
    name: str,
    arguments: Annotated[str | None, typer.Argument(metavar="[JSON | @FILE | -]")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Call a tool, a pending one too, as the operator."""
    params: dict[str, Json] = {"name": name, "arguments": read_object(arguments)}
    result = ask("tools.try", params, data_dir=data_dir, config=config)
    if not isinstance(result, dict):
        raise InvalidRequest("the server answered something else than a result")
    return show_result(result, output)


@group.command()
def approve(
    name: str,
    definition: Annotated[str | None, typer.Option(help="The digest that `tools show` printed.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Let a pending tool be called: exactly the definition that was looked at."""
    ask("tools.approve", {"name": name, "definition": definition}, data_dir=data_dir, config=config)
    TALK.print(f"approved {plain(name)}")
    return 0


@group.command()
def rollback(name: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Go back to the version that was approved before."""
    ask("tools.rollback", {"name": name}, data_dir=data_dir, config=config)
    TALK.print(f"rolled back {plain(name)}")
    return 0


@group.command()
def remove(name: str, data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Take a tool away, pending or approved."""
    ask("tools.remove", {"name": name}, data_dir=data_dir, config=config)
    TALK.print(f"removed {plain(name)}")
    return 0


@group.command()
def inspect(
    file: Annotated[Path, typer.Argument(help="A .wasm file, or .wat text.")],
) -> int:
    """Say what a module is: ABI, imports, exports, sizes, digest. Nothing of it runs."""
    from ..inspecting import inspect_module  # noqa: PLC0415 -- loads the WASM part

    show_json(asyncio.run(inspect_module(_bytes(file, MAX_MODULE_BYTES))))
    return 0


def _module(path: Path) -> bytes:
    text = path.with_suffix(".wat")
    if path.exists() or not text.is_file():
        return _bytes(path, MAX_MODULE_BYTES)
    from ..inspecting import assemble_module  # noqa: PLC0415 -- loads the WASM part

    return asyncio.run(assemble_module(_bytes(text, MAX_MODULE_BYTES).decode("utf-8", "replace")))


def _module_name(manifest: str) -> str:
    """The module a manifest names: a file beside it, nothing else. The server checks the manifest itself."""
    try:
        tool: Any = tomllib.loads(manifest).get("tool")
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"`tool.toml` is not TOML: {error}") from None
    name: Any = cast("dict[str, Any]", tool).get("module") if isinstance(tool, dict) else None
    if not isinstance(name, str) or Path(name).name != name:
        raise OperatorError("`tool.toml` needs `[tool] module`, a file name beside it")
    return name


def _bytes(path: Path, most: int) -> bytes:
    data = bounded(path, most)
    if len(data) > most:
        raise OperatorError(f"`{path}` is over {most} bytes")
    return data
