"""`holdfast serve`, `mcp` and `wrap`: the faces that stay."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from holdfast.contracts import InvalidRequest, OperatorError, Reason

from ..config import Settings, UpstreamSettings
from ..data_dir import find_data_dir
from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, find_config, settings_of
from .upstreams import GrantOption, grants_of, located

WRAP_EFFECTS = "egress read_untrusted"
"""What a wrapped server is taken to do: every MCP server can carry data out and says what nobody vouches for."""


_WRONG = {
    "effects": "`--effects` names one that does not exist",
    "command": "the server's command is not text in UTF-8",
}


def register(app: typer.Typer) -> None:
    """Add these verbs to *app*."""
    app.command()(serve)
    app.command()(mcp)
    app.command(context_settings={"ignore_unknown_options": True})(wrap)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one. Default: 8700.")
    ] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Serve HTTP at /v1, MCP at /mcp, and the admin socket, until it is told to stop."""
    from ..faces import serve_http  # noqa: PLC0415 -- loads the whole house

    root = find_data_dir(data_dir)
    settings = settings_of(config, root)
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update={"server": settings.server.model_copy(update=chosen)})
    _warn(settings)
    serve_http(settings, root, find_config(config, root), listening=_say_listening, say=_say_off)
    return 0


def mcp(data_dir: DataDirOption = None, config: ConfigOption = None) -> int:
    """Serve MCP over standard input and output, for a client that starts its servers itself."""
    from ..faces import serve_stdio  # noqa: PLC0415 -- loads the whole house

    root = find_data_dir(data_dir)
    settings = settings_of(config, root)
    _warn(settings)
    asyncio.run(serve_stdio(settings, root, find_config(config, root)))
    return 0


def wrap(
    command: Annotated[list[str], typer.Argument(help="After `--`: the server's command.")],
    grant: GrantOption = None,
    effects: Annotated[str, typer.Option(help="What its tools do, space-separated, or all.")] = WRAP_EFFECTS,
    approve_current: Annotated[bool, typer.Option(help="Approve what it offers now; for the first start.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
) -> int:
    """Put one MCP server behind the fence, over stdio: a drop-in for its entry in any client's configuration."""
    from ..faces import Approving, serve_wrapped, wrap_folder  # noqa: PLC0415 -- loads the whole house

    if not command:
        raise InvalidRequest("give the server's command after `--`")
    command = located(command)
    entry = {
        "name": "wrapped",
        "command": command,
        "grants": grants_of(grant or []),
        "effects": None if effects == "all" else effects.split(),
    }
    try:
        upstream = UpstreamSettings.model_validate(entry)
    except ValidationError as error:
        where = str(error.errors(include_input=False, include_url=False)[0]["loc"][0])
        raise InvalidRequest(_WRONG.get(where, f"`{where}` cannot be used")) from None
    root = data_dir or wrap_folder(find_data_dir(None), upstream)
    how = Approving.CURRENT if approve_current else Approving.ON_TERMINAL
    asyncio.run(serve_wrapped(upstream, root, how, say=lambda text: TALK.print(plain(text))))
    return 0


def _say_listening(url: str) -> None:
    sys.stdout.write(f"listening on {url}\n")
    sys.stdout.flush()


def _say_off(name: str, why: Reason) -> None:
    TALK.print(f"[yellow]off[/]: {plain(name)}: {plain(why.message)}")
    TALK.print(f"  [dim]=[/] {plain(why.remedy or '')}")


def _warn(settings: Settings) -> None:
    for one in settings.egress:
        if one.unsafe_allow_network is not None:
            TALK.print(f"[yellow]unsafe[/]: `{one.host}` may have addresses in {one.unsafe_allow_network}")
    for upstream in settings.upstreams:
        for place in upstream.grants.network:
            TALK.print(f"[yellow]note[/]: upstream `{upstream.name}` reaches {plain(place)} past the egress broker")
    if isinstance(settings.workspace.root, Path) and not settings.workspace.root.is_dir():
        raise OperatorError("`[workspace] root` is not a folder")
