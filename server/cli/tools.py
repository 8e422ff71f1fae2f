"""`holdfast tools`: sandboxed tools from their folder to the catalogue."""

import asyncio
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from holdfast.contracts import InvalidRequest, Json, OperatorError
from holdfast.tools.abi import LANGUAGES
from holdfast.tools.drafting import WRITTEN_BYTES
from holdfast.tools.signatures import SIGNATURE_CHARACTERS, SIGNATURE_FILE

from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .reading import read_object, whole
from .rendering import show, show_json, show_result, show_text

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("name", "kind", "version", "state", "effects", "description")
MAX_MODULE_BYTES = 64 << 20
SOURCE_BYTES = 1 << 20
GrantOption = Annotated[
    list[str] | None,
    typer.Option(
        "--grant",
        help="Of source text: read:PATH, write:PATH, kv, tool:NAME, secret:NAME, http:[METHOD,…:]URL; may be repeated.",
    ),
]


@group.command("list")
def list_tools(data_dir: DataDirOption = None, config: ConfigOption = None, output: FormatOption = Format.TEXT) -> int:
    """Show every tool, pending ones and those in quarantine too."""
    show(ask("tools.list", {}, data_dir=data_dir, config=config), output, COLUMNS)
    return 0


@group.command("show")
def show_one(
    name: str,
    versions: Annotated[bool, typer.Option("--versions", help="Every version there is or was, instead.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Show one tool: schema, effects, limits, where it runs, its digest, who registered and who signed it."""
    verb = "tools.versions" if versions else "tools.show"
    show_json(ask(verb, {"name": name}, data_dir=data_dir, config=config))
    return 0


@group.command()
def add(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="DIR | FILE.py | FILE.js", help="A folder with tool.toml and its module, or source text."
        ),
    ],
    grant: GrantOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Register a tool. It is scanned, compiled in a confined process, and pending until it is approved.

    A module that is not there is assembled from the `.wat` text of the same name, in a confined process too. A
    signature is `tool.sig` beside the manifest. Of source text (`weather.py`, `weather.js`) the manifest is drafted and
    shown: name, schema and description are those of its function. What `weather.toml` beside it says stands.
    """
    if place.suffix in LANGUAGES and not place.is_dir():
        source = source_of(place)
        beside: dict[str, Json] = {"file": place.name, "manifest": written_beside(place), "grants": [*(grant or [])]}
        answer = _handed("tools.add-source", "source_file", source, beside, data_dir=data_dir, config=config)
    elif grant:
        raise InvalidRequest("`--grant` is for source text; a folder has its grants in tool.toml")
    else:
        manifest = whole(place / "tool.toml", MAX_MODULE_BYTES).decode("utf-8", "replace")
        module = module_of(place / module_name(manifest))
        params: dict[str, Json] = {"manifest": manifest, "signature": signature_in(place)}
        answer = _handed("tools.add", "module_file", module, params, data_dir=data_dir, config=config)
    if output is Format.JSON or not isinstance(answer, dict):
        show_json(answer)
        return 0
    TALK.print(f"registered [bold]{answer['name']}[/] {answer['version']} as {answer['state']}")
    if answer.get("signer"):
        TALK.print(f"  [dim]=[/] signed by {answer['signer']}")
    notes = answer.get("notes")
    for note in notes if isinstance(notes, list) else ():
        TALK.print(f"  [dim]=[/] {plain(str(note))}")
    if isinstance(answer.get("manifest"), str):
        show_text(str(answer["manifest"]))
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
    """Let a pending tool be called, or one in quarantine again: exactly the definition that was looked at."""
    ask("tools.approve", {"name": name, "definition": definition}, data_dir=data_dir, config=config)
    TALK.print(f"approved {plain(name)}")
    return 0


@group.command()
def rollback(
    name: str,
    version: Annotated[str | None, typer.Option("--to", metavar="VERSION", help="Instead of the one before.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Go back to the version that was approved before; it must still hold."""
    answer = ask("tools.rollback", {"name": name, "version": version}, data_dir=data_dir, config=config)
    now = answer["version"] if isinstance(answer, dict) else "?"
    TALK.print(f"rolled back {plain(name)} to {plain(str(now))}")
    return 0


@group.command()
def remove(
    name: Annotated[str | None, typer.Argument(help="One tool.")] = None,
    source: Annotated[
        str | None, typer.Option(metavar="WHO", help="Instead: all that WHO registered, earlier versions too.")
    ] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Take a tool away, whatever its state, or everything that one principal registered."""
    if (name is None) == (source is None):
        raise InvalidRequest("give either the name of a tool or `--source`")
    if name is not None:
        ask("tools.remove", {"name": name}, data_dir=data_dir, config=config)
        TALK.print(f"removed {plain(name)}")
        return 0
    answer = ask("tools.withdraw", {"source": source}, data_dir=data_dir, config=config)
    removed = answer.get("removed") if isinstance(answer, dict) else None
    names = ", ".join(map(str, removed)) if isinstance(removed, list) else ""
    TALK.print(f"removed all that {plain(str(source))} registered: {plain(names) or 'nothing'}")
    return 0


def _handed(
    verb: str, key: str, content: bytes, params: dict[str, Json], *, data_dir: Path | None, config: Path | None
) -> Json:
    """Ask for *verb* with *content* by file: it may be larger than a request. Only this user can open that."""
    with tempfile.NamedTemporaryFile(prefix="holdfast-module-") as handed:
        handed.write(content)
        handed.flush()
        return ask(verb, {**params, key: handed.name}, data_dir=data_dir, config=config)


def source_of(file: Path) -> bytes:
    """The text of a source. Raises: OperatorError when it cannot be read or is too large."""
    return whole(file, SOURCE_BYTES)


def written_beside(source: Path) -> str:
    """What the author of *source* wrote beside it; empty when there is nothing. Raises: OperatorError."""
    manifest = source.with_suffix(".toml")
    return whole(manifest, WRITTEN_BYTES).decode("utf-8", "replace") if manifest.is_file() else ""


def module_of(path: Path) -> bytes:
    """The module at *path*, or what the `.wat` text beside it becomes. Raises: OperatorError."""
    text = path.with_suffix(".wat")
    if path.exists() or not text.is_file():
        return whole(path, MAX_MODULE_BYTES)
    from ..inspecting import assemble_module  # noqa: PLC0415 -- loads the WASM part

    return asyncio.run(assemble_module(whole(text, MAX_MODULE_BYTES).decode("utf-8", "replace")))


def signature_in(folder: Path) -> str | None:
    """The text of a folder's signature; None when there is none. Raises: OperatorError."""
    file = folder / SIGNATURE_FILE
    return whole(file, SIGNATURE_CHARACTERS).decode("utf-8", "replace") if file.exists() else None


def module_name(manifest: str) -> str:
    """The module a manifest names: a file beside it, nothing else. The server checks the manifest itself."""
    try:
        tool: Any = tomllib.loads(manifest).get("tool")
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"`tool.toml` is not TOML: {error}") from None
    name: Any = cast("dict[str, Any]", tool).get("module") if isinstance(tool, dict) else None
    if not isinstance(name, str) or Path(name).name != name:
        raise OperatorError("`tool.toml` needs `[tool] module`, a file name beside it")
    return name
