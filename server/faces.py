"""The faces of a house that stay: HTTP with the admin socket, MCP over stdio, one wrapped MCP server."""

import asyncio
import os
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

import structlog

from holdfast.contracts import Digest, HoldfastError, Principal, Reason, Scope
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.mcp import CatalogueDiff, PinState, Prefix

from .config import Settings, checked_settings
from .grant_probes import prove_grants
from .house import Holding, House, Opening, open_house
from .http.serving import run
from .listening import endpoint_of, listen_of, run_server
from .mcp import run_stdio
from .principals import LOCAL_TENANT
from .terminal import counted
from .upstream_settings import UpstreamSettings
from .upstreams.entries import entry_of
from .who import os_user

STDIO_CLIENT = Principal(
    subject="stdio",
    tenant=LOCAL_TENANT,
    scopes=frozenset({Scope.CALL}),
    token_id="stdio",  # noqa: S106 -- no secret
)
"""Whoever started us as its server: it may call, and it decides nothing."""

KEPT_TOOLS = frozenset({"output_read"})
"""What a wrapped server is served with: the way to the rest of an output that was cut."""


_log = structlog.get_logger("holdfast.faces")
_ANSWER_BYTES = 64
_SHOWN_LINES = 8


class Approving(Enum):
    """How the first approval of a wrapped server comes."""

    CURRENT = auto()
    """What it offers now is approved: the operator said so by starting it this way."""
    ON_TERMINAL = auto()
    """Somebody at the terminal is asked; without a terminal nothing is approved."""


def serve_http(
    settings: Settings,
    root: Path,
    config: Path | None,
    *,
    listening: Callable[[str], None],
    say: Callable[[str, Reason], None],
) -> None:
    """Open the house and serve it until a signal.

    Raises: OperatorError when it cannot be opened or listened.
    """
    listen = listen_of(settings.server)

    async def work() -> None:
        async with open_house(settings, root, Opening(config=config)) as house:
            for name, why in {**house.off, **await prove_grants(house)}.items():
                say(name, why)
            await run_server(house, listen, started=listening)

    run(work())


async def serve_stdio(settings: Settings, root: Path, config: Path | None) -> None:
    """Open the house and serve MCP to whoever started us, until it closes its end."""
    async with open_house(settings, root, Opening(config=config)) as house:
        for name, why in (await prove_grants(house)).items():
            _log.warning("grant.off", grant=name, why=why.message)
        async with house.desks.reloading.listening(watch=settings.policy.watch):
            await _serve_client(house)


async def serve_wrapped(
    upstream: UpstreamSettings, root: Path, approving: Approving, *, say: Callable[[str], None]
) -> None:
    """Serve one MCP server behind the fence to whoever started us.

    Several may run at once on one folder: each has a chain of its own, and they share what was approved.
    """
    served = upstream.model_copy(update={"prefix": Prefix.NONE.value})
    settings = checked_settings({}).model_copy(update={"upstreams": (served,)})
    opening = Opening(holding=Holding.SHARED, builtins=KEPT_TOOLS)
    async with open_house(settings, root, opening) as house:
        try:
            diff = await house.upstreams.diff(upstream.name)
        except HoldfastError as error:
            say(f"the wrapped server cannot be used: {error.message}")
            for line in _last_words(house, upstream.name):
                say(f"it said: {line}")
            raise
        await _approve_first(house, upstream, diff, approving, say)
        say(f"record: {house.data.root}/audit; look with `holdfast audit tail --data-dir {house.data.root}`")
        await _serve_client(house)


def wrap_folder(state: Path, upstream: UpstreamSettings) -> Path:
    """The data directory of one wrapped command: its pins belong to exactly these words, grants and effects."""
    return state / "wrap" / Digest.of(canonical(entry_of(upstream))).hex[:16]


def _last_words(house: House, name: str) -> list[str]:
    """The end of what the server wrote to its standard error: usually why it did not start."""
    log = next((one.log for one in house.upstreams.status() if one.name == name), "")
    return log.splitlines()[-_SHOWN_LINES:]


async def _serve_client(house: House) -> None:
    await run_stdio(endpoint_of(house, STDIO_CLIENT))


async def _approve_first(
    house: House, upstream: UpstreamSettings, diff: CatalogueDiff, approving: Approving, say: Callable[[str], None]
) -> None:
    waiting = [entry for entry in diff.entries if entry.state in (PinState.NEW, PinState.CHANGED)]
    for entry in diff.entries:
        if entry.state is PinState.QUARANTINED:
            say(f"withheld: {entry.key}: {entry.reason}")
    if not waiting:
        return
    for entry in waiting:
        say(f"{entry.state.value}: {entry.key}: {'' if entry.definition is None else entry.definition.description}")
    if approving is Approving.CURRENT or await asyncio.to_thread(_asked, len(waiting)):
        await house.upstreams.approve(upstream.name, ())
        house.audit.event(
            "upstream", {"upstream": upstream.name, "decision": "approved", "how": approving.name, "by": os_user()}
        )
        say(f"approved {counted(len(waiting), 'definition')}; a changed definition will be withheld")
    else:
        say(f"{counted(len(waiting), 'definition')} withheld; start once with --approve-current to approve")


def _asked(count: int) -> bool:
    """Ask at the controlling terminal, which no MCP client can write to; no terminal, no approval."""
    terminal = Path("/dev/tty")
    try:
        # Opened twice: a terminal cannot seek, and Python will not both read and write what cannot.
        with terminal.open("w", encoding="utf-8") as asking, terminal.open("rb", buffering=0) as answering:
            if not os.isatty(answering.fileno()):
                return False
            asking.write(f"approve {counted(count, 'definition')}? [y/N] ")
            asking.flush()
            return answering.readline(_ANSWER_BYTES).strip().lower() in {b"y", b"yes"}
    except OSError:
        return False
