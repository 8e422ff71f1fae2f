"""`holdfast policy check` and `test`: exit codes, formats, tools from a file, and running again when a file changes."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from holdfast.contracts import InvalidRequest, OperatorError
from holdfast.server.assembly import builtin_specs
from holdfast.server.cli.policy_check import CheckFormat, RunFormat, check, run_cases
from holdfast.server.policy_tools import read_tools, written

SCOPE = (
    '@id("scope") @reason("no scope") forbid (principal, action, resource)'
    ' unless { principal.scopes.contains("call") };\n'
)
OPEN = '@id("all") @reason("r") permit (principal, action, resource);\n'
CASES = """profiles: [supervised]
cases:
  - {name: no scope, call: echo, as: {scopes: []}, with: {text: a}, expect: deny, by: scope, message: no scope}
  - {name: it echoes, call: echo, with: {text: a}, expect: allow, by: all}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "supervised").mkdir()
    (tmp_path / "supervised" / "it.cedar").write_text(SCOPE + OPEN)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "it.yaml").write_text(CASES)
    return tmp_path


def test_a_clean_set_is_0_a_warning_is_1_if_strict_and_an_error_is_2(folder: Path, capsys) -> None:
    rules = folder / "supervised" / "it.cedar"

    assert check(folder=folder, strict=True) == 0
    rules.write_text(SCOPE + OPEN + OPEN.replace("all", "again"))
    assert check(folder=folder) == 0
    assert check(folder=folder, strict=True) == 1
    rules.write_text(SCOPE + OPEN + OPEN)
    assert check(folder=folder) == 2
    assert "error[annotations] `supervised/it.cedar` line 3: the id `all` is already taken" in capsys.readouterr().err


def test_a_check_as_json_and_as_sarif_says_the_same(folder: Path, capsys, monkeypatch) -> None:
    (folder / "supervised" / "it.cedar").write_text(SCOPE + OPEN + OPEN.replace("all", "again"))
    monkeypatch.chdir(folder.parent)

    assert check(folder=folder, output=CheckFormat.JSON) == 0
    (profile,) = json.loads(capsys.readouterr().out)
    assert check(folder=folder, output=CheckFormat.SARIF) == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]

    assert (profile["profile"], profile["policies"]) == ("supervised", ["scope", "all", "again"])
    assert [(one["rule"], one["policy"], one["line"]) for one in profile["remarks"]] == [
        (one["ruleId"], one["properties"]["policy"], one["locations"][0]["physicalLocation"]["region"]["startLine"])
        for one in run["results"]
    ]
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]}
    assert uris == {f"{folder.name}/supervised/it.cedar"}


def test_tools_of_a_file_are_checked_against(folder: Path, tmp_path: Path, capsys) -> None:
    rules = folder / "supervised" / "it.cedar"
    rules.write_text(
        SCOPE + OPEN + '@id("mail") @reason("r") forbid (principal, action == Action::"mail__send", resource)'
        " when { context.input has bcc };\n"
    )
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps({"tools": [{"name": "mail__send", "inputSchema": {"properties": {"cc": {}}}}]}))

    assert check(folder=folder, strict=True) == 0, "a policy that waits for its server is no mistake"
    assert "note[dormant]" in capsys.readouterr().err
    assert check(folder=folder, tools=str(tools)) == 2
    assert "error[types]" in capsys.readouterr().err
    tools.write_text("[{}]")
    with pytest.raises(InvalidRequest, match="tool 1: `name` must be"):
        check(folder=folder, tools=str(tools))


def test_every_case_that_fails_is_said_with_its_line(folder: Path, capsys) -> None:
    (folder / "tests" / "it.yaml").write_text(
        CASES.replace("by: all", "by: scope").replace("message: no scope", "message: nothing")
    )

    assert run_cases(folder=folder) == 1
    said = capsys.readouterr()
    assert "tests/it.yaml line 3: case `no scope`: expected the message `nothing`, but" in said.err
    assert "tests/it.yaml line 4: case `it echoes`: expected `allow` by `scope`, decided `allow` by `all`" in said.err
    assert "supervised: 0 of 2 cases hold" in said.out


def test_policies_that_no_case_reaches_are_named_and_may_fail_the_run(folder: Path, capsys) -> None:
    (folder / "supervised" / "it.cedar").write_text(
        SCOPE + OPEN + OPEN.replace("all", "never").replace(");", ') when { principal.subject == "nobody" };')
    )

    assert run_cases(folder=folder) == 0
    assert run_cases(folder=folder, least=66) == 0
    assert run_cases(folder=folder, least=67) == 1
    said = capsys.readouterr()
    assert "`supervised/it.cedar` line 3: policy `never` applies in none" in said.err
    assert "2 of 3 policies apply in one (67 %)" in said.out


def test_a_policy_that_waits_for_its_tools_is_named_and_fails_no_run(folder: Path, capsys) -> None:
    rules = folder / "supervised" / "it.cedar"
    rules.write_text(
        SCOPE + OPEN + '@id("far") @reason("r") forbid (principal, action == Action::"far__away", resource);\n'
        '@id("both") @reason("r") forbid (principal, action in [Action::"far__away", Action::"time"], resource);\n'
        '@id("server") @reason("r") forbid (principal, action, resource) when { resource.server == "far" };\n'
    )

    assert run_cases(folder=folder, least=66) == 0
    assert run_cases(folder=folder, least=67) == 1, "a policy that a case could reach is not one that waits"
    said = capsys.readouterr()
    assert "`supervised/it.cedar` line 3: policy `far` waits for its tools, of which there is no sample" in said.err
    assert "policy `server` waits for its tools" in said.err
    assert "policy `both` applies in none" in said.err
    assert "2 of 3 policies apply in one (67 %)" in said.out
    (folder / "tests" / "it.yaml").write_text(CASES + "tools:\n  - {name: far__away, upstream: far, input: {}}\n")
    assert run_cases(folder=folder) == 0
    assert "policy `far` applies in none" in capsys.readouterr().err


def test_a_filter_runs_some_cases_and_none_is_refused(folder: Path, capsys) -> None:
    assert run_cases(folder=folder, only="ECHO", output=RunFormat.JSON) == 0
    (profile,) = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in profile["cases"]] == ["it echoes"]
    with pytest.raises(InvalidRequest, match="no case has the text"):
        run_cases(folder=folder, only="nothing")


def test_a_run_as_junit_is_read_by_an_xml_reader(folder: Path, capsys) -> None:
    (folder / "tests" / "it.yaml").write_text(
        CASES.replace("name: it echoes", "name: 'a <b> & \"c\"'").replace("allow", "ask")
    )

    assert run_cases(folder=folder, output=RunFormat.JUNIT) == 1
    root = ET.fromstring(capsys.readouterr().out)

    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    (case,) = [one for one in root.iter("testcase") if one.find("failure") is not None]
    assert (case.get("name"), case.get("line")) == ('a <b> & "c"', "4")
    assert "expected `ask`, decided `allow` by `all`" in str(case.find("failure").get("message"))


def test_a_set_that_does_not_load_cannot_be_tested(folder: Path) -> None:
    (folder / "supervised" / "it.cedar").write_text("permit (")

    with pytest.raises(OperatorError, match="line 1: not a Cedar policy"):
        run_cases(folder=folder)


def test_watching_runs_again_when_a_file_changes_and_outlives_a_broken_one(folder: Path) -> None:
    command = [sys.executable, "-m", "holdfast", "policy", "test", "--watch", "--dir", str(folder)]
    rules = folder / "supervised" / "it.cedar"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None

        def until(words: str) -> None:
            for line in running.stdout:
                if words in line:
                    return
            pytest.fail(f"it ended without `{words}`")

        try:
            until("2 of 2 cases hold")
            until("waiting")
            rules.write_text("permit (")
            until("not a Cedar policy")
            until("waiting")
            rules.write_text(SCOPE + OPEN + "// more\n")
            until("2 of 2 cases hold")
        finally:
            running.terminate()


def test_tools_as_a_running_server_tells_them_are_read_back() -> None:
    specs = builtin_specs()

    back = read_tools(written(specs), "the server")

    assert [(one.name, one.effects, one.input_schema) for one in back] == [
        (one.name, one.effects, one.input_schema) for one in specs
    ]
