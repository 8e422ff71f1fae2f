"""A workspace with a secret beside it, opened in each way there is; never anything outside a temporary folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.sandbox.workspace import Resolution, WorkspaceBroker

CANARY = b"canary: this lies outside the workspace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One open workspace and what is around it."""

    broker: WorkspaceBroker
    root: Path
    outside: Path
    """A folder beside the root with `secret.txt`, which holds the canary."""
    resolution: Resolution


@pytest.fixture(params=[Resolution.KERNEL, Resolution.WALK], ids=lambda way: way.value)
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    root, outside = tmp_path / "work", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "secret.txt").write_bytes(CANARY)
    (root / "notes.txt").write_bytes(b"inside")
    (root / "docs").mkdir()
    (root / "docs" / "page.md").write_bytes(b"# page")
    with WorkspaceBroker(root, resolution=request.param) as broker:
        yield Place(broker=broker, root=root, outside=outside, resolution=request.param)
    assert (outside / "secret.txt").read_bytes() == CANARY
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]
