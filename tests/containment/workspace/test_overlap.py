"""A workspace that holds what governs the server is refused at the start."""

from pathlib import Path

import pytest

from holdfast.contracts import OperatorError
from holdfast.sandbox.workspace import refuse_overlap


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name in ("work", "data", "policies", "work/inner"):
        (tmp_path / name).mkdir()
    (tmp_path / "holdfast.toml").write_text("", encoding="utf-8")
    return tmp_path


def test_neighbours_are_no_overlap(house: Path) -> None:
    refuse_overlap(house / "work", [house / "data", house / "policies", house / "holdfast.toml", house / "workshop"])


@pytest.mark.parametrize(
    "guarded", [".", "work", "work/inner", "work/inner/holdfast.toml", "work/not-yet/there", "data/../work"]
)
def test_containing_or_lying_in_a_guarded_path_is_refused(house: Path, guarded: str) -> None:
    with pytest.raises(OperatorError):
        refuse_overlap(house / "work", [house / "data", house / guarded])


def test_links_on_either_side_are_seen_through(house: Path) -> None:
    (house / "alias").symlink_to("work")
    (house / "cfg").symlink_to("work/inner")

    with pytest.raises(OperatorError):
        refuse_overlap(house / "alias", [house / "work" / "inner"])
    with pytest.raises(OperatorError):
        refuse_overlap(house / "work", [house / "cfg" / "holdfast.toml"])


def test_a_link_in_the_workspace_to_a_configuration_outside_is_refused(house: Path) -> None:
    """Whoever can replace the link chooses the configuration."""
    (house / "work" / "holdfast.toml").symlink_to(house / "holdfast.toml")
    (house / "first").symlink_to("work/second")
    (house / "work" / "second").symlink_to(house / "data")

    for guarded in (house / "work" / "holdfast.toml", house / "first" / "state.db"):
        with pytest.raises(OperatorError):
            refuse_overlap(house / "work", [guarded])


def test_a_circle_of_links_ends(house: Path) -> None:
    (house / "a").symlink_to("b")
    (house / "b").symlink_to("a")

    refuse_overlap(house / "work", [house / "a" / "x"])
