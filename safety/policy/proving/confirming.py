"""Asks the engine itself about a call that a solver found: what it does not confirm is never shown as a finding."""

from collections.abc import Mapping
from typing import final

from cedarpy import pst

from holdfast.contracts import Json, OperatorError, ToolSpec

from ..bundle import PolicyBundle
from ..cases import Case, asked, read_case
from ..decisions import Allowed, Asks, Denied, PolicyDecision
from ..rules import Policy
from .judging import Sheet

_RANK = {Denied: 0, Asks: 1, Allowed: 2}


@final
class Judge:
    """A loaded policy set, asked about cases."""

    __slots__ = ("_alone", "_bundle", "sheet")

    def __init__(self, bundle: PolicyBundle) -> None:
        self._bundle = bundle
        self._alone: dict[pst.Template, PolicyBundle] = {}
        self.sheet = Sheet(policies=bundle.statements, checked=bundle.checked, specs=bundle.specs)

    def decide(self, written: Mapping[str, Json]) -> PolicyDecision | None:
        """What is decided about the case *written*; None where it cannot be read.

        One that lifts anything is judged with every forbid lifted that a lease of this set may lift.
        """
        case, spec = self._read(written)
        if case is None or spec is None:
            return None
        lifted = self.sheet.leasable if case.lifted else frozenset[str]()
        return self._bundle.decide(asked(case, spec), lifted=lifted)

    def rank(self, written: Mapping[str, Json]) -> int:
        """2 for allowed, 1 for asks, 0 for denied; -1 where the case cannot be read."""
        decision = self.decide(written)
        return -1 if decision is None else _RANK[type(decision)]

    def matches(self, policy: Policy, written: Mapping[str, Json]) -> bool:
        """Whether *policy* alone applies to the case *written*, and does not fail."""
        case, spec = self._read(written)
        if case is None or spec is None:
            return False
        if policy.template not in self._alone:
            self._alone[policy.template] = self._bundle.only(policy)
        said = self._alone[policy.template].explain(asked(case, spec))
        return not said.errors and any(match.id == policy.id for match in said.matches)

    def _read(self, written: Mapping[str, Json]) -> tuple[Case | None, ToolSpec | None]:
        try:
            case = read_case("what was found", {"name": "found", "expect": "deny", **written})
        except OperatorError:
            return None, None
        return case, self.sheet.specs.get(case.tool)
