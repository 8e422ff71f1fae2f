"""Tools that policy no longer fits since they changed: which policy, which tool, what changed. It withholds nothing.

The set that judges stays; the tool is in quarantine, and its calls are denied, until either of the two is put right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.contracts import Json, ToolName, ToolSpec
from holdfast.safety.policy.checking import survey_policies
from holdfast.safety.policy.complaints import Complaint
from holdfast.safety.policy.rules import Policy
from holdfast.safety.policy.shapes import Part, Unexpressible, input_shape

_MOST: Final = 8
"""Arguments that are named; a tool may change hundreds at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One tool that the policies of now do not fit as it is now."""

    tool: ToolName
    policy: str
    """The id of the first policy that does not fit; empty where a case of the set fails instead."""
    why: str
    """Where it stands, and what is wrong: one sentence."""
    change: str
    """What is other about the tool than when policy fitted it."""
    spec: ToolSpec
    """The tool as it is now."""

    def to_json(self) -> dict[str, Json]:
        """As operators are shown it."""
        return {"tool": self.tool, "policy": self.policy, "why": self.why, "change": self.change}


def drift_of(
    policies: tuple[Policy, ...], others: Mapping[ToolName, ToolSpec], spec: ToolSpec, before: ToolSpec | None, why: str
) -> Drift:
    """What *policies*, which fit *others*, do not fit about *spec*; *before* is what they fitted in its place.

    *why* is what loading them with it said.
    """
    _checked, complaints = survey_policies(policies, {str(one.name): one for one in (*others.values(), spec)})
    first: Complaint | None = next((one for one in complaints if one.policy), None)
    return Drift(
        tool=spec.name,
        policy="" if first is None else first.policy,
        why=why if first is None else first.message,
        change=_changed(before, spec),
        spec=spec,
    )


def _changed(before: ToolSpec | None, after: ToolSpec) -> str:
    if before is None:
        return "the tool is new"
    was, now = _parts(before), _parts(after)
    if was is None or now is None:
        return "its schema has more parts than policy can see"
    gone, new = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
    other = sorted(name for name in was.keys() & now.keys() if was[name] != now[name])
    said = [
        f"{what} {', '.join(f'`{name}`' for name in names[:_MOST])}{', …' if len(names) > _MOST else ''}"
        for what, names in (("gone:", gone), ("new:", new), ("of another type:", other))
        if names
    ]
    return "; ".join(said) or "nothing that policy sees of its arguments"


def _parts(spec: ToolSpec) -> Mapping[str, Part] | None:
    try:
        return input_shape(spec.input_schema).parts
    except Unexpressible:
        return None
