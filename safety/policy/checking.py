"""Holds a policy set against the tools it is for, before any call: types, names, words. It evaluates nothing.

1. Every policy type-checks against every tool it can cover, and against a tool without arguments.
2. A tool of ours or a policy that names a tool is the operator's: a clash there refuses the whole set.
3. A tool that came from elsewhere and clashes with a policy about all tools is quarantined alone.
4. A policy may name a tool of an upstream (`server__tool`) that is not connected; any other unknown tool is a typo.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import cedarpy

from holdfast.contracts import Builtin, OperatorError, ToolName, ToolSpec

from .mentions import Wanted, applies, check_words, names_its_tools, tools_named, wanted
from .rules import Policy
from .schema import write_schema
from .shapes import EMPTY, RecordShape, Unexpressible, input_shape

_BLANK: Final = "*"
"""A tool without arguments; no tool can have this name. What holds for it holds for tools yet to come."""
_SERVER_MARK: Final = "__"


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
    for policy in policies:
        check_words(policy)
    dormant = _dormant(policies, specs)
    awake = tuple(policy for policy in policies if policy.id not in dormant)
    wants = wanted(policies)
    shapes, quarantined = _shapes(specs)
    if _complaint(awake, shapes, wants) is not None:
        for name, why in _clashing(awake, specs, shapes, wants).items():
            shapes[name], quarantined[ToolName(name)] = EMPTY, why
        complaint = _complaint(awake, shapes, wants)
        if complaint is not None:
            raise OperatorError(complaint)
    warnings = tuple(warning for policy in awake for warning in _names_nothing(policy, shapes))
    return Checked(shapes=shapes, quarantined=quarantined, dormant=dormant, warnings=warnings)


def _shapes(specs: Mapping[str, ToolSpec]) -> tuple[dict[str, RecordShape], dict[ToolName, str]]:
    shapes: dict[str, RecordShape] = {}
    quarantined: dict[ToolName, str] = {}
    for name, spec in specs.items():
        try:
            shapes[name] = input_shape(spec.input_schema)
        except Unexpressible as why:
            shapes[name], quarantined[spec.name] = EMPTY, str(why)
    return shapes, quarantined


def _dormant(policies: tuple[Policy, ...], specs: Mapping[str, ToolSpec]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for policy in policies:
        missing = sorted(tools_named(policy) - specs.keys())
        for name in missing:
            if _SERVER_MARK not in name:
                raise OperatorError(
                    f"{policy.source.place}: policy `{policy.id}` names the tool `{name}`,"
                    " which is neither registered nor declared under `tools` in a case file"
                )
        if missing:
            found[policy.id] = tuple(missing)
    return found


def _clashing(
    policies: tuple[Policy, ...], specs: Mapping[str, ToolSpec], shapes: Mapping[str, RecordShape], wants: Wanted
) -> dict[str, str]:
    """Find the foreign tools whose arguments do not fit the policies about all tools."""
    foreign = [name for name in shapes if not isinstance(specs[name].runtime, Builtin)]
    general = tuple(policy for policy in policies if not tools_named(policy) & set(foreign))
    ours = {name: shape for name, shape in shapes.items() if name not in foreign}
    complaint = _complaint(general, ours, wants)
    if complaint is not None:
        raise OperatorError(complaint)

    def search(names: list[str]) -> dict[str, str]:
        said = _complaint(general, {**ours, **{name: shapes[name] for name in names}}, wants)
        if said is None:
            return {}
        if len(names) == 1:
            return {names[0]: said}
        half = len(names) // 2
        return {**search(names[:half]), **search(names[half:])}

    return search(foreign)


def _complaint(policies: tuple[Policy, ...], shapes: Mapping[str, RecordShape], wants: Wanted) -> str | None:
    """Answer the first type error of *policies* against *shapes*, or None."""
    try:
        schema = write_schema({_BLANK: EMPTY, **shapes}, wants)
    except ValueError as error:
        return f"the arguments of the tools cannot be written as a Cedar schema: {_one_line(str(error))}"
    text = "\n".join(policy.source.text for policy in policies)
    result = cedarpy.validate_policies(text, schema)  # pyright: ignore[reportUnknownMemberType] -- cedarpy leaves its dicts untyped
    if result.validation_passed:
        return None
    if not result.errors:
        return "the policies do not fit the tools, and Cedar does not say where"
    first = min(result.errors, key=lambda error: (error.policy_id, error.error))
    place = int(first.policy_id.removeprefix("policy") or 0)
    policy = policies[place]
    said = _one_line(first.error).removeprefix(f"for policy `{first.policy_id}`, ").replace(f'"{_BLANK}"', "any tool")
    return f"{policy.source.place}: policy `{policy.id}` does not fit the tools: {said}"


def _names_nothing(policy: Policy, shapes: Mapping[str, RecordShape]) -> tuple[str, ...]:
    """Find arguments a policy asks for that no tool it covers has: `has` makes Cedar accept such a typo."""
    covered = [name for name in shapes if applies(policy, name)]
    known = {name for tool in covered for name in shapes[tool].parts}
    unknown = sorted(wanted((policy,)).inputs - known)
    if not unknown:
        return ()
    said = (
        f"{policy.source.place}: policy `{policy.id}` asks for `context.input.{unknown[0]}`,"
        " which no tool it covers takes"
    )
    if names_its_tools(policy):
        raise OperatorError(said)
    return (said,)


def _one_line(text: str) -> str:
    return " ".join(text.split())
