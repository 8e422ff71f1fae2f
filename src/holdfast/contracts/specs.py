"""What a tool is: its name, its schema, its effects, where it runs and within which limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import StrEnum
from typing import Final, NewType, TypeAlias, assert_never, cast

from .digests import Digest
from .effects import Effect
from .errors import OperatorError
from .flow import FlowSpec
from .json_values import Json, canonical
from .limits import Limits
from .secret import SecretUse

ToolName = NewType("ToolName", str)

TOOL_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Anthropic's and OpenAI's tool-name grammar, and DESIGN section 4.4's."""


ANY_TOOL: Final = "*"
"""In `Grants.tools`: whatever the caller may call itself. No name of a tool, so no manifest can write it."""


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
    secret: SecretUse | None = None
    """What the broker adds to requests that this grant admits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What a sandboxed tool was given beyond computing. Everything absent is refused."""

    clock: bool = True
    random: bool = True
    http: tuple[HttpGrant, ...] = ()
    workspace_read: tuple[str, ...] = ()
    """Files and folders from the workspace's root, whole segments: `docs/` admits what is below, `.` everything."""
    workspace_write: tuple[str, ...] = ()
    kv: bool = False
    """A small store of the tool's own, one for each tenant."""
    tools: tuple[str, ...] = ()
    """Tools it may call, by name; each call is judged as its caller's."""
    secret_exists: tuple[str, ...] = ()
    """Secrets it may ask for by name, to be told whether they are there."""


@dataclass(frozen=True, slots=True)
class Builtin:
    """Runs as Python of ours, with only the ports it is handed."""


@dataclass(frozen=True, slots=True)
class Wasm:
    """Runs as a module in a confined worker."""

    module: Digest
    abi: str
    function: str = ""
    """Which of the module's functions, where its convention has several; empty for the one of the tool's name."""


class Method(StrEnum):
    """What a call asks of an MCP server; the last three a server asks of its caller, in the middle of a call."""

    TOOL = "tools/call"
    RESOURCE = "resources/read"
    PROMPT = "prompts/get"
    COMPLETION = "completion/complete"
    ELICITATION = "elicitation/create"
    SAMPLING = "sampling/createMessage"
    ROOTS = "roots/list"


class Hint(StrEnum):
    """What an MCP server claims of a tool in its annotations. Nobody checks it."""

    READ_ONLY = "read_only"
    NOT_READ_ONLY = "not_read_only"
    DESTRUCTIVE = "destructive"
    NOT_DESTRUCTIVE = "not_destructive"
    IDEMPOTENT = "idempotent"
    NOT_IDEMPOTENT = "not_idempotent"
    OPEN_WORLD = "open_world"
    NOT_OPEN_WORLD = "not_open_world"


@dataclass(frozen=True, slots=True)
class Upstream:
    """Runs on an MCP server."""

    server: str
    tool: str
    """The server's own name of the tool; empty for a method that is not `tools/call`."""
    method: Method = Method.TOOL
    """Each method but `tools/call` is one spec of its server, judged and recorded like a tool and listed as none."""
    hints: frozenset[Hint] = frozenset()
    """What the server itself says of its tool. A change of it changes the pinned definition, not the spec's digest."""
    enveloped: bool = True
    """False: the operator said that the host tells this server's words from instructions by itself."""


RuntimeRef: TypeAlias = Builtin | Wasm | Upstream


class Standing(StrEnum):
    """Whether a tool may be called, as the registry has it."""

    APPROVED = "approved"
    TRIAL = "trial"
    """Pending: an operator calls it once to see what it does. Nobody else is shown it."""
    QUARANTINED = "quarantined"
    """It was approved, and is withheld because it is no longer what was."""
    UNKNOWN = "unknown"
    """Nobody approved a tool of this name; a pending one too."""


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
            "grants": grants_json(self.grants),
            "flow": _plain(self.flow),
        }


_SINCE_FIRST: Final = frozenset({"workspace_read", "workspace_write", "kv", "tools", "secret_exists", "secret"})
"""Grants that came later: written only where they are given, so that older definitions keep their digest."""


def grants_json(grants: Grants) -> dict[str, Json]:
    """*grants* as a definition has them: what was there first always, the rest where it is given."""
    given = {one.name: getattr(grants, one.name) for one in fields(grants)}
    return {name: _plain(value) for name, value in given.items() if _told(name, value)}


def _told(name: str, value: object) -> bool:
    return bool(value) or name not in _SINCE_FIRST


def _plain(value: object) -> Json:
    """*value*, made of dataclasses, sets, tuples and scalars, as JSON that reads the same in every process."""
    if is_dataclass(value) and not isinstance(value, type):
        given = {one.name: getattr(value, one.name) for one in fields(value)}
        later = isinstance(value, HttpGrant)
        return {name: _plain(one) for name, one in given.items() if not later or _told(name, one)}
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
        case Wasm(module=module, abi=abi, function=function):
            return f"wasm:{abi}:{module}:{function}" if function else f"wasm:{abi}:{module}"
        case Upstream(server=server, tool=tool, method=Method.TOOL):
            return f"upstream:{server}:{tool}"
        case Upstream(server=server, method=method):
            return f"upstream:{server}:{method}"
        case _:
            assert_never(runtime)
