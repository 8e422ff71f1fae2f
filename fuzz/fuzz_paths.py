"""For any bytes as a path, the workspace touches nothing outside its root and refuses only in words of ours."""

import atexit
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from holdfast.contracts import CallerError, Refusal
from holdfast.sandbox.workspace import Resolution, WorkspaceBroker

CANARY = b"canary outside"


@cache
def _above() -> Path:
    above = Path(tempfile.mkdtemp(prefix="holdfast-fuzz-"))
    atexit.register(shutil.rmtree, above, ignore_errors=True)
    (above / "outside").mkdir()
    for spot in (above / "secret", above / "outside" / "secret"):
        spot.write_bytes(CANARY)
    return above


def _fresh_root(above: Path) -> Path:
    root = above / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_bytes(b"inside")
    for name, target in {
        "up": "..",
        "out": str(above / "outside"),
        "a/far": "../../outside",
        "proc": "/proc/self/root",
        "in": "a/file",
        "loop": "loop",
    }.items():
        (root / name).symlink_to(target)
    return root


def check(data: bytes) -> None:
    path = data.decode("utf-8", "surrogateescape")
    above = _above()
    root = _fresh_root(above)
    for resolution in (Resolution.BEST, Resolution.WALK):
        with WorkspaceBroker(root, resolution=resolution) as broker:
            for attempt in (broker.read, _listed(broker), _written(broker), broker.read):
                try:
                    answer = attempt(path)
                except (CallerError, Refusal):
                    continue
                assert CANARY not in (answer if isinstance(answer, tuple) else (answer,))
    assert sorted(spot.name for spot in above.iterdir()) == ["outside", "root", "secret"]
    assert [spot.name for spot in (above / "outside").iterdir()] == ["secret"]
    assert (above / "secret").read_bytes() == (above / "outside" / "secret").read_bytes() == CANARY


def _listed(broker: WorkspaceBroker):
    def attempt(path: str):
        found, _cut = broker.entries(path, depth=3, limit=50)
        assert "secret" not in {entry.path.rpartition("/")[2] for entry in found}
        return tuple(found)

    return attempt


def _written(broker: WorkspaceBroker):
    def attempt(path: str):
        # A name `secret` made inside would only blur what is looked for.
        return broker.write(path, b"x") if "secret" not in path else 0

    return attempt


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
