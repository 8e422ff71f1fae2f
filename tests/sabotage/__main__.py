"""Takes each guard out in turn, in a copy of the tree, and shows that its tests go red: a guard must be missed.

`python -m tests.sabotage [TEXT]` runs the guards whose name holds TEXT.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("src", "safety", "sandbox", "server", "tools", "policies", "tests", "fuzz", "examples", "docs", "runners")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """One piece of text that holds something back, and the tests that must notice when it is gone."""

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]


def guards() -> list[Guard]:
    """Every guard of every `tests/sabotage/*.toml`."""
    return [guard for path in sorted(Path(__file__).parent.glob("*.toml")) for guard in _read(path)]


def _read(path: Path) -> Iterator[Guard]:
    for row in tomllib.loads(path.read_text(encoding="utf-8"))["guard"]:
        yield Guard(
            name=row["name"], file=row["file"], find=row["find"], replace=row["replace"], tests=tuple(row["tests"])
        )


def taken_out(guard: Guard, tree: Path) -> str | None:
    """Run *guard*'s tests without it; answers what is wrong, or None when they went red."""
    path = tree / guard.file
    text = path.read_text(encoding="utf-8")
    if text.count(guard.find) != 1:
        return f"its text occurs {text.count(guard.find)} times in {guard.file}"
    path.write_text(text.replace(guard.find, guard.replace), encoding="utf-8")
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:randomly", *guard.tests],
            cwd=tree,
            env={**_environment(), "PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    finally:
        path.write_text(text, encoding="utf-8")
    if done.returncode == 1:
        return None
    return "its tests stay green without it" if done.returncode == 0 else f"pytest failed to run: {done.stdout[-300:]}"


def _environment() -> dict[str, str]:
    import os

    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def main(wanted: str) -> int:
    """Take them out one by one; the exit code says whether every one was missed."""
    chosen = [guard for guard in guards() if wanted in guard.name]
    unmissed = 0
    with tempfile.TemporaryDirectory(prefix="holdfast-sabotage-") as folder:
        tree = Path(folder)
        for part in PARTS:
            shutil.copytree(ROOT / part, tree / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tree)
        shutil.copy(ROOT / "README.md", tree)
        if (ROOT / ".tools").is_dir():
            (tree / ".tools").symlink_to(ROOT / ".tools")
        for guard in chosen:
            wrong = taken_out(guard, tree)
            unmissed += wrong is not None
            print(f"{'red ' if wrong is None else 'FAIL'}  {guard.name}" + (f": {wrong}" if wrong else ""), flush=True)
    print(f"{len(chosen) - unmissed} of {len(chosen)} guards are missed when they are gone")
    return 1 if unmissed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
