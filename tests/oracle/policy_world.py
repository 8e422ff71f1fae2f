"""What policy and gate tests are made of: tools, people, sessions, and the shipped files. Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.contracts import (
    Builtin,
    Effect,
    FlowFacts,
    Label,
    Principal,
    RuntimeRef,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.limits import BUILTIN
from holdfast.safety.flow import sink_of
from holdfast.safety.policy import Around, Facts, PolicyBundle, PolicyRequest, supposed

POLICIES = Path(__file__).parents[2] / "policies"
NOTHING_FOUND = Facts(leaks=0, credentials=0, injection=0, pii=0, rules=frozenset())
DENIED_CASE = (
    "profiles: [p]\ncases:\n  - {name: no scope, call: read, as: {scopes: []}, with: {path: a}, expect: deny}\n"
)


def shipped_sources() -> dict[str, str]:
    return _shipped("*.cedar")


def shipped_cases() -> dict[str, str]:
    return _shipped("*.yaml")


def _shipped(kind: str) -> dict[str, str]:
    names = ((path.relative_to(POLICIES), path) for path in POLICIES.rglob(kind))
    return {name.as_posix(): path.read_text("utf-8") for name, path in names if name.parts[0] != "examples"}


def shipped(profile: str, *specs: ToolSpec) -> PolicyBundle:
    return PolicyBundle.load(shipped_sources(), shipped_cases(), profile=profile, specs=specs)


def tool(
    name: str,
    properties: Mapping[str, Any] | None = None,
    *effects: Effect,
    required: Iterable[str] = (),
    runtime: RuntimeRef | None = None,
    schema: Mapping[str, Any] | None = None,
    version: str = "1.0.0",
) -> ToolSpec:
    written = {"type": "object", "properties": dict(properties or {}), "required": list(required)}
    return ToolSpec(
        name=ToolName(name),
        description="",
        input_schema=written if schema is None else schema,
        effects=frozenset(effects),
        runtime=runtime or Builtin(),
        limits=BUILTIN,
        version=version,
    )


def foreign(name: str, properties: Mapping[str, Any] | None = None, *effects: Effect, **named: Any) -> ToolSpec:
    return tool(name, properties, *effects, runtime=Upstream(name.partition("__")[0], name), **named)


READ = tool("read", {"path": {"type": "string"}, "limit": {"type": "integer"}}, Effect.READ_PRIVATE, required=["path"])


def load(text: str, *specs: ToolSpec, cases: str = DENIED_CASE, **files: str) -> PolicyBundle:
    """A bundle of one file in the profile `p`, with `read` among its tools."""
    sources = {"p/it.cedar": text, **files}
    return PolicyBundle.load(sources, {"tests/it.yaml": cases}, profile="p", specs=[READ, *specs])


def person(subject: str = "alice", *scopes: Scope, tenant: str = "default") -> Principal:
    return Principal(subject=subject, tenant=TenantId(tenant), scopes=frozenset(scopes or (Scope.CALL,)))


def session(*labels: Label, name: str = "s1", subject: str = "alice") -> Session:
    return Session(id=SessionId(name), principal=subject, tenant=TenantId("default"), labels=frozenset(labels))


def flow(spec: ToolSpec = READ, labels: Iterable[Label] = (), **said: Any) -> FlowFacts:
    """What flow says of a call of *spec*, if nothing is proved of its arguments."""
    held = frozenset(labels)
    nothing = FlowFacts(
        effects=spec.effects,
        sink=sink_of(spec.effects, staged=spec.flow.staged),
        private=Label.PRIVATE in held,
        untrusted=Label.UNTRUSTED in held,
        args_from_user=False,
        all_from_user=False,
        repeated=False,
        receivers_listed=False,
        receivers_from_user=False,
        args_contain_private=False,
        args_from_untrusted=False,
    )
    return replace(nothing, **said)


def request(
    spec: ToolSpec = READ,
    arguments: Mapping[str, Any] | None = None,
    *,
    principal: Principal | None = None,
    labels: Iterable[Label] = (),
    facts: Facts = NOTHING_FOUND,
    name: str = "s1",
    flowing: Mapping[str, Any] | None = None,
    around: Around | None = None,
    given: Mapping[str, Any] | None = None,
) -> PolicyRequest:
    labels = tuple(labels)
    return PolicyRequest(
        principal=principal or person(),
        session=session(*labels, name=name),
        spec=spec,
        arguments={"path": "a"} if arguments is None else arguments,
        facts=facts,
        flow=flow(spec, labels, **(flowing or {})),
        around=around or supposed(),
        given=given or {},
    )
