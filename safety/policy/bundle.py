"""A loaded policy set: answers allowed, denied or asks for one call. It never runs one, and never lets an error pass.

1. A set that does not parse, is not fully labelled, does not fit the tools or fails its own cases is not loaded.
2. Nothing matched: denied. A policy failed to evaluate: denied, whatever Cedar answered.
3. Forbids with `@approval` ask if the answer without exactly the matching ones is Allow.
4. `lifted` removes those of the named forbids that carry `@approval`, and no others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast, final

from holdfast.contracts import Digest, Json, OperatorError, ToolName, ToolSpec, Upstream
from holdfast.contracts.json_values import canonical

from . import reasons
from .answers import Answers, View
from .cases import CaseFile, read_cases, sample_tools
from .checking import Checked, check_policies
from .context import Context, sight_of
from .decisions import (
    ApprovalLevel,
    Denied,
    Effect,
    Explanation,
    Match,
    PolicyDecision,
    PolicyRequest,
)
from .engine import Asker, asker
from .explain import Seen, explain
from .facts import Judging, Parties
from .inputs import PolicyInput, Unclear, narrowed
from .memory import Memory
from .mentions import applies
from .observing import NOTHING, Observes, let_pass
from .profiles import digest_of, select
from .rules import Policy, read_policies
from .schema import ALL, write_schema
from .shapes import EMPTY, RecordShape
from .slices import Slice
from .trials import check_cases
from .values import Unfit, write_arguments

_write = json.JSONEncoder(sort_keys=True).encode
_WHOLE: Final = Context(ALL)
_NOTHING: Final = frozenset[str]()
_TOOLS: Final = 4096
_SLICES: Final = 256
"""Different sets of policies among the tools; most tools share one."""
_ASKERS: Final = 4096


@final
class PolicyBundle:
    """One profile's policies, checked against one set of tools. Immutable, apart from the answers it remembers."""

    __slots__ = (
        "_answers",
        "_askers",
        "_checked",
        "_observes",
        "_policies",
        "_shared",
        "_slices",
        "_specs",
        "digest",
        "profile",
    )

    def __init__(
        self,
        policies: tuple[Policy, ...],
        checked: Checked,
        specs: Mapping[str, ToolSpec],
        profile: str,
        digest: Digest,
    ) -> None:
        """Use `load`."""
        self.profile = profile
        self.digest = digest
        self._policies = policies
        self._checked = checked
        self._observes = NOTHING
        self._specs = dict(specs)
        self._slices: Memory[str, Slice] = Memory(room=_TOOLS)
        self._shared: Memory[tuple[str, ...], Slice] = Memory(room=_SLICES)
        self._askers: Memory[tuple[object, ...], Asker] = Memory(room=_ASKERS)
        self._answers = Answers(profile)

    @classmethod
    def load(
        cls, sources: Mapping[str, str], cases: Mapping[str, str], *, profile: str, specs: Sequence[ToolSpec]
    ) -> "PolicyBundle":
        """Load *profile* from *sources* (file name to Cedar text) and try it on *cases* (file name to YAML text).

        File names are relative, with `/`. A file at the top is in every profile; a file in the profile's folder is in
        that profile, in place of one of the same name at the top.

        Raises: OperatorError naming the file and line, or the case, and what is wrong with it.
        """
        rehearsal = cls.rehearse(sources, cases, profile=profile, specs=specs)
        check_cases(rehearsal.files, rehearsal.judge.specs, rehearsal.judge.decide)
        return rehearsal.bundle

    @classmethod
    def rehearse(
        cls, sources: Mapping[str, str], cases: Mapping[str, str], *, profile: str, specs: Sequence[ToolSpec]
    ) -> "Rehearsal":
        """As `load`, but with the cases still to be tried.

        Raises: OperatorError as `load` does, but for a case that fails.
        """
        if not sources:
            raise OperatorError("there are no policies; without one every call would be denied")
        chosen = select(sources, profile)
        policies = read_policies(chosen)
        digest = digest_of(chosen, profile)
        files = read_cases(cases, profile)
        real = {str(spec.name): spec for spec in specs}
        samples = sample_tools(files)
        known = {**samples, **real}
        checked = check_policies(policies, known)
        strangers = {name: samples[name] for name in samples if name in real and _is_strange(real[name])}
        tried = {**known, **strangers}
        seen = check_policies(policies, tried) if strangers else checked
        judge = cls(policies, seen, tried, profile, digest)
        return Rehearsal(bundle=cls(policies, checked, real, profile, digest), judge=judge, files=files)

    @property
    def policies(self) -> tuple[Match, ...]:
        """Every policy, in the order written."""
        return tuple(policy.match() for policy in self._policies)

    @property
    def statements(self) -> tuple[Policy, ...]:
        """The same, parsed."""
        return self._policies

    @property
    def checked(self) -> Checked:
        """What the policies may count on."""
        return self._checked

    @property
    def specs(self) -> Mapping[str, ToolSpec]:
        """The tools that calls are judged for, by name."""
        return self._specs

    def only(self, policy: Policy) -> "PolicyBundle":
        """A bundle that judges by *policy* alone."""
        return self.judging_by((policy,))

    def judging_by(self, policies: tuple[Policy, ...]) -> "PolicyBundle":
        """A bundle that judges by *policies* instead, each of which must be one of these or less strict than it."""
        return PolicyBundle(policies, self._checked, self._specs, self.profile, self.digest)

    @property
    def quarantined(self) -> Mapping[ToolName, str]:
        """Tools whose arguments policy cannot see, and why. A call is denied if a policy would have to see them."""
        return {name: why for name, why in self._checked.quarantined.items() if name in self._specs}

    @property
    def dormant(self) -> Mapping[str, tuple[str, ...]]:
        """Policies that name tools of upstreams not connected, by id, and those tools. They are not type-checked."""
        return self._checked.dormant

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed but looks wrong, one sentence each."""
        return self._checked.warnings

    def schema(self) -> str:
        """Write the whole Cedar schema of the registered tools, for people and editors."""
        return str(write_schema({name: self._checked.shapes[name] for name in self._specs}, ALL))

    def leasable(self, forbids: frozenset[str]) -> frozenset[str]:
        """Answer those of *forbids* that a lease may lift: they can be lifted, and not only for each call anew."""
        lifting = (ApprovalLevel.OPERATOR, ApprovalLevel.LEASE)
        return frozenset(policy.id for policy in self._policies if policy.id in forbids and policy.approval in lifting)

    def matching(self, request: PolicyRequest) -> tuple[str, ...]:
        """Answer every policy that applies to *request*, whether or not it decides."""
        view = self._view(request)
        if isinstance(view, Denied):
            return ()
        forbids = view.slice.forbids
        found = (*self._answers.of(view, _NOTHING).matched, *self._answers.of(view, forbids).matched)
        return tuple(policy.id for policy in view.slice.ordered(found))

    def decide(self, request: PolicyRequest, *, lifted: frozenset[str] = _NOTHING) -> PolicyDecision:
        """Judge *request* as if the approval-forbids named in *lifted* were not there. Raises nothing."""
        view = self._view(request)
        if isinstance(view, Denied):
            return view
        full = self._judge(request.spec, view, lifted)
        if not self._observes:
            return full
        return let_pass(self._observes, full, lambda apart: self._judge(request.spec, view, lifted, apart=apart))

    def observing(self, observes: Observes) -> "PolicyBundle":
        """The same policies, some of them only observed; a set of its own, since it decides otherwise.

        Raises: OperatorError for an id that is no forbid of these.
        """
        if not observes:
            return self
        unknown = sorted(observes.forbids - {one.id for one in self._policies if one.effect is Effect.FORBID})
        if unknown:
            raise OperatorError(
                f"`[policy] observe` names `policy/{unknown[0]}`, which is no forbid of the profile `{self.profile}`",
                remedy="name the `@id` of a forbid",
            )
        digest = Digest.of(canonical([str(self.digest), *sorted(observes.forbids), observes.everything]))
        other = PolicyBundle(self._policies, self._checked, self._specs, self.profile, digest)
        other._observes = observes
        return other

    def written(self, request: PolicyRequest) -> PolicyInput | Denied:
        """Everything policy could read of *request*, whatever these policies read. It is not judged."""
        spec = self._specs.get(request.spec.name)
        if spec is None or spec.digest != request.spec.digest:
            return Denied(reason=reasons.unknown_tool(request.spec.name))
        shape = self._checked.shapes.get(spec.name, EMPTY)
        arguments = write_arguments(shape, request.arguments, request.around.seal)
        if isinstance(arguments, Unfit):
            return Denied(reason=reasons.unreadable(spec.name, arguments.why))
        return PolicyInput(
            principal=request.principal,
            tool=spec.name,
            definition=spec.digest,
            arguments=request.arguments,
            tooling=request.around.tooling,
            supposed={path: value for path, value in request.given.items() if not path.startswith("context.")},
            context=_read(_WHOLE.written(Judging(request, arguments, self.profile))),
        )

    def written_with(self, request: PolicyRequest, arguments: Mapping[str, Json]) -> PolicyInput | None:
        """As `written`, with other *arguments*; None where they cannot be written."""
        given = self.written(replace(request, arguments=arguments))
        return None if isinstance(given, Denied) else given

    def judge(self, given: PolicyInput, *, lifted: frozenset[str] = _NOTHING) -> PolicyDecision | Unclear:
        """Judge *given* as `decide` judges a request; `Unclear` where a policy reads what it does not hold.

        Its tool is judged as it is known here, whichever definition *given* names.
        """
        view = self._recalled(given)
        return view if isinstance(view, Denied | Unclear) else self._judge(self._specs[given.tool], view, lifted)

    def explain(self, request: PolicyRequest) -> Explanation:
        """Judge *request* and say which policies matched, which failed, and what would change the answer."""
        view = self._view(request)
        if isinstance(view, Denied):
            return Explanation(decision=view, matches=(), errors=(), context="{}", changes=_remedies(view))
        return explain(request, self._seen(request.spec, view), self.decide)

    def look(self, given: PolicyInput) -> Seen | Denied | Unclear:
        """What `judge` says of *given*, and which policies matched and failed on the way."""
        view = self._recalled(given)
        return view if isinstance(view, Denied | Unclear) else self._seen(self._specs[given.tool], view)

    def prepare(self, tool: str) -> None:
        """Hand the engine the policies that can cover *tool*, which its first call would wait for."""
        if tool in self._specs:
            self._slices.recall(tool, lambda: self._slice(tool)).without(_NOTHING)

    def covering(self, tool: str) -> tuple[Policy, ...]:
        """The policies that can cover *tool*, in the order written."""
        spec = self._specs.get(tool)
        return () if spec is None else self._slices.recall(tool, lambda: self._slice(tool)).policies

    def shape(self, tool: str) -> RecordShape:
        """The typed arguments of *tool*."""
        return self._checked.shapes.get(tool, EMPTY)

    def _seen(self, spec: ToolSpec, view: View) -> Seen:
        full = self._answers.of(view, _NOTHING)
        permits = self._answers.of(view, view.slice.forbids)
        matched = view.slice.ordered(full.matched + permits.matched)
        return Seen(
            decision=self._judge(spec, view, _NOTHING),
            matches=tuple(policy.match() for policy in matched),
            errors=full.errors,
            context=view.context,
        )

    def _judge(
        self, spec: ToolSpec, view: View, lifted: frozenset[str], *, apart: frozenset[str] = _NOTHING
    ) -> PolicyDecision:
        removed = lifted.intersection(view.slice.approvals) | apart
        return self._answers.decision(spec, view, removed)

    def _view(self, request: PolicyRequest) -> View | Denied:
        spec = request.spec
        known = self._specs.get(spec.name)
        if known is None or known.digest != spec.digest:
            return Denied(reason=reasons.unknown_tool(spec.name))
        own = self._seen_by(spec)
        if isinstance(own, Denied):
            return own
        shape = self._checked.shapes.get(spec.name, EMPTY)
        written = write_arguments(shape, request.arguments, request.around.seal, wanted=own.inputs)
        if isinstance(written, Unfit):
            return Denied(reason=reasons.unreadable(spec.name, written.why))
        who = self._asker(Parties(request.principal, spec, request.around.tooling), request.given)
        if isinstance(who, Denied):
            return who
        return View(who, own, own.context.seen(Judging(request, written, self.profile)))

    def _recalled(self, given: PolicyInput) -> View | Denied | Unclear:
        spec = self._specs.get(given.tool)
        if spec is None:
            return Denied(reason=reasons.unknown_tool(given.tool))
        own = self._seen_by(spec)
        if isinstance(own, Denied):
            return own
        context = narrowed(given, own.wants)
        if isinstance(context, Unclear):
            return context
        if "autonomy" in context:  # of whoever judges now
            context["autonomy"] = self.profile
        same = given.definition == spec.digest
        pinned: dict[str, Json] = {} if same else {"resource.digest": str(given.definition)}
        who = self._asker(Parties(given.principal, spec, given.tooling), {**pinned, **given.supposed})
        return who if isinstance(who, Denied) else View(who, own, sight_of(_write(context)))

    def _seen_by(self, spec: ToolSpec) -> Slice | Denied:
        """The policies that cover *spec*, unless they would have to see arguments that cannot be seen."""
        own = self._slices.recall(spec.name, lambda: self._slice(spec.name))
        why = self._checked.quarantined.get(spec.name)
        if why is not None and own.wants.reads_input:
            return Denied(reason=reasons.unreadable(spec.name, why))
        return own

    def _asker(self, parties: Parties, given: Mapping[str, Json]) -> Asker | Denied:
        """Who asks for what; remembered, unless something is supposed of them."""
        principal, spec = parties.principal, parties.spec
        key = (principal.tenant, principal.subject, principal.scopes, spec.name, parties.tooling)
        try:
            return asker(parties, given) if given else self._askers.recall(key, lambda: asker(parties, given))
        except ValueError:
            return Denied(reason=reasons.unreadable(spec.name, "the principal's name is not a text Cedar can hold"))

    def _slice(self, tool: str) -> Slice:
        own = tuple(policy for policy in self._policies if applies(policy, tool))
        return self._shared.recall(
            tuple(policy.id for policy in own), lambda: Slice(own, frozenset(self._checked.dormant))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A set that fits its tools, before its cases are tried."""

    bundle: PolicyBundle
    judge: PolicyBundle
    """The same with the sample tools among its tools; the cases are for it."""
    files: tuple[CaseFile, ...]


def _read(context: str) -> Mapping[str, Json]:
    return cast("Mapping[str, Json]", json.loads(context))


def _remedies(denied: Denied) -> tuple[str, ...]:
    return () if denied.reason.remedy is None else (denied.reason.remedy,)


def _is_strange(spec: ToolSpec) -> bool:
    """Whether it is a server's tool under the server's own name for it: no case means that one."""
    return isinstance(spec.runtime, Upstream) and "__" not in spec.name
