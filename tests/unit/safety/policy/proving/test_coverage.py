"""Every policy that ships can be asked about: nothing in it is outside of what the prover encodes."""

import pytest
from tests.oracle.policy_world import shipped, shipped_cases

from holdfast.safety.policy.cases import read_cases, sample_tools
from holdfast.safety.policy.proving import Prover
from holdfast.server.assembly import builtin_specs


@pytest.mark.parametrize("profile", ["readonly", "supervised", "autonomous"])
def test_every_shipped_policy_is_encoded_whole_for_every_tool(profile: str) -> None:
    specs = sample_tools(read_cases(shipped_cases(), profile)) | {str(spec.name): spec for spec in builtin_specs()}
    policies, prover = shipped(profile, *specs.values()).statements, Prover(specs)

    assert {rule.policy.id: rule.odd for tool in specs for rule in prover.rules(tool, policies) if rule.odd} == {}
