"""The examples load as they stand, each of their policies is needed by a case, and none is part of the shipped set."""

from pathlib import Path

import pytest
from tests.oracle.policy_world import POLICIES

from holdfast.contracts import OperatorError
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.policy.profiles import select
from holdfast.safety.policy.source import statements
from holdfast.server.policy_files import read_policy_files

EXAMPLES = POLICIES / "examples"
NAMES = ("approval-gate", "autonomy-levels", "command-allowlist", "paths-and-rates")
LEVELS = ("readonly", "supervised", "autonomous")
PROFILES = [(name, level) for name in NAMES for level in LEVELS if (EXAMPLES / name / level).is_dir()]


def test_every_example_is_told_of() -> None:
    page = (EXAMPLES / "README.md").read_text("utf-8")

    assert {name for name, _ in PROFILES} == set(NAMES)
    assert all(f"({name})" in page and (EXAMPLES / name / "README.md").read_text("utf-8") for name in NAMES)


@pytest.mark.parametrize(("name", "profile"), PROFILES)
def test_an_example_loads_and_each_of_its_policies_is_needed(name: str, profile: str) -> None:
    sources, cases = read_policy_files(EXAMPLES / name)

    PolicyBundle.load(sources, cases, profile=profile, specs=[])
    for file, text in select(sources, profile).items():
        for gone in statements(file, text):
            lame = {**sources, file: text.replace(gone.text, "")}
            with pytest.raises(OperatorError):
                PolicyBundle.load(lame, cases, profile=profile, specs=[])


def test_no_example_is_part_of_a_set(tmp_path: Path) -> None:
    sources, cases = read_policy_files(None)
    assert not any(name.startswith("examples") for name in (*sources, *cases))

    (tmp_path / "examples" / "p").mkdir(parents=True)
    (tmp_path / "p" / "examples").mkdir(parents=True)
    (tmp_path / "examples" / "p" / "a.cedar").write_text("nothing that Cedar knows")
    (tmp_path / "p" / "a.cedar").write_text("// told")
    assert set(read_policy_files(tmp_path)[0]) == {"p/a.cedar"}
