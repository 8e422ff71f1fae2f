"""Reads a policy set's own cases and holds it to them. A set that fails one is not loaded.

A case file is YAML: `profiles`, `tools` (samples to try policies on, if no registered tool has the name) and `cases`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Final

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
from .around import Approved, supposed
from .decisions import Facts, PolicyRequest
from .facts import NAMED
from .fields import Fields
from .marked_yaml import read_document

_VERDICTS: Final = ("allow", "deny", "ask")
_INPUT: Final = "context.input."
_DIGEST: Final = ".digest"
_FIXED: Final = ("principal.", "resource.name", "resource.effects", "resource.runtime", "resource.server")
"""Said elsewhere in a case: they are not circumstances."""


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
    file: str
    line: int
    """Where it begins, from 1."""
    tool: str
    arguments: Mapping[str, Json]
    principal: Principal
    session: Session
    facts: Facts
    flow: FlowSays
    lifted: frozenset[str]
    given: Mapping[str, Json]
    """Facts set by name."""
    expect: str
    by: tuple[str, ...]
    """Policies that must be among those that decided; empty when the case does not say."""
    message: str | None
    """What the agent must be told; None when the case does not say."""

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"`{self.file}` case `{self.name}`"


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
        document, lines = read_document(file, texts[file], "cases")
        fields = Fields(f"`{file}`", document)
        profiles = fields.words("profiles")
        if not profiles:
            raise OperatorError(f"`{file}`: `profiles` must name at least one profile")
        tools = tuple(_tool(one) for one in fields.records("tools"))
        cases = tuple(_case(file, one) for one in fields.records("cases"))
        fields.done()
        if profile in profiles:
            placed = tuple(replace(case, line=line) for case, line in zip(cases, chain(lines, repeat(1)), strict=False))
            found.append(CaseFile(tools=tools, cases=placed))
    if not any(case.expect == "deny" for one in found for case in one.cases):
        raise OperatorError(
            f"no case of the profile `{profile}` expects `deny`; a policy set must show what it refuses"
        )
    return tuple(found)


def read_calls(where: str, text: str) -> CaseFile:
    """Read calls to be explained: a case file, or one case by itself, whose `name` and `expect` may be left out.

    Raises: OperatorError naming *where* and what is wrong.
    """
    form = (
        f"`{where}`: a call is written as a case, of which `call` (the tool) and `with` (its arguments) are the first"
    )
    if not text.strip():
        raise OperatorError(f"{form}; there is nothing in it")
    document, _ = read_document(where, text, "cases")
    tools = tuple(_tool(one) for one in Fields(f"`{where}`", document).records("tools"))
    if not document.keys() & {"call", "cases"}:
        raise OperatorError(f"{form}; there is no `call` in it")
    whole = {name: value for name, value in document.items() if name not in ("tools", "profiles")}
    listed = document.get("cases", [whole])
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise OperatorError(f"{form}; `cases` is a list of one or more of them")
    cases = tuple(
        read_case(where, {"name": f"call {number}", "expect": "deny", **one})
        for number, one in enumerate(listed, start=1)
        if isinstance(one, dict)
    )
    return CaseFile(tools=tools, cases=cases)


def sample_tools(files: tuple[CaseFile, ...]) -> dict[str, ToolSpec]:
    """Answer the sample tools by name.

    Raises: OperatorError when two files declare different tools under one name.
    """
    found: dict[str, ToolSpec] = {}
    for spec in (spec for one in files for spec in one.tools):
        if found.setdefault(spec.name, spec).digest != spec.digest:
            raise OperatorError(f"the sample tool `{spec.name}` is declared twice in the case files, and differs")
    return found


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
        around=supposed(approved=Approved.APPROVAL if case.lifted else Approved.NONE),
        given=case.given,
    )


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
    principal = _principal(fields.inner("as"))
    session = Session(
        id=SessionId("case"),
        principal=principal.subject,
        tenant=principal.tenant,
        labels=frozenset(fields.members("session", Label)),
    )
    facts, given = _facts(fields.inner("facts"))
    case = Case(
        name=fields.word("name"),
        file=file,
        line=0,
        tool=fields.word("call"),
        arguments=fields.record("with"),
        principal=principal,
        session=session,
        facts=facts,
        flow=_flow(fields.inner("flow"), session.labels),
        lifted=frozenset(fields.words("lifted")),
        given=given,
        expect=fields.word("expect"),
        by=fields.words("by"),
        message=fields.word("message") if fields.has("message") else None,
    )
    fields.done()
    if case.expect not in _VERDICTS:
        raise OperatorError(f"{case.place}: `expect` is allow, deny or ask")
    if case.message is not None and case.expect == "allow":
        raise OperatorError(
            f"{case.place}: `message` is what a denied or waiting call is told; an allowed one is told none"
        )
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


def _given(fields: Fields) -> Mapping[str, Json]:
    """Facts that are set by the path a policy writes, and digests of arguments that have no type."""
    given: dict[str, Json] = {}
    for path in fields.names():
        fact, is_digest = NAMED.get(path), path.startswith(_INPUT) and path.endswith(_DIGEST)
        if fact is not None and not path.startswith(_FIXED):
            given[path] = fields.fact(path, fact)
        elif is_digest:
            given[path] = fields.word(path)
        elif "." in path:
            what = "belongs under `as`, `call` or `tools`" if fact is not None else "is no fact"
            raise OperatorError(f"{fields.where}: `{path}` {what}; docs/policy.md lists what can be set here")
    return given


def _facts(fields: Fields) -> tuple[Facts, Mapping[str, Json]]:
    """What the detectors found, and the facts that are set by their path."""
    given = _given(fields)
    facts = Facts(
        leaks=fields.count("leaks"),
        credentials=fields.count("credentials"),
        injection=fields.count("injection"),
        pii=fields.count("pii"),
        rules=frozenset(fields.words("rules")),
    )
    fields.done()
    return facts, given


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
