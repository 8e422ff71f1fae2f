"""A policy folder is read whole and alone: no pipes, no links that lead out, and what is wrong is named in words."""

import os
import subprocess
from pathlib import Path

import pytest

from holdfast.contracts import HoldfastError, OperatorError
from holdfast.server.assembly import builtin_specs
from holdfast.server.cli.comparing import diff, replay
from holdfast.server.cli.explaining import explain
from holdfast.server.cli.policy_check import check, run_cases
from holdfast.server.cli.proving import no_wider, unapproved
from holdfast.server.policies import Policies
from holdfast.server.policy_files import read_policy_files, read_policy_set


def test_a_pipe_in_a_policy_folder_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "a.cedar")
    with pytest.raises(OperatorError, match=r"policy file `a.cedar` is not a regular file"):
        read_policy_files(tmp_path)


def test_a_link_to_nothing_is_refused_by_name(tmp_path: Path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OperatorError, match=r"policy file `p/a.yaml` is not a regular file, or a link to nothing"):
        read_policy_files(tmp_path)


def test_a_name_that_is_no_text_is_named_by_its_bytes(tmp_path: Path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff\x1b.cedar")).write_text("")
    with pytest.raises(OperatorError, match=r"policy file `a\\udcff\\x1b.cedar` has a name that cannot be shown"):
        read_policy_files(tmp_path)


def test_a_file_that_is_not_utf8_is_named_with_its_line(tmp_path: Path):
    (tmp_path / "a.cedar").write_bytes(b"// one\n\xff\n")
    with pytest.raises(OperatorError, match=r"policy file `a.cedar` line 2 is not UTF-8"):
        read_policy_files(tmp_path)


def test_a_folder_that_is_not_there_is_said_in_words(tmp_path: Path):
    with pytest.raises(OperatorError, match="No such file or directory"):
        read_policy_files(tmp_path / "nowhere")


SCOPE = (
    '@id("scope") @reason("no scope") forbid (principal, action, resource)'
    ' unless { principal.scopes.contains("call") };\n'
)
CASES = """profiles: [supervised]
cases:
  - {name: no scope, call: echo, as: {scopes: []}, with: {text: a}, expect: deny}
"""


def a_mount(root: Path) -> Path:
    """A folder as Kubernetes mounts a ConfigMap: every name at the top is a link by way of `..data`."""
    real = root / "..2026_11_21_06_00_00.1"
    (real / "supervised").mkdir(parents=True)
    (real / "tests").mkdir()
    (real / "supervised" / "a.cedar").write_text(SCOPE)
    (real / "tests" / "a.yaml").write_text(CASES)
    (real / "all.cedar").write_text("")
    (root / "..data").symlink_to(real.name)
    for name in ("supervised", "tests", "all.cedar"):
        (root / name).symlink_to(f"..data/{name}")
    return root


def test_a_folder_that_kubernetes_mounted_is_read_once_under_its_own_names(tmp_path: Path, capsys):
    folder = a_mount(tmp_path / "mounted")
    (tmp_path / "link").symlink_to(folder)

    for named in (folder, tmp_path / "link"):
        sources, cases = read_policy_files(named)
        assert ({*sources}, {*cases}) == ({"supervised/a.cedar", "all.cedar"}, {"tests/a.yaml"})
        assert check(folder=named, strict=True) == 0
        assert run_cases(folder=named) == 0
    assert "..data" not in capsys.readouterr().out


def test_a_link_within_the_folder_is_followed_and_one_in_a_circle_is_not(tmp_path: Path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.cedar").write_text(SCOPE)
    (tmp_path / "q").symlink_to("p")
    (tmp_path / "p" / "b.cedar").symlink_to(tmp_path / "p" / "a.cedar")
    assert {*read_policy_files(tmp_path)[0]} == {"p/a.cedar", "p/b.cedar", "q/a.cedar", "q/b.cedar"}

    (tmp_path / "p" / "up").symlink_to("..")
    with pytest.raises(OperatorError, match=r"policy folder `p/up` is a link to a folder that it stands in"):
        read_policy_files(tmp_path)
    (tmp_path / "p" / "up").unlink()
    (tmp_path / "p" / "c.cedar").symlink_to("c.cedar")
    with pytest.raises(OperatorError, match=r"`p/c.cedar` is a link that leads nowhere"):
        read_policy_files(tmp_path)


@pytest.mark.parametrize("link", ["a.cedar", "supervised/a.cedar", "tests/a.yaml", "more", "supervised/more"])
def test_a_link_that_leads_out_is_refused_by_name_in_every_verb(tmp_path: Path, monkeypatch, link: str):
    inside, outside = a_folder(tmp_path / "policies"), tmp_path / "policies-elsewhere"
    a_folder(outside)
    good = a_folder(tmp_path / "good")
    held = inside / link
    held.unlink(missing_ok=True)
    if link.endswith("more"):
        held.symlink_to(outside / "supervised")
    else:
        held.symlink_to(outside / ("tests/a.yaml" if link.endswith("yaml") else "supervised/a.cedar"))
    call = tmp_path / "call.yaml"
    call.write_text("call: echo\nwith: {text: a}\n")
    monkeypatch.chdir(tmp_path)

    for verb in (
        lambda: check(folder=inside),
        lambda: run_cases(folder=inside),
        lambda: explain(call=str(call), folder=inside),
        lambda: unapproved(folder=inside),
        lambda: no_wider(str(good), str(inside)),
        lambda: diff(str(good), str(inside), data_dir=tmp_path / "none"),
        lambda: replay(str(inside), data_dir=tmp_path / "none"),
        lambda: Policies(inside, "supervised", builtin_specs),
    ):
        with pytest.raises(HoldfastError, match=f"`{link}` is a link that leads out of the policy folder"):
            verb()


def test_a_set_that_gets_a_link_out_while_it_judges_is_not_loaded_again(tmp_path: Path):
    folder = a_folder(tmp_path / "policies")
    policies = Policies(folder, "supervised", builtin_specs)
    (tmp_path / "more.cedar").write_text(SCOPE.replace("scope", "other", 1))
    (folder / "more.cedar").symlink_to(tmp_path / "more.cedar")

    with pytest.raises(OperatorError, match=r"`more.cedar` is a link that leads out"):
        policies.prepare()


def test_a_link_in_a_git_revision_is_followed_to_a_file_of_the_folder_and_nowhere_else(tmp_path: Path, monkeypatch):
    folder = a_folder(tmp_path / "policies")
    (tmp_path / "out.cedar").write_text(SCOPE)
    (folder / "readonly").mkdir()
    (folder / "readonly" / "b.cedar").symlink_to("../supervised/a.cedar")
    (folder / "NOTES").symlink_to("tests/a.yaml")
    monkeypatch.chdir(tmp_path)
    git("init", "-q", cwd=tmp_path)
    commit(tmp_path)
    assert read_policy_set("HEAD:policies") == read_policy_set("policies")

    for name, target in (
        ("out.cedar", "../out.cedar"),
        ("more", ".."),
        ("a.cedar", "a.cedar"),
        ("b.cedar", "/etc/passwd"),
    ):
        (folder / name).symlink_to(target)
        commit(tmp_path)
        with pytest.raises(OperatorError, match=f"`{name}` is a link that leads to no file of the folder"):
            read_policy_set("HEAD:policies")
        (folder / name).unlink()


def a_folder(root: Path) -> Path:
    (root / "supervised").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "supervised" / "a.cedar").write_text(SCOPE)
    (root / "tests" / "a.yaml").write_text(CASES)
    return root


def commit(folder: Path) -> None:
    git("add", "-A", cwd=folder)
    git("-c", "user.name=x", "-c", "user.email=x@example.invalid", "commit", "-qm", "one", cwd=folder)


def git(*words: str, cwd: Path) -> None:
    subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True)
