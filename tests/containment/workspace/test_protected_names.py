"""What other programs act on is not written, however its name is spelled."""

import pytest

from holdfast.contracts import InvalidRequest, OperatorError, Refusal
from holdfast.sandbox.workspace import PROTECTED_NAMES, ProtectedNames, WorkspaceBroker, fold

SPELLINGS = [
    ".git/config",
    ".git",
    ".GIT/hooks/pre-commit",
    "sub/.Git/config",
    ".git./config",
    ".git /config",
    ".git. ./config",
    ".g\u200bit/config",
    ".\u2060git\ufe0f/config",
    "\uff0e\uff47\uff49\uff54/config",
    ".g\u0131t\u034f/../.git/config".replace("/../", "/"),
    "GIT~1/config",
    ".git::$INDEX_ALLOCATION/config",
    ".git\\config",
    ".MCP.JSON",
    ".mcp.json.",
    ".claude/settings.json",
    ".Cursor/mcp.json",
    ".vscode/tasks.json",
    ".bashrc",
    ".BASHRC ",
    "home/.profile",
    ".\u200dzshrc",
    ".\uff42ashrc",
    ".envrc",
    "holdfast.toml",
]


@pytest.mark.parametrize("path", SPELLINGS)
def test_a_protected_name_is_refused_in_every_spelling(place, path) -> None:
    with pytest.raises(Refusal) as refused:
        place.broker.write(path, b"x")

    assert refused.value.reason.code == "workspace/protected-name"
    assert sorted(entry.path for entry in place.broker.entries("", depth=9, limit=99)[0]) == [
        "docs",
        "docs/page.md",
        "notes.txt",
    ]


@pytest.mark.parametrize("path", [".github/workflows/ci.yml", ".gitignore", "git/config", "bashrc", "a.git", ".env"])
def test_an_ordinary_name_is_written(place, path) -> None:
    assert place.broker.write(path, b"x") == 1


def test_protected_names_can_still_be_read(place) -> None:
    (place.root / ".git").mkdir()
    (place.root / ".git" / "HEAD").write_bytes(b"ref")

    assert place.broker.read(".git/HEAD") == (b"ref", 3)


def test_configured_names_add_and_released_names_go(tmp_path) -> None:
    with WorkspaceBroker(tmp_path, write_denied={"Secrets/"}, released={".vscode"}) as broker:
        broker.write(".vscode/tasks.json", b"x")
        for path in ("secrets/key", "SECRETS", ".git/config"):
            with pytest.raises(Refusal):
                broker.write(path, b"x")


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "...", "\u200b"])
def test_a_configured_name_that_could_protect_nothing_is_refused(name) -> None:
    with pytest.raises(OperatorError):
        ProtectedNames.of(added={name}, released=frozenset())


def test_a_released_name_must_have_been_protected() -> None:
    with pytest.raises(OperatorError):
        ProtectedNames.of(added=frozenset(), released={".vscod"})


def test_the_names_design_promises_are_there() -> None:
    assert {".git", ".mcp.json", ".claude", ".vscode", ".cursor", ".bashrc", ".zshrc", ".profile"} <= PROTECTED_NAMES
    assert all(fold(name) == name for name in PROTECTED_NAMES)


@pytest.mark.parametrize("name", ["two\nlines", "\u202egpj.exe", "bell\x07", "c1\x85", "folder\n/file"])
def test_a_name_that_reads_as_something_else_is_not_made(place, name) -> None:
    with pytest.raises(InvalidRequest):
        place.broker.write(name, b"x")


@pytest.mark.parametrize("name", ["two\nlines", "\u202egpj.exe"])
def test_such_a_name_that_exists_can_be_read_and_is_listed_as_it_is(place, name) -> None:
    (place.root / name).write_bytes(b"odd")

    assert place.broker.read(name) == (b"odd", 3)
    assert name in {entry.path for entry in place.broker.entries("", depth=1, limit=99)[0]}


def test_a_name_that_is_no_unicode_is_listed_in_a_form_json_can_carry(place) -> None:
    open(bytes(place.root) + b"/\xff\xfe", "wb").close()  # noqa: PTH123 -- a path of bytes

    paths = {entry.path for entry in place.broker.entries("", depth=1, limit=99)[0]}

    assert "\\xff\\xfe" in paths
