"""Reads a policy set's own cases and holds it to them. A set that fails one is not loaded.

A case file is YAML: `profiles`, `tools` (samples to try policies on, if no registered tool has the name) and `cases`.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml

from holdfast.contracts import (
    ALL_EFFECTS,
    TOOL_NAME,
    Builtin,
    Effect,
    FlowFacts,
    Json,
    Label,
    OperatorError,
    Principal,
    Scope,
    Session,
    SessionId,
    Sink,
    TenantId,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.limits import BUILTIN

from ..flow import sink_of
from .decisions import Allowed, Asks, Denied, Facts, PolicyDecision, PolicyRequest
from .fields import Fields

_VERDICTS: Final = {Allowed: "allow", Denied: "deny", Asks: "ask"}
Decide = Callable[..., PolicyDecision]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSays:
    """What a case says of flow; what it leaves out follows from the tool's effects and the session's labels."""

    effects: frozenset[Effect] | None
    sink: Sink | None
    private: bool
    untrusted: bool
    args_from_user: bool
    all_from_user: bool
    repeated: bool
    receivers_listed: bool
    receivers_from_user: bool
    args_contain_private: bool
    args_from_untrusted: bool

    def facts(self, spec: ToolSpec) -> FlowFacts:
        """For a call of *spec*."""
        effects = spec.effects if self.effects is None else self.effects
        return FlowFacts(
            effects=effects,
            sink=sink_of(effects, staged=spec.flow.staged) if self.sink is None else self.sink,
            private=self.private,
            untrusted=self.untrusted,
            args_from_user=self.args_from_user,
            all_from_user=self.all_from_user,
            repeated=self.repeated,
            receivers_listed=self.receivers_listed,
            receivers_from_user=self.receivers_from_user,
            args_contain_private=self.args_contain_private,
            args_from_untrusted=self.args_from_untrusted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call and what must be decided about it."""

    name: str
    """With its file, for messages."""
    tool: str
    arguments: Mapping[str, Json]
    principal: Principal
    session: Session
    facts: Facts
    flow: FlowSays
    lifted: frozenset[str]
    expect: str
    by: tuple[str, ...]
    """Policies that must be among those that decided; empty when the case does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """One file's sample tools and cases."""

    tools: tuple[ToolSpec, ...]
    cases: tuple[Case, ...]


def read_cases(texts: Mapping[str, str], profile: str) -> tuple[CaseFile, ...]:
    """Read the case files that name *profile*.

    Raises: OperatorError naming the file and what is wrong, or when no case of *profile* expects a denial.
    """
    found: list[CaseFile] = []
    for file in sorted(texts):
        fields = Fields(f"`{file}`", _document(file, texts[file]))
        profiles = fields.words("profiles")
        if not profiles:
            raise OperatorError(f"`{file}`: `profiles` must name at least one profile")
        tools = tuple(_tool(one) for one in fields.records("tools"))
        cases = tuple(_case(file, one) for one in fields.records("cases"))
        fields.done()
        if profile in profiles:
            found.append(CaseFile(tools=tools, cases=cases))
    if not any(case.expect == "deny" for one in found for case in one.cases):
        raise OperatorError(
            f"no case of the profile `{profile}` expects `deny`; a policy set must show what it refuses"
        )
    return tuple(found)


def sample_tools(files: tuple[CaseFile, ...]) -> dict[str, ToolSpec]:
    """Answer the sample tools by name.

    Raises: OperatorError when two files declare different tools under one name.
    """
    found: dict[str, ToolSpec] = {}
    for spec in (spec for one in files for spec in one.tools):
        if found.setdefault(spec.name, spec).digest != spec.digest:
            raise OperatorError(f"the sample tool `{spec.name}` is declared twice in the case files, and differs")
    return found


def check_cases(files: tuple[CaseFile, ...], specs: Mapping[str, ToolSpec], decide: Decide) -> None:
    """Try every case.

    Raises: OperatorError at the first that is decided otherwise, naming case, expectation, decision and policies.
    """
    for case in (case for one in files for case in one.cases):
        spec = specs.get(case.tool)
        if spec is None:
            raise OperatorError(f"{case.name}: there is no tool `{case.tool}`; declare it under `tools`")
        _hold(case, decide(asked(case, spec), lifted=case.lifted))


def read_case(where: str, written: Mapping[str, Json]) -> Case:
    """Read one case by itself; messages call it one of *where*.

    Raises: OperatorError naming what is wrong.
    """
    return _case(where, Fields(f"`{where}`", written))


def asked(case: Case, spec: ToolSpec) -> PolicyRequest:
    """What policy is asked in *case*, whose tool is *spec*."""
    return PolicyRequest(
        principal=case.principal,
        session=case.session,
        spec=spec,
        arguments=case.arguments,
        facts=case.facts,
        flow=case.flow.facts(spec),
    )


def decided_by(decision: PolicyDecision) -> tuple[str, ...]:
    """Answer the ids of the policies that led to *decision*; our own code when none did."""
    match decision:
        case Allowed(permits=permits):
            return permits
        case Asks(forbids=forbids):
            return forbids
        case Denied(reason=reason, forbids=forbids):
            code = reason.code.partition("/")[2]
            return forbids if code in forbids else (code, *forbids)


def verdict_of(decision: PolicyDecision) -> str:
    """Answer `allow`, `deny` or `ask`."""
    return _VERDICTS[type(decision)]


def _hold(case: Case, decision: PolicyDecision) -> None:
    verdict, ids = verdict_of(decision), decided_by(decision)
    said = f"decided `{verdict}` by {', '.join(f'`{one}`' for one in ids)}"
    if verdict != case.expect:
        raise OperatorError(f"{case.name}: expected `{case.expect}`, {said}")
    missing = sorted(set(case.by) - set(ids))
    if missing:
        raise OperatorError(f"{case.name}: expected `{case.expect}` by `{missing[0]}`, {said}")


def _tool(fields: Fields) -> ToolSpec:
    server = fields.word("upstream", "")
    name = ToolName(fields.word("name"))
    if not TOOL_NAME.fullmatch(name):
        raise OperatorError(f"{fields.where}: `name` is not a tool name: 1 to 64 letters, digits, `_` or `-`")
    spec = ToolSpec(
        name=name,
        description="a sample for policy cases",
        input_schema=fields.record("input"),
        effects=frozenset(fields.members("effects", Effect)) if fields.has("effects") else ALL_EFFECTS,
        runtime=Upstream(server, name) if server else Builtin(),
        limits=BUILTIN,
    )
    fields.done()
    return spec


def _case(file: str, fields: Fields) -> Case:
    name = f"`{file}` case `{fields.word('name')}`"
    principal = _principal(fields.inner("as"))
    session = Session(
        id=SessionId("case"),
        principal=principal.subject,
        tenant=principal.tenant,
        labels=frozenset(fields.members("session", Label)),
    )
    case = Case(
        name=name,
        tool=fields.word("call"),
        arguments=fields.record("with"),
        principal=principal,
        session=session,
        facts=_facts(fields.inner("facts")),
        flow=_flow(fields.inner("flow"), session.labels),
        lifted=frozenset(fields.words("lifted")),
        expect=fields.word("expect"),
        by=fields.words("by"),
    )
    fields.done()
    if case.expect not in _VERDICTS.values():
        raise OperatorError(f"{name}: `expect` is allow, deny or ask")
    return case


def _principal(fields: Fields) -> Principal:
    scopes = fields.members("scopes", Scope) if fields.has("scopes") else (Scope.CALL,)
    principal = Principal(
        subject=fields.word("subject", "agent"),
        tenant=TenantId(fields.word("tenant", "default")),
        scopes=frozenset(scopes),
    )
    fields.done()
    return principal


def _facts(fields: Fields) -> Facts:
    facts = Facts(
        leaks=fields.count("leaks"),
        credentials=fields.count("credentials"),
        injection=fields.count("injection"),
        pii=fields.count("pii"),
        rules=frozenset(fields.words("rules")),
    )
    fields.done()
    return facts


def _flow(fields: Fields, labels: frozenset[Label]) -> FlowSays:
    says = FlowSays(
        effects=frozenset(fields.members("effects", Effect)) if fields.has("effects") else None,
        sink=fields.members("sink", Sink)[0] if fields.has("sink") else None,
        private=fields.truth("private", absent=Label.PRIVATE in labels),
        untrusted=fields.truth("untrusted", absent=Label.UNTRUSTED in labels),
        args_from_user=fields.truth("args_from_user", absent=False),
        all_from_user=fields.truth("all_from_user", absent=False),
        repeated=fields.truth("repeated", absent=False),
        receivers_listed=fields.truth("receivers_listed", absent=False),
        receivers_from_user=fields.truth("receivers_from_user", absent=False),
        args_contain_private=fields.truth("args_contain_private", absent=False),
        args_from_untrusted=fields.truth("args_from_untrusted", absent=False),
    )
    fields.done()
    return says


class _Loader(yaml.SafeLoader):
    """Plain YAML values, with two keys of one name refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 -- the library's signature
        """Build a mapping, refusing the second of two equal keys."""
        built = super().construct_mapping(node, deep=deep)
        if len(built) != len(node.value):
            raise yaml.MarkedYAMLError(problem="the same key twice", problem_mark=node.start_mark)
        return built


def _document(file: str, text: str) -> Mapping[str, Json]:
    try:
        document: object = yaml.load(text, Loader=_Loader)  # noqa: S506 -- a SafeLoader of ours
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise OperatorError(f"`{file}` line {line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError):
        raise OperatorError(f"`{file}`: not YAML") from None
    if not isinstance(document, dict):
        raise OperatorError(f"`{file}`: a case file is a mapping with `profiles`, `tools` and `cases`")
    return cast("Mapping[str, Json]", document)
