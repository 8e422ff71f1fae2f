"""Paths, links and replaced folders do not lead out of the workspace."""

import os
from pathlib import Path

import pytest

from holdfast.contracts import InvalidRequest, NotFound, OperatorError, Refusal
from holdfast.sandbox.workspace import Resolution, WorkspaceBroker
from holdfast.sandbox.workspace.listing import Listing


def _code(refused: pytest.ExceptionInfo[Refusal]) -> str:
    return refused.value.reason.code


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "//etc/passwd", "../outside/secret.txt", "docs/../../outside/secret.txt", "docs/..", ".."]
)
def test_an_absolute_path_or_dots_are_refused_for_everything(place, path) -> None:
    for attempt in (
        lambda: place.broker.read(path),
        lambda: place.broker.write(path, b"x"),
        lambda: place.broker.entries(path, depth=1, limit=10),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert _code(refused) == "workspace/outside-root"


def test_an_absolute_path_under_the_root_is_refused_with_a_remedy_and_shows_no_root(place) -> None:
    with pytest.raises(Refusal) as refused:
        place.broker.read(str(place.root / "notes.txt"))

    assert "leave out" in (refused.value.reason.remedy or "")
    assert str(place.root) not in refused.value.reason.message


def test_a_link_to_an_outside_file_is_not_read(place) -> None:
    (place.root / "absolute").symlink_to(place.outside / "secret.txt")
    (place.root / "relative").symlink_to("../outside/secret.txt")
    (place.root / "chain").symlink_to("relative")

    for name in ("absolute", "relative", "chain"):
        with pytest.raises(Refusal) as refused:
            place.broker.read(name)
        assert _code(refused) == "workspace/outside-root"


def test_a_link_to_an_outside_folder_is_not_entered(place) -> None:
    (place.root / "docs" / "away").symlink_to(place.outside)

    for attempt in (
        lambda: place.broker.read("docs/away/secret.txt"),
        lambda: place.broker.entries("docs/away", depth=1, limit=10),
        lambda: place.broker.write("docs/away/secret.txt", b"x"),
        lambda: place.broker.write("docs/away/deep/new.txt", b"x"),
    ):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert _code(refused) == "workspace/outside-root"


@pytest.mark.parametrize(
    "target", ["/proc/self/root", "/proc/self/cwd", "/proc/self/environ", "/proc/self/fd/0", "/proc/1/root"]
)
def test_a_link_into_proc_leads_nowhere(place, target) -> None:
    (place.root / "magic").symlink_to(target)

    for path in ("magic", "magic/etc/passwd"):
        with pytest.raises(Refusal) as refused:
            place.broker.read(path)
        assert _code(refused) == "workspace/outside-root"


def test_a_circle_of_links_is_refused(place) -> None:
    (place.root / "one").symlink_to("two")
    (place.root / "two").symlink_to("one")

    with pytest.raises(Refusal):
        place.broker.read("one")


def test_a_link_that_stays_beneath_is_read_where_the_kernel_resolves(place) -> None:
    (place.root / "docs" / "up").symlink_to("../notes.txt")

    if place.resolution is Resolution.KERNEL:
        assert place.broker.read("docs/up") == (b"inside", 6)
    else:
        with pytest.raises(Refusal):
            place.broker.read("docs/up")


def test_a_write_goes_through_no_link_even_beneath(place) -> None:
    (place.root / "alias").symlink_to("docs")

    with pytest.raises(Refusal) as refused:
        place.broker.write("alias/new.txt", b"x")

    assert _code(refused) == "workspace/outside-root"
    assert not (place.root / "docs" / "new.txt").exists()


def test_writing_a_name_that_is_a_link_replaces_the_link(place) -> None:
    (place.root / "report").symlink_to(place.outside / "secret.txt")

    place.broker.write("report", b"mine")

    assert not (place.root / "report").is_symlink()
    assert (place.root / "report").read_bytes() == b"mine"


def test_a_hard_link_is_not_written_through(place) -> None:
    os.link(place.outside / "secret.txt", place.root / "shared")

    place.broker.write("shared", b"mine")

    assert (place.root / "shared").read_bytes() == b"mine"  # the fixture checks the other name


def test_a_dangling_link_is_not_filled_from_inside(place) -> None:
    (place.root / "dangling").symlink_to(place.outside / "new.txt")

    place.broker.write("dangling", b"mine")

    assert not (place.outside / "new.txt").exists()


def test_a_root_replaced_by_a_link_stays_the_folder_that_was_opened(place, tmp_path: Path) -> None:
    place.root.rename(tmp_path / "moved")
    place.root.symlink_to(place.outside)

    with pytest.raises(NotFound):
        place.broker.read("secret.txt")
    place.broker.write("new.txt", b"x")

    assert place.broker.read("notes.txt") == (b"inside", 6)
    assert (tmp_path / "moved" / "new.txt").exists()


def test_a_listing_names_links_and_does_not_follow_them(place) -> None:
    (place.root / "docs" / "away").symlink_to(place.outside)

    found, cut = place.broker.entries("", depth=5, limit=100)

    assert [(entry.path, entry.kind) for entry in found] == [
        ("docs", "dir"),
        ("docs/away", "link"),
        ("docs/page.md", "file"),
        ("notes.txt", "file"),
    ]
    assert not cut


def test_a_folder_that_became_a_link_since_it_was_named_is_not_entered(place) -> None:
    """The moment between the two is too short to meet by racing, so it is entered here as if it had passed."""
    (place.root / "away").symlink_to(place.outside)
    folder = os.open(place.root, os.O_RDONLY)
    try:
        assert list(Listing()._below(folder, "away", "away/", 1)) == []
        assert [entry.path for entry in Listing()._below(folder, "docs", "docs/", 1)] == ["docs/page.md"]
    finally:
        os.close(folder)


@pytest.mark.parametrize("path", ["a\0b", "docs/\0", "\ud800", "x" * 256, "a/" * 65 + "b", "a" * 4097])
def test_what_is_no_path_is_an_invalid_request(place, path) -> None:
    for attempt in (lambda: place.broker.read(path), lambda: place.broker.write(path, b"x")):
        with pytest.raises(InvalidRequest):
            attempt()


def test_a_file_is_not_a_folder_on_the_way(place) -> None:
    with pytest.raises(InvalidRequest):
        place.broker.read("notes.txt/x")
    with pytest.raises(InvalidRequest):
        place.broker.write("notes.txt/x", b"x")


def test_a_workspace_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    for root in (tmp_path / "file", tmp_path / "missing"):
        with pytest.raises(OperatorError):
            WorkspaceBroker(root)
