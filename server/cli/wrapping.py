"""`holdfast wrap`: one MCP server behind the fence, where a client starts it. It grants only what is said."""

import asyncio
from typing import Annotated

import typer
from pydantic import ValidationError

from holdfast.contracts import InvalidRequest, Json

from ..data_dir import find_data_dir
from ..terminal import TALK, plain
from ..upstream_settings import UpstreamSettings
from .locating import located_here
from .options import DataDirOption
from .upstreams import GrantOption, grants_of

WRAP_EFFECTS = "egress read_untrusted"
"""What a wrapped server is taken to do: every MCP server can carry data out and says what nobody vouches for."""


_WRONG = {
    "effects": "`--effects` names one that does not exist",
    "asks": "`--asks` names what no server can ask: it is of elicitation, sampling and roots",
    "command": "the server's command is not text in UTF-8",
    "grants": "`--env` takes the name of a variable; with a value it is `--grant env:NAME=VALUE`",
}


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command(context_settings={"ignore_unknown_options": True})(wrap)


def wrap(
    command: Annotated[list[str], typer.Argument(help="After `--`: the server's command.")],
    grant: GrantOption = None,
    env: Annotated[
        list[str] | None, typer.Option(help="A variable of ours that the server is handed, by name; may be repeated.")
    ] = None,
    effects: Annotated[str, typer.Option(help="What its tools do, space-separated, or all.")] = WRAP_EFFECTS,
    asks: Annotated[
        str, typer.Option(help="What it may ask of the client: of elicitation, sampling and roots, space-separated.")
    ] = "",
    approve_current: Annotated[bool, typer.Option(help="Approve what it offers now; for the first start.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
) -> int:
    """Put one MCP server behind the fence, over stdio: a drop-in for its entry in any client's configuration."""
    from ..faces import Approving, serve_wrapped, wrap_folder  # noqa: PLC0415 -- loads the whole house

    found = located_here(command, near=False)  # a client starts us in whatever folder it is at
    grants: dict[str, Json] = {**grants_of(grant or [], read=found.read), "pass_env": list[Json](env or [])}
    upstream = _settings(found.command, grants, effects, asks)
    root = data_dir or wrap_folder(find_data_dir(None), upstream)
    how = Approving.CURRENT if approve_current else Approving.ON_TERMINAL
    asyncio.run(serve_wrapped(upstream, root, how, say=lambda text: TALK.print(plain(text))))
    return 0


def _settings(command: tuple[str, ...], grants: dict[str, Json], effects: str, asks: str) -> UpstreamSettings:
    entry = {
        "name": "wrapped",
        "command": command,
        "grants": grants,
        "asks": asks.split(),
        "effects": None if effects == "all" else effects.split(),
    }
    try:
        return UpstreamSettings.model_validate(entry)
    except ValidationError as error:
        where = str(error.errors(include_input=False, include_url=False)[0]["loc"][0])
        raise InvalidRequest(_WRONG.get(where, f"`{where}` cannot be used")) from None
