"""Holds a policy set against the tools it is for, before any call: types, names, words. It evaluates nothing.

1. Every policy type-checks against every tool it can cover, and against a tool without arguments.
2. A tool of ours or a policy that names a tool is the operator's: a clash there refuses the whole set.
3. A tool that came from elsewhere and clashes with a policy about all tools is quarantined alone.
4. A policy may name a tool of an upstream (`server__tool`) that is not connected; any other unknown tool is a typo.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cedarpy
from cedarpy import pst

from holdfast.contracts import Builtin, OperatorError, ToolName, ToolSpec

from .complaints import Complaint, refuse_first
from .mentions import Wanted, actions_named, applies, check_words, names_its_tools, tools_named, wanted
from .rules import Policy
from .schema import type_key, write_schema
from .shapes import EMPTY, RecordShape, Unexpressible, input_shape

_BLANK: Final = "*"
"""A tool without arguments; no tool can have this name. What holds for it holds for tools yet to come."""
_SERVER_MARK: Final = "__"
_TOGETHER: Final = 64
"""Policies asked about at once where each names tools of its own."""
_SCOPED: Final = (pst.ActionEq, pst.ActionIn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a policy set may count on."""

    shapes: Mapping[str, RecordShape]
    """The arguments of each tool, by its name; empty for a quarantined one."""
    quarantined: Mapping[ToolName, str]
    """Tools whose arguments no policy can see, and why."""
    dormant: Mapping[str, tuple[str, ...]]
    """Policies that name tools of upstreams not connected now, and those tools."""
    warnings: tuple[str, ...]


def check_policies(policies: tuple[Policy, ...], specs: Mapping[str, ToolSpec]) -> Checked:
    """Hold *policies* against *specs*.

    Raises: OperatorError naming file, line and policy.
    """
    checked, complaints = survey_policies(policies, specs)
    refuse_first(complaints)
    return checked


def survey_policies(
    policies: tuple[Policy, ...], specs: Mapping[str, ToolSpec]
) -> tuple[Checked, tuple[Complaint, ...]]:
    """Hold *policies* against *specs*, and say everything that is wrong rather than the first of it."""
    wrong = [each for policy in policies for each in _wrong_words(policy)]
    dormant, unknown = _dormant(policies, specs)
    wrong.extend(unknown)
    awake = tuple(policy for policy in policies if policy.id not in dormant)
    wants = wanted(policies)
    shapes, quarantined = _shapes(specs)
    if _complaints(awake, shapes, wants):
        clashing, ours = _clashing(awake, specs, shapes, wants)
        for name, why in clashing.items():
            shapes[name], quarantined[ToolName(name)] = EMPTY, why
        wrong.extend(ours or _complaints(awake, shapes, wants))
    known = frozenset(name for shape in shapes.values() for name in shape.parts)
    warnings: list[str] = []
    told = {one.policy for one in wrong if one.rule == "types"}
    for policy in (one for one in awake if one.id not in told):
        said = _names_nothing(policy, shapes, known)
        if said is not None and names_its_tools(policy):
            wrong.append(_about(policy, "types", said))
        elif said is not None:
            warnings.append(said)
    return Checked(shapes=shapes, quarantined=quarantined, dormant=dormant, warnings=tuple(warnings)), tuple(wrong)


def _about(policy: Policy, rule: str, message: str) -> Complaint:
    return Complaint(rule=rule, file=policy.source.file, line=policy.source.line, policy=policy.id, message=message)


def _wrong_words(policy: Policy) -> tuple[Complaint, ...]:
    try:
        check_words(policy)
    except OperatorError as error:
        return (_about(policy, "words", error.message),)
    return ()


def _shapes(specs: Mapping[str, ToolSpec]) -> tuple[dict[str, RecordShape], dict[ToolName, str]]:
    shapes: dict[str, RecordShape] = {}
    quarantined: dict[ToolName, str] = {}
    for name, spec in specs.items():
        try:
            shapes[name] = input_shape(spec.input_schema)
        except Unexpressible as why:
            shapes[name], quarantined[spec.name] = EMPTY, str(why)
    return shapes, quarantined


def _dormant(
    policies: tuple[Policy, ...], specs: Mapping[str, ToolSpec]
) -> tuple[dict[str, tuple[str, ...]], tuple[Complaint, ...]]:
    """Find the policies that name tools not there; those that name one no upstream could bring are wrong."""
    found: dict[str, tuple[str, ...]] = {}
    wrong: list[Complaint] = []
    for policy in policies:
        missing = sorted(tools_named(policy) - specs.keys())
        if missing:
            found[policy.id] = tuple(missing)
        said = (
            f"{policy.source.place}: policy `{policy.id}` names the tool `{name}`,"
            " which is neither registered nor declared under `tools` in a case file"
            for name in missing
            if _SERVER_MARK not in name
        )
        wrong.extend(_about(policy, "unknown-tool", one) for one in said)
    return found, tuple(wrong)


def _clashing(
    policies: tuple[Policy, ...], specs: Mapping[str, ToolSpec], shapes: Mapping[str, RecordShape], wants: Wanted
) -> tuple[dict[str, str], tuple[Complaint, ...]]:
    """Find the foreign tools whose arguments do not fit the policies about all tools, and what does not fit ours."""
    foreign = [name for name in shapes if not isinstance(specs[name].runtime, Builtin)]
    general = tuple(policy for policy in policies if not tools_named(policy) & set(foreign))
    ours = {name: shape for name, shape in shapes.items() if name not in foreign}
    complaints = _complaints(general, ours, wants)
    if complaints:
        return {}, complaints

    def search(names: list[str]) -> dict[str, str]:
        said = _complaints(general, {**ours, **{name: shapes[name] for name in names}}, wants)
        if not said:
            return {}
        if len(names) == 1:
            return {names[0]: said[0].message}
        half = len(names) // 2
        return {**search(names[:half]), **search(names[half:])}

    return search(foreign), ()


def _complaints(
    policies: tuple[Policy, ...], shapes: Mapping[str, RecordShape], wants: Wanted
) -> tuple[Complaint, ...]:
    """Answer the type errors of *policies* against *shapes*, in the order the policies are written in.

    A policy that names no action has the same type for two actions whose contexts have the same type, so it is held
    against one of each; one that names actions is held against those as well. Cedar judges; it is only asked less.
    """
    every = {_BLANK: EMPTY, **shapes}
    apart = frozenset(_one_of_each(every, wants))
    groups: dict[frozenset[str], list[Policy]] = {}
    for policy in policies:
        named = actions_named(policy)
        groups.setdefault(named if isinstance(policy.template.action, _SCOPED) else named | apart, []).append(policy)
    found: list[Complaint] = []
    for names, members in _together(groups):
        found.extend(_asked(members, {name: every[name] for name in every if name in names}, wants))
    order = {policy.id: place for place, policy in enumerate(policies)}
    return tuple(sorted(found, key=lambda one: (order.get(one.policy, -1), one.message)))


def _one_of_each(shapes: Mapping[str, RecordShape], wants: Wanted) -> tuple[str, ...]:
    """Answer one name for each type of arguments, as far as *wants* sees them."""
    found: dict[str, str] = {}
    for name, shape in shapes.items():
        found.setdefault(type_key(shape, wants), name)
    return tuple(found.values())


def _together(groups: Mapping[frozenset[str], Sequence[Policy]]) -> Iterator[tuple[frozenset[str], list[Policy]]]:
    """Join groups until they hold a fair number of policies: a question costs policies times actions."""
    names, members = frozenset[str](), list[Policy]()
    for more, policies in groups.items():
        names, members = names | more, [*members, *policies]
        if len(members) >= _TOGETHER:
            yield names, members
            names, members = frozenset[str](), []
    if members:
        yield names, members


def _asked(policies: Sequence[Policy], shapes: Mapping[str, RecordShape], wants: Wanted) -> Iterator[Complaint]:
    """Ask Cedar's validator."""
    try:
        schema = write_schema(shapes, wants)
    except ValueError as error:
        said = f"the arguments of the tools cannot be written as a Cedar schema: {_one_line(str(error))}"
        yield Complaint(rule="types", file="", line=0, policy="", message=said)
        return
    text = "\n".join(policy.source.text for policy in policies)
    result = cedarpy.validate_policies(text, schema)  # pyright: ignore[reportUnknownMemberType] -- cedarpy leaves its dicts untyped
    if result.validation_passed:
        return
    if not result.errors:
        said = "the policies do not fit the tools, and Cedar does not say where"
        yield Complaint(rule="types", file="", line=0, policy="", message=said)
    for clash in result.errors:
        policy = policies[int(clash.policy_id.removeprefix("policy") or 0)]
        said = _one_line(clash.error).removeprefix(f"for policy `{clash.policy_id}`, ")
        said = said.replace(f'"{_BLANK}"', "any tool")
        yield _about(policy, "types", f"{policy.source.place}: policy `{policy.id}` does not fit the tools: {said}")


def _names_nothing(policy: Policy, shapes: Mapping[str, RecordShape], known: frozenset[str]) -> str | None:
    """Find arguments a policy asks for that no tool it covers has: `has` makes Cedar accept such a typo."""
    asked = wanted((policy,)).inputs
    if not asked:
        return None
    if names_its_tools(policy):
        known = frozenset(part for name in tools_named(policy) & shapes.keys() for part in _parts(policy, name, shapes))
    unknown = sorted(asked - known)
    if not unknown:
        return None
    return (
        f"{policy.source.place}: policy `{policy.id}` asks for `context.input.{unknown[0]}`,"
        " which no tool it covers takes"
    )


def _parts(policy: Policy, name: str, shapes: Mapping[str, RecordShape]) -> Iterable[str]:
    return shapes[name].parts if applies(policy, name) else ()


def _one_line(text: str) -> str:
    return " ".join(text.split())
