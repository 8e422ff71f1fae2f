"""Path-like arguments are found by name, at any depth, and folded so that a lookalike cannot pass for another name."""

from typing import Any

import pytest

from holdfast.safety.policy.paths import path_fact, paths_within


def text(**arguments: Any) -> str:
    return str(path_fact(arguments)["text"])


@pytest.mark.parametrize(
    ("path", "folded"),
    [
        ("a/b", "/a/b/"),
        ("/a//b/", "/a/b/"),
        ("", "/"),
        (".", "/./"),
        ("..", "/../"),
        (".env.", "/.env/"),
        (".env . ", "/.env/"),
        (" .env", "/.env/"),
        (".ENV", "/.env/"),
        ("a\\.env", "/a/.env/"),
        (".e\x00nv", "/.env/"),
        (".e\nnv", "/.env/"),
        (".e\u200bnv", "/.env/"),
        (".e\u3164nv", "/.env/"),
        (".\ufe0fenv", "/.env/"),
        ("\uff0eenv", "/.env/"),
        ("\u2024env", "/.env/"),
        (".\uff25\uff2e\uff36", "/.env/"),
        (".\u1d49nv", "/.env/"),
        ("ID_R\u017fA", "/id_rsa/"),
        (".e\u0301nv", "/.env/"),
    ],
)
def test_a_path_is_folded(path: str, folded: str) -> None:
    assert text(path=path) == folded


def test_a_percent_escape_is_read_both_ways() -> None:
    assert path_fact({"uri": "file:///a/%2Eenv"}) == {"text": "/file:/a/%2eenv/\n/file:/a/.env/", "count": 2}


@pytest.mark.parametrize(
    "name", ["path", "PATH", "paths", "file_path", "filePath", "newPath", "destination", "cwd", "uri", "baseDir", "src"]
)
def test_a_path_is_known_by_the_name_of_its_argument(name: str) -> None:
    assert path_fact({name: "x"})["count"] == 1


@pytest.mark.parametrize("name", ["content", "query", "pathology", "profile_text", "url", "method", "", "42"])
def test_other_arguments_are_not_paths(name: str) -> None:
    assert path_fact({name: "x"}) == {"text": "", "count": 0}


def test_paths_are_found_in_lists_and_objects() -> None:
    found = path_fact(
        {"paths": ["a", ["b"]], "edits": [{"target": {"file": "c"}}], "files": {"d": "content"}, "path": 3}
    )

    assert found == {"text": "/a/\n/b/\n/file/\n/c/\n/d/", "count": 5}


def test_the_same_path_twice_counts_once() -> None:
    assert path_fact({"paths": ["a", "A", "./a"]})["count"] == 2


def test_no_nesting_is_too_deep() -> None:
    nested: Any = "x"
    for _ in range(5000):
        nested = {"path": nested}

    assert path_fact({"path": nested})["count"] == 1


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/srv/out/a", True),
        ("/srv/out", True),
        ("/srv//out/./b/../a", True),
        ("/srv/out/../a", False),
        ("/srv/out/%2e%2e/a", False),
        ("/srv/out/../../../a", False),
        ("srv/out/a", False),
        ("/srv/OUT/a", False),
        ("/srv/outer/a", False),
        ("//srv/out/a", False),
        ("/srv/out\\a", False),
        ("/srv/out/\u200ba", False),
        ("/srv/out/" + "a/" * 100 + "..", False),
        ("", False),
    ],
)
def test_a_path_is_within_a_folder_only_where_nobody_reads_it_otherwise(path: str, *, inside: bool) -> None:
    assert ("/srv/out/" in paths_within({"path": path})) is inside


def test_every_path_must_lie_within() -> None:
    assert paths_within({"source": "/srv/out/a", "destination": "/srv/b"}) == ["/srv/"]
    assert paths_within({"source": "/srv/out/a", "destination": "/etc/b"}) == []
    assert paths_within({"text": "/srv/out/a"}) == []
