"""An upstream's entry in its three forms: as configured, as kept, as the client takes it. It connects to nothing."""

import os
from dataclasses import replace
from typing import cast

from holdfast.contracts import ALL_EFFECTS, Digest, Json, JsonObject, Limits, OperatorError
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.mcp import ASKS, Era, Prefix, ToolEntry, TransportKind, UpstreamConfig

from ..flow_settings import UpstreamToolSettings
from ..guarding import Guarded, refuse_governing
from ..upstream_settings import UpstreamSettings


def config_of(settings: UpstreamSettings, default: Limits, guarded: Guarded) -> UpstreamConfig:
    """*settings* as the client takes them, with *default* where they name no limits.

    Raises: OperatorError when they cannot be enforced, or grant writing to something *guarded*.
    """
    refuse_governing(settings, guarded)
    grants = settings.grants
    return UpstreamConfig(
        name=settings.name,
        command=settings.command or (),
        url=settings.url,
        transport=TransportKind(settings.transport),
        headers=settings.written(settings.headers),
        oauth=None if settings.oauth is None else settings.oauth.oauth(),
        env=(*_passed(settings), *settings.written(grants.env)),
        readable=tuple(str(path) for path in grants.read),
        writable=tuple(str(path) for path in grants.write),
        network=grants.network,
        effects=ALL_EFFECTS if settings.effects is None else frozenset(settings.effects),
        tools={tool.name: _entry(tool) for tool in settings.tools},
        limits=_limits(settings, default),
        prefix=Prefix(settings.prefix),
        max_in_flight=settings.max_in_flight,
        connect_ms=settings.connect_ms,
        max_tenants=settings.max_tenants,
        idle_ms=settings.idle_ms,
        era=Era(settings.era),
        enveloped=settings.envelope == "on",
        asks=frozenset(ASKS[one] for one in settings.asks),
        ask_hosts=frozenset(settings.ask_hosts),
    )


def entry_of(settings: UpstreamSettings) -> dict[str, Json]:
    """*settings* as they are kept."""
    return cast("dict[str, Json]", settings.model_dump(mode="json", exclude_defaults=True) | {"name": settings.name})


def settings_of(entry: JsonObject) -> UpstreamSettings:
    """Kept settings as values. Raises: OperatorError when a version that knew other keys wrote them."""
    try:
        return UpstreamSettings.model_validate(dict(entry))
    except ValueError:
        raise OperatorError("a stored upstream entry cannot be read; remove and add it again") from None


def identity_of(config: UpstreamConfig) -> Digest:
    """What an approval is bound to besides the definition: which program, or which URL, was looked at."""
    return Digest.of(canonical({"command": list[Json](config.command), "url": config.url}))


def _passed(settings: UpstreamSettings) -> tuple[tuple[str, str], ...]:
    """What of our environment it is handed. Raises: OperatorError when one of them is not set."""
    names = [name for name in settings.grants.pass_env if name not in settings.grants.env]
    missing = next((name for name in names if name not in os.environ), None)
    if missing is not None:
        raise OperatorError(
            f"upstream `{settings.name}`: `grants.pass_env` names `{missing}`, which is not set",
            remedy="set it where the server is started, or take it out",
        )
    return tuple((name, os.environ[name]) for name in names)


def _limits(settings: UpstreamSettings, default: Limits) -> Limits:
    """What its entry says, else what all servers have."""
    return replace(
        default,
        wall_ms=settings.timeout_ms or default.wall_ms,
        memory_bytes=settings.memory_bytes or default.memory_bytes,
        output_bytes=settings.output_bytes or default.output_bytes,
    )


def _entry(tool: UpstreamToolSettings) -> ToolEntry:
    return ToolEntry(effects=None if tool.effects is None else frozenset(tool.effects), flow=tool.flow())
