"""Fetches jsonschema's source from PyPI, checked against its hash, for the official JSON Schema tests in it.

python -m tests.conformance.schema_suite FOLDER
"""

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PINNED = Path(__file__).with_name("schema-suite.txt")
FOLDER = Path(__file__).parents[2] / ".tools" / "schemas"
TESTS = FOLDER / "draft2020-12"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One schema of the suite, and values with whether they are valid."""

    name: str
    """The file and the suite's own description."""
    schema: object
    tests: tuple[tuple[object, bool], ...]


def cases() -> Iterator[Case]:
    """Every case of 2020-12: what is required, then what is optional, the assertion of formats apart."""
    for path in sorted(TESTS.rglob("*.json")):
        if path.parent.name == "format":
            continue
        for case in json.loads(path.read_text(encoding="utf-8")):
            yield Case(
                name=f"{path.relative_to(TESTS)}: {case['description']}",
                schema=case["schema"],
                tests=tuple((test["data"], test["valid"]) for test in case["tests"]),
            )


def fetch(folder: Path) -> None:
    """Put the tests of 2020-12 into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = ["--no-deps", "--no-binary", "jsonschema", "--require-hashes", "--requirement", str(PINNED)]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted, "--dest", str(folder)], check=True)
    (archive,) = folder.glob("jsonschema-*.tar.gz")
    with tarfile.open(archive) as packed:
        inside = f"{archive.name.removesuffix('.tar.gz')}/json/tests/"
        found = [member for member in packed if member.isfile() and member.name.startswith(f"{inside}draft2020-12/")]
        for member in found:
            member.name = member.name.removeprefix(inside)
        packed.extractall(folder, members=found, filter="data")


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
