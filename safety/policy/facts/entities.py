"""The facts of who calls and of what is called. What they are read from was settled before policy was asked."""

from typing import Final

from holdfast.contracts import Builtin, Effect, Hint, Scope, Standing, ToolSpec, Upstream, Wasm

from .declared import Fact, Kind, Parties, Trust

ISOLATION: Final = frozenset({"wasm", "landlock", "seccomp", "sandlock"})
RUNTIMES: Final = frozenset({"builtin", "wasm", "upstream"})


def runtime_of(spec: ToolSpec) -> str:
    """What policy calls the runtime of *spec*."""
    match spec.runtime:
        case Builtin():
            return "builtin"
        case Wasm():
            return "wasm"
        case Upstream():
            return "upstream"


def _server(spec: ToolSpec) -> str:
    return spec.runtime.server if isinstance(spec.runtime, Upstream) else ""


PRINCIPAL: Final[tuple[Fact[Parties], ...]] = (
    Fact(
        holder="principal",
        name="subject",
        kind=Kind.TEXT,
        says='who calls; `Principal::"tenant/subject"` is the name, a `/` in the tenant written `%2F`',
        source="the token",
        trust=Trust.OURS,
        read=lambda parties: parties.principal.subject,
    ),
    Fact(
        holder="principal",
        name="tenant",
        kind=Kind.TEXT,
        says='its tenant; also `principal in Tenant::"…"`',
        source="the token",
        trust=Trust.OURS,
        read=lambda parties: parties.principal.tenant,
    ),
    Fact(
        holder="principal",
        name="scopes",
        kind=Kind.TEXTS,
        says="of its token",
        source="the token",
        trust=Trust.OURS,
        words=frozenset(Scope),
        word="scope",
        read=lambda parties: [scope.value for scope in sorted(parties.principal.scopes)],
    ),
)

RESOURCE: Final[tuple[Fact[Parties], ...]] = (
    Fact(
        holder="resource",
        name="name",
        kind=Kind.TEXT,
        says='the tool\'s name, as in `Action::"<tool>"`',
        source="the registry",
        trust=Trust.OURS,
        read=lambda parties: parties.spec.name,
    ),
    Fact(
        holder="resource",
        name="effects",
        kind=Kind.TEXTS,
        says="all that a call of it may do",
        source="the registry",
        trust=Trust.OURS,
        words=frozenset(Effect),
        word="effect",
        read=lambda parties: [effect.value for effect in sorted(parties.spec.effects)],
    ),
    Fact(
        holder="resource",
        name="runtime",
        kind=Kind.TEXT,
        says="where it runs",
        source="the registry",
        trust=Trust.OURS,
        words=RUNTIMES,
        word="runtime",
        read=lambda parties: runtime_of(parties.spec),
    ),
    Fact(
        holder="resource",
        name="server",
        kind=Kind.TEXT,
        says="the upstream it belongs to; empty unless it is an upstream's",
        source="the registry",
        trust=Trust.OURS,
        read=lambda parties: _server(parties.spec),
    ),
    Fact(
        holder="resource",
        name="state",
        kind=Kind.TEXT,
        says="whether an operator approved it as it is now; `trial` while `holdfast tools try` calls a pending one",
        source="the registry",
        trust=Trust.OURS,
        words=frozenset(Standing),
        word="state of a tool",
        read=lambda parties: parties.tooling.standing.value,
    ),
    Fact(
        holder="resource",
        name="digest",
        kind=Kind.TEXT,
        says="of its definition, as `holdfast tools show` prints it: any change of the tool changes it",
        source="the registry",
        trust=Trust.OURS,
        read=lambda parties: str(parties.spec.digest),
    ),
    Fact(
        holder="resource",
        name="isolation",
        kind=Kind.TEXTS,
        says="what confines it where it runs, at the least; empty where that is our own process or another machine",
        source="the sandbox",
        trust=Trust.OURS,
        words=ISOLATION,
        word="kind of isolation",
        read=lambda parties: [*sorted(parties.tooling.isolation)],
    ),
    Fact(
        holder="resource",
        name="hints",
        kind=Kind.TEXTS,
        says="what an upstream claims of its tool in annotations (`readOnlyHint`, …); what it leaves out is not there",
        source="the upstream",
        trust=Trust.CLAIM,
        words=frozenset(Hint),
        word="hint",
        read=lambda parties: [hint.value for hint in sorted(parties.tooling.hints)],
    ),
)
