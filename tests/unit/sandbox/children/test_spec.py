"""What a child is given is checked before anything is started."""

import os
import socket
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.sandbox.children import ChildSpec, Endpoint
from holdfast.sandbox.children.spec import plan
from holdfast.sandbox.workspace import PROTECTED_NAMES


def spec(folder: Path, **changed: object) -> ChildSpec:
    fields = {"argv": ("/bin/true",), "cwd": str(folder), "writable": (str(folder),)}
    return ChildSpec(**{**fields, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"argv": ()},
        {"argv": ("",)},
        {"argv": ("a", "b\0c")},
        {"env": {"A": "b\0"}},
        {"env": {"A=B": "c"}},
        {"env": {"": "c"}},
        {"cwd": "relative"},
        {"readable": ("relative",)},
        {"writable": ("relative",)},
        {"scratch": ("relative",)},
        {"memory_bytes": 0},
        {"max_processes": 0},
        {"max_open_files": 0},
        {"file_bytes": 0},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(tmp_path: Path, changed: dict[str, object]) -> None:
    with pytest.raises(OperatorError):
        spec(tmp_path, **changed)


def test_limits_and_the_empty_environment_are_there_without_asking(tmp_path: Path) -> None:
    given = spec(tmp_path)

    assert given.memory_bytes == 512 << 20
    assert given.max_processes == 64
    assert set(given.env) == {"PATH"}
    assert given.network == ()


@pytest.mark.parametrize(
    ("address", "port"), [("example.com", 443), ("", 1), ("1.2.3.4", 0), ("1.2.3.4", 65536), ("*", 1)]
)
def test_an_endpoint_is_an_address_and_a_port(address: str, port: int) -> None:
    with pytest.raises(OperatorError):
        Endpoint(address=address, port=port)


def test_the_environment_of_the_server_does_not_show_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SECRET", "x")

    assert "HOLDFAST_SECRET" not in plan(spec(tmp_path)).env


def test_links_in_grants_are_resolved_here(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)

    planned = plan(spec(tmp_path / "link"))

    assert planned.writable == (str(real),)
    assert planned.cwd == str(real)


def test_a_folder_outside_the_grants_is_no_place_to_start(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()

    with pytest.raises(OperatorError, match="cwd"):
        plan(spec(tmp_path / "a", cwd=str(tmp_path / "ab")))


@pytest.mark.parametrize("changed", ["cwd", "writable", "scratch"])
def test_a_folder_that_is_missing_is_refused(tmp_path: Path, changed: str) -> None:
    missing = str(tmp_path / "missing")

    with pytest.raises(OperatorError):
        plan(spec(tmp_path, **{changed: missing if changed == "cwd" else (missing,)}))


def test_a_readable_path_that_is_missing_is_left_out(tmp_path: Path) -> None:
    assert plan(spec(tmp_path, readable=("/usr", "/no/such"))).readable == ("/usr",)


@pytest.mark.parametrize("depth", ["", "a", "a/b", "a/b/c"])
def test_a_socket_in_a_writable_folder_is_refused(tmp_path: Path, depth: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / depth).mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(tmp_path / depth)  # the name of a socket is short
        listener.bind("s")

        with pytest.raises(OperatorError, match="socket"):
            plan(spec(tmp_path))


def test_protected_names_are_guarded_at_the_top_and_where_they_are(tmp_path: Path) -> None:
    for name in ("a/.git", "a/b/.VSCode", "a/b/c/.git", "a/b/c/d/.git"):
        (tmp_path / name).mkdir(parents=True)

    guarded = {os.path.relpath(path, tmp_path) for path in plan(spec(tmp_path)).guarded}

    assert guarded >= PROTECTED_NAMES
    assert guarded - PROTECTED_NAMES == {"a/.git", "a/b/.VSCode", "a/b/c/.git"}


def test_what_a_protected_link_leads_to_is_guarded_too(tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    (tmp_path / ".vscode").symlink_to("settings")
    (tmp_path / ".claude").symlink_to("/usr")

    guarded = plan(spec(tmp_path)).guarded

    assert str(tmp_path / "settings") in guarded
    assert "/usr" not in guarded


def test_a_name_that_is_released_is_not_guarded(tmp_path: Path) -> None:
    guarded = plan(spec(tmp_path, protected=PROTECTED_NAMES - {".vscode"})).guarded

    assert str(tmp_path / ".vscode") not in guarded
    assert str(tmp_path / ".git") in guarded


def test_scratch_folders_have_no_protected_names(tmp_path: Path) -> None:
    (tmp_path / "s" / ".git").mkdir(parents=True)

    planned = plan(spec(tmp_path / "s", writable=(), scratch=(str(tmp_path / "s"),)))

    assert planned.guarded == ()


def test_a_tree_too_large_to_search_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        (tmp_path / str(number)).touch()
    monkeypatch.setattr("holdfast.sandbox.children.spec._SEARCHED_ENTRIES", 19)

    with pytest.raises(OperatorError, match="narrow"):
        plan(spec(tmp_path))
