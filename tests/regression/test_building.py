"""What was once wrong with builds of tools, and is not any more."""

from pathlib import Path

from holdfast.sandbox.building.builder import _tidy
from holdfast.sandbox.building.toolchain import Toolchain


def test_what_was_kept_for_one_compiler_is_not_taken_for_another(tmp_path: Path):
    """Of two installations the second found the first one's cache, which held nothing for it: 40 seconds a build."""
    one, other = (Toolchain(folder=tmp_path / name, version="0.17.0") for name in ("one", "other"))

    assert one.identity != other.identity
    assert one.identity == Toolchain(folder=tmp_path / "one", version="0.17.0").identity


def test_what_was_kept_for_a_compiler_that_is_gone_goes_too(tmp_path: Path):
    here = tmp_path / "ziglang"
    here.mkdir()
    for name, folder in (("kept", here), ("gone", tmp_path / "removed")):
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / "installation").write_text(str(folder))
    (tmp_path / "cache" / "older").mkdir()

    _tidy(tmp_path / "cache")

    assert [place.name for place in (tmp_path / "cache").iterdir()] == ["kept"]
