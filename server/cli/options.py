"""The options every verb shares, and how a verb reaches the state: a running server's socket, or the data directory."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import Json

from ..admin import AdminClient
from ..config import FILE_NAME, Settings, load_settings
from ..data_dir import find_data_dir
from ..terminal import TALK

Verbs = Callable[[str, Mapping[str, Json]], Awaitable[Json]]


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Where state is kept. Default: $HOLDFAST_DATA_DIR, ./.holdfast, or the state directory."
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help=f"Configuration file. Default: {FILE_NAME} here, or in the data directory."),
]
FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json for programs.")]


def find_config(flag: Path | None, data_dir: Path) -> Path | None:
    """*flag*, else `holdfast.toml` here, else the data directory's, else none: the defaults."""
    if flag is not None:
        return flag
    for candidate in (Path(FILE_NAME), data_dir / FILE_NAME):
        if candidate.is_file():
            return candidate
    return None


def settings_of(config: Path | None, data_dir: Path) -> Settings:
    """The configuration as the options name it."""
    file = find_config(config, data_dir)
    return load_settings(file.absolute() if file is not None else None)


def ask(verb: str, params: Mapping[str, Json], *, data_dir: Path | None, config: Path | None) -> Json:
    """Have *verb* done: by the server that holds the data directory, or here when none runs.

    Raises: HoldfastError as the verb does.
    """
    root = find_data_dir(data_dir)
    os.umask(0o077)
    socket = root / "admin.sock"
    if socket.exists():
        client = AdminClient(socket)
        if client.answers():
            return client.call(verb, params)
    warn_of_root()
    return asyncio.run(_here(verb, params, root, config))


def warn_of_root() -> None:
    """Say so when this runs with all rights: a mistake then costs the machine, not an account."""
    if os.getuid() == 0:
        TALK.print("[yellow]note[/]: running as root; a user of its own is better")


@asynccontextmanager
async def conversation(data_dir: Path | None, config: Path | None) -> AsyncGenerator[Verbs]:
    """Have several verbs done, one after the other, by the same house: the running server's, or one opened here.

    Raises: HoldfastError as the verbs do.
    """
    root = find_data_dir(data_dir)
    os.umask(0o077)
    client = AdminClient(root / "admin.sock")
    if (root / "admin.sock").exists() and client.answers():

        async def there(verb: str, params: Mapping[str, Json]) -> Json:
            return await asyncio.to_thread(client.call, verb, params)

        yield there
        return
    warn_of_root()
    from ..house import Opening, Proving, open_house  # noqa: PLC0415 -- a running server answers without loading the house
    from ..verbs import run_verb  # noqa: PLC0415 -- as above

    opening = Opening(config=find_config(config, root), proving=Proving.EACH_WORKER)
    async with open_house(settings_of(config, root), root, opening) as house:
        yield partial(run_verb, house)


async def _here(verb: str, params: Mapping[str, Json], root: Path, config: Path | None) -> Json:
    from ..house import Opening, Proving, open_house  # noqa: PLC0415 -- a running server answers without loading the house
    from ..verbs import run_verb  # noqa: PLC0415 -- as above

    opening = Opening(config=find_config(config, root), proving=Proving.EACH_WORKER)
    async with open_house(settings_of(config, root), root, opening) as house:
        return await run_verb(house, verb, params)
