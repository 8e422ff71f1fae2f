"""Every policy that ships, examples too, can be asked about: nothing in it is outside of what the prover encodes."""

from pathlib import Path

import pytest
from tests.oracle.policy_world import POLICIES

from holdfast.safety.policy.cases import read_cases, sample_tools
from holdfast.safety.policy.profiles import select
from holdfast.safety.policy.proving import Prover
from holdfast.safety.policy.rules import read_policies
from holdfast.server.assembly import builtin_specs
from holdfast.server.policy_files import read_policy_files

SETS = [POLICIES, *(one for one in sorted((POLICIES / "examples").iterdir()) if one.is_dir())]


@pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)
def test_every_policy_is_encoded_whole_for_every_tool(folder: Path) -> None:
    sources, cases = read_policy_files(folder)
    for profile in {name.partition("/")[0] for name in sources if "/" in name}:
        specs = sample_tools(read_cases(cases, profile)) | {str(spec.name): spec for spec in builtin_specs()}
        policies, prover = read_policies(select(sources, profile)), Prover(specs)

        assert {rule.policy.id: rule.odd for tool in specs for rule in prover.rules(tool, policies) if rule.odd} == {}
