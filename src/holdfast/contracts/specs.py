"""What a tool is: its name, its schema, its effects, where it runs and within which limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Final, NewType, TypeAlias, assert_never, cast

from .digests import Digest
from .effects import Effect
from .errors import OperatorError
from .flow import FlowSpec
from .json_values import Json, canonical
from .limits import Limits

ToolName = NewType("ToolName", str)

TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Anthropic's and OpenAI's tool-name grammar, and DESIGN section 4.4's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpGrant:
    """One place a tool may reach through the egress broker."""

    scheme: str
    host: str
    """Exact, or `*.suffix`."""
    port: int
    methods: frozenset[str]
    path: str
    """Whole segments: `/repos/` admits `/repos/x`, not `/reposx`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What a sandboxed tool was given beyond computing. Everything absent is refused."""

    clock: bool = True
    random: bool = True
    http: tuple[HttpGrant, ...] = ()


@dataclass(frozen=True, slots=True)
class Builtin:
    """Runs as Python of ours, with only the ports it is handed."""


@dataclass(frozen=True, slots=True)
class Wasm:
    """Runs as a module in a confined worker."""

    module: Digest
    abi: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """Runs on an MCP server."""

    server: str
    tool: str


RuntimeRef: TypeAlias = Builtin | Wasm | Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """A tool as it is served. `digest` is its identity: any change to what is below changes it."""

    name: ToolName
    description: str
    input_schema: Mapping[str, Json]
    effects: frozenset[Effect]
    runtime: RuntimeRef
    limits: Limits
    version: str = "1.0.0"
    title: str | None = None
    output_schema: Mapping[str, Json] | None = None
    grants: Grants = field(default_factory=Grants)
    flow: FlowSpec = field(default_factory=FlowSpec)
    digest: Digest = field(init=False)

    def __post_init__(self) -> None:
        if not TOOL_NAME.fullmatch(self.name):
            raise OperatorError("a tool name is 1 to 64 letters, digits, `_` or `-`")
        object.__setattr__(self, "digest", Digest.of(canonical(self._definition())))

    def _definition(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "title": self.title,
            "version": self.version,
            "description": self.description,
            "input_schema": dict(self.input_schema),
            "output_schema": None if self.output_schema is None else dict(self.output_schema),
            "effects": [effect.value for effect in sorted(self.effects)],
            "runtime": _written(self.runtime),
            "limits": _plain(self.limits),
            "grants": _plain(self.grants),
            "flow": _plain(self.flow),
        }


def _plain(value: object) -> Json:
    """*value*, made of dataclasses, sets, tuples and scalars, as JSON that reads the same in every process."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, frozenset):
        return [*sorted(map(str, cast("frozenset[object]", value)))]
    if isinstance(value, tuple):
        return [_plain(one) for one in cast("tuple[object, ...]", value)]
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError("a tool's definition holds only values that can be written")


def _written(runtime: RuntimeRef) -> str:
    match runtime:
        case Builtin():
            return "builtin"
        case Wasm(module=module, abi=abi):
            return f"wasm:{abi}:{module}"
        case Upstream(server=server, tool=tool):
            return f"upstream:{server}:{tool}"
        case _:
            assert_never(runtime)
