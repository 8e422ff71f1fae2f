"""The specs of what a server may ask in the middle of a call: one for each kind that its entry grants. Asks nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from holdfast.contracts import Effect, FlowSpec, Json, Method, ToolSpec

from .catalogue.serving import reserved_spec
from .config import UpstreamConfig
from .turns import ASKING_SECONDS

_CARRIED_BACK: Final = frozenset({Effect.READ_PRIVATE, Effect.READ_UNTRUSTED, Effect.EGRESS})
"""What an answer does: it leaves for the server, which then knows it. What the server does with it, its own call does,
which was judged before it ran."""

_TEXT: Final[Json] = {"type": "string", "maxLength": 65_536}
_OPEN: Final[Json] = {"type": "object"}

_ASKED: Final[Mapping[Method, tuple[dict[str, Json], tuple[str, ...]]]] = {
    Method.ELICITATION: (
        {
            "mode": {"type": "string", "enum": ["form", "url"]},
            "message": _TEXT,
            "requestedSchema": _OPEN,
            "url": _TEXT,
            "elicitationId": _TEXT,
        },
        ("mode", "message"),
    ),
    Method.SAMPLING: (
        {
            "messages": {"type": "array", "maxItems": 100, "items": _OPEN},
            "maxTokens": {"type": "integer", "minimum": 1, "maximum": 100_000},
            "systemPrompt": _TEXT,
            "temperature": {"type": "number"},
            "stopSequences": {"type": "array", "maxItems": 16, "items": _TEXT},
            "modelPreferences": _OPEN,
        },
        ("messages", "maxTokens"),
    ),
    Method.ROOTS: ({}, ()),
}


def ask_specs(config: UpstreamConfig) -> tuple[ToolSpec, ...]:
    """The specs of the questions that *config* grants its server, each a call to be judged when it is asked."""
    return tuple(_spec(config, method) for method in _ASKED if method in config.asks)


def _spec(config: UpstreamConfig, method: Method) -> ToolSpec:
    properties, required = _ASKED[method]
    plain = reserved_spec(config, method)
    return replace(
        plain,
        input_schema={
            "type": "object",
            "properties": properties,
            "required": list(required),
            "additionalProperties": False,
        },
        effects=plain.effects & _CARRIED_BACK,
        flow=FlowSpec(writes=()),
        limits=replace(plain.limits, wall_ms=round(ASKING_SECONDS * 1000)),
    )
