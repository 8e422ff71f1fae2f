"""`holdfast serve` and `mcp`: the faces that stay."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import OperatorError, Reason

from ..config import Settings
from ..data_dir import find_data_dir
from ..observing import observing_of
from ..terminal import TALK, plain
from .options import ConfigOption, DataDirOption, find_config, settings_of


def register(app: typer.Typer) -> None:
    """Add these verbs to *app*."""
    app.command()(serve)
    app.command()(mcp)


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


def _say_listening(url: str) -> None:
    sys.stdout.write(f"listening on {url}\n")
    sys.stdout.flush()


def _say_off(name: str, why: Reason) -> None:
    TALK.print(f"[yellow]off[/]: {plain(name)}: {plain(why.message)}")
    TALK.print(f"  [dim]=[/] {plain(why.remedy or '')}")


def _warn(settings: Settings) -> None:
    if observed := observing_of(settings.policy.mode, settings.policy.observe).names:
        named = ", ".join(f"`{one}`" for one in observed)
        TALK.print(
            f"[yellow]observing[/]: what {plain(named)} would stop passes, and is recorded; see `policy observed`"
        )
    for one in settings.egress:
        if one.unsafe_allow_network is not None:
            TALK.print(f"[yellow]unsafe[/]: `{one.host}` may have addresses in {one.unsafe_allow_network}")
    for upstream in settings.upstreams:
        for place in upstream.grants.network:
            TALK.print(f"[yellow]note[/]: upstream `{upstream.name}` reaches {plain(place)} past the egress broker")
    if isinstance(settings.workspace.root, Path) and not settings.workspace.root.is_dir():
        raise OperatorError("`[workspace] root` is not a folder")
