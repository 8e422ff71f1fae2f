"""`holdfast policy prove`: exit codes, what is printed, and that what is found is a case that holds."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.contracts import InvalidRequest, OperatorError, Scope
from holdfast.safety.policy import PolicyBundle
from holdfast.server.assembly import builtin_specs
from holdfast.server.cli import proving
from holdfast.server.cli.explaining import explain
from holdfast.server.cli.options import Format
from holdfast.server.policy_files import read_policy_files

PERMIT = '@id("all") @reason("r") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'
PAY = (
    '@id("large") @reason("r") @approval("operator") forbid (principal, action == Action::"bank__pay", resource)'
    ' when { context.input.amount.greaterThan(decimal("100.0")) };\n'
)
CASES = """
profiles: [p]
tools:
  - name: bank__pay
    upstream: bank
    effects: [spend]
    input: {type: object, properties: {amount: {type: number}}, required: [amount]}
cases:
  - {name: no scope, call: echo, with: {text: a}, as: {scopes: []}, expect: deny}
"""


def folder(at: Path, text: str) -> Path:
    (at / "p").mkdir(parents=True)
    (at / "tests").mkdir()
    (at / "p" / "it.cedar").write_text(text)
    (at / "tests" / "it.yaml").write_text(CASES)
    return at


def rows(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_proof_is_exit_0_and_says_what_it_rests_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = folder(tmp_path / "set", PERMIT + PAY)

    assert proving.scope(Scope.CALL, folder=at, profile="p") == 0

    said = capsys.readouterr().out
    assert "proved" in said
    assert "`principal.scopes` is of the words that there are" in said
    assert "the policies are as written" in said


def test_a_call_that_is_found_is_exit_1_and_a_case_file_that_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = folder(tmp_path / "old", PERMIT + PAY), folder(tmp_path / "new", PERMIT)

    assert proving.no_wider(str(new), str(old), profile="p") == 0
    capsys.readouterr()
    assert proving.no_wider(str(old), str(new), profile="p", output=Format.JSON) == 1

    (row,) = rows(capsys)
    assert row["answer"] == "counterexample"
    assert row["decided"] == {"old": "ask by large", "new": "allow by all"}
    assert row["case"]["call"] == "bank__pay"
    assert row["case"]["with"]["amount"] > 100
    sources, cases = read_policy_files(new)
    PolicyBundle.load(sources, {**cases, "tests/found.yaml": row["file"]}, profile="p", specs=builtin_specs())
    wrong = yaml.safe_load(row["file"])
    wrong["cases"][0]["expect"] = "ask"
    with pytest.raises(OperatorError, match="expected `ask`"):
        PolicyBundle.load(
            sources, {**cases, "tests/found.yaml": yaml.safe_dump(wrong)}, profile="p", specs=builtin_specs()
        )


def test_explain_confirms_the_call_that_is_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at, found = folder(tmp_path / "set", PERMIT + PAY), tmp_path / "found.yaml"
    asked = 'context.input.amount.greaterThan(decimal("2000.0"))'

    assert proving.never(when=asked, folder=at, profile="p", tool=["bank__pay"], save=found) == 1
    capsys.readouterr()
    assert explain(call=str(found), folder=at, profile="p") == 0

    assert "holds this call until somebody approves it" in capsys.readouterr().out
    with pytest.raises(OperatorError, match="cannot write"):
        proving.never(when=asked, folder=at, profile="p", tool=["bank__pay"], save=tmp_path / "no" / "where")


def test_what_cannot_be_encoded_is_exit_3_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = '@id("odd") @reason("r") forbid (principal, action, resource) unless { ip("10.0.0.1").isLoopback() };\n'
    at = folder(tmp_path / "set", PERMIT + odd)

    assert proving.never(when="context.facts.leaks > 0", folder=at, profile="p", tool=["echo"]) == 3

    said = capsys.readouterr().out
    assert "outside" in said
    assert "`is_loopback`, `p/it.cedar` line 2, policy `odd`" in said.replace("\n", " ")


def test_policy_by_itself_lets_an_unapproved_tool_through_unless_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = folder(tmp_path / "set", PERMIT)

    assert proving.unapproved(folder=at, profile="p", tool=["echo"], output=Format.JSON) == 1
    (row,) = rows(capsys)
    assert row["case"]["facts"]["resource.state"] in ("quarantined", "unknown")
    assert "only approved tools are served" in row["elsewhere"][0]
    assert proving.unapproved(profile="readonly", tool=["file_read"]) == 0


@pytest.mark.parametrize("asked", ["context.facts.leaks >", "true }; permit (principal, action, resource) when { true"])
def test_a_question_that_is_no_expression_is_refused(asked: str, tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        proving.never(when=asked, folder=folder(tmp_path / "set", PERMIT), profile="p")


def test_a_tool_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no tool `nowhere`"):
        proving.unapproved(folder=folder(tmp_path / "set", PERMIT), profile="p", tool=["nowhere"])


def test_without_the_solver_the_verb_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.safety.policy.proving.solver.find_spec", lambda _name: None)

    with pytest.raises(OperatorError, match=r"pip install 'holdfast\[prove\]'"):
        proving.unapproved(folder=folder(tmp_path / "set", PERMIT), profile="p")


def test_a_set_is_compared_with_the_one_of_a_git_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at = folder(tmp_path / "policies", PERMIT + PAY)
    (at / "examples" / "one" / "q").mkdir(parents=True)
    (at / "examples" / "one" / "q" / "it.cedar").write_text(PERMIT)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "-q", "-m", "first")
    monkeypatch.chdir(tmp_path)

    assert proving.no_wider("HEAD:policies", "policies") == 0
    (at / "p" / "it.cedar").write_text(PERMIT)
    assert proving.no_wider("HEAD:policies", "policies") == 1
    assert "ask by large" in capsys.readouterr().out


def git(at: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=at, check=True, capture_output=True)
