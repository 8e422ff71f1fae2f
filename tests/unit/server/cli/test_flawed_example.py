"""Each mistake that `docs/policy-guide.md` lists of the flawed example is shown by the verb that it names."""

import json
from pathlib import Path

import pytest

from holdfast.contracts import Scope
from holdfast.server.cli import comparing, proving
from holdfast.server.cli.explaining import explain
from holdfast.server.cli.options import Format
from holdfast.server.cli.policy_check import CheckFormat, RunFormat, check, run_cases

ROOT = Path(__file__).parents[4]
FLAWED = ROOT / "policies" / "examples" / "flawed"
YESTERDAY = ROOT / "policies" / "examples" / "flawed-yesterday"
GUIDE = (ROOT / "docs" / "policy-guide.md").read_text("utf-8")


def test_check_finds_what_the_guide_says_and_no_more(capsys) -> None:
    assert check(folder=FLAWED, output=CheckFormat.JSON) == 0
    (profile,) = json.loads(capsys.readouterr().out)

    assert {(one["rule"], one["policy"]) for one in profile["remarks"]} == {
        ("unfolded-path", "no-secret-files"),
        ("absent-permits", "short-log"),
        ("never-applies", "no-staged-change"),
        ("shadowed", "ask-reset"),
        ("no-negative-test", "repository"),
        ("no-negative-test", "time"),
    }
    for remark in profile["remarks"]:
        (row,) = [line for line in GUIDE.splitlines() if line.startswith("|") and f"`{remark['rule']}`" in line]
        assert f"`{remark['policy']}`" in row


def test_test_names_what_no_case_reaches(capsys) -> None:
    assert run_cases(folder=FLAWED, least=100, output=RunFormat.JSON) == 1
    (profile,) = json.loads(capsys.readouterr().out)

    assert profile["uncovered"] == ["no-staged-change", "no-move-out"]


def test_prove_finds_the_call_without_the_scope(capsys) -> None:
    assert proving.scope(Scope.CALL, tool=["git__git_log"], folder=FLAWED) == 1
    assert "allow by short-log" in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["diff", "no-wider"])
def test_two_versions_compared_show_what_todays_change_lets_through(verb: str, capsys) -> None:
    if verb == "diff":
        assert comparing.diff(str(YESTERDAY), str(FLAWED), profile="supervised", most=20) == 1
    else:
        assert proving.no_wider(str(YESTERDAY), str(FLAWED)) == 1
    assert "git__git_checkout" in capsys.readouterr().out


def test_explain_shows_that_private_data_frees_a_call(tmp_path: Path, capsys) -> None:
    call = GUIDE.partition("name: a stranger's text")[2].partition("```")[0]
    (tmp_path / "strange.yaml").write_text(f"name: a stranger's text{call}")

    explain(call=str(tmp_path / "strange.yaml"), folder=FLAWED, profile="supervised", output=Format.TEXT)

    said = capsys.readouterr().out
    assert "policy allows this call" in said
    assert "no private data is in the session" in said
    assert "`ask-untrusted-change`" in said
