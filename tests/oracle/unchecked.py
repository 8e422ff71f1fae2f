"""Policy sets that nobody type-checked, as dormant policies are not: every failure that there is can happen in them."""

from collections.abc import Sequence

from tests.oracle import cedar_naive
from tests.oracle.cedar_expressions import TOOLS

from holdfast.contracts import Digest
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.policy.checking import Checked
from holdfast.safety.policy.rules import Policy
from holdfast.safety.policy.shapes import input_shape

SHAPES = {str(spec.name): input_shape(spec.input_schema) for spec in TOOLS}
CHECKED = Checked(shapes=SHAPES, quarantined={}, dormant={}, warnings=())


def unchecked(policies: tuple[Policy, ...]) -> PolicyBundle:
    """A bundle of *policies* for the tools of `cedar_expressions`."""
    return PolicyBundle(policies, CHECKED, {str(spec.name): spec for spec in TOOLS}, "p", Digest.of(b""))


def naive_rules(policies: Sequence[Policy]) -> list[cedar_naive.Rule]:
    """The same for the naive interpreter."""
    return [
        cedar_naive.Rule(one.id, one.effect.value, None if one.approval is None else one.approval.value, one.template)
        for one in policies
    ]
