"""Fetches the SDK's source from PyPI, checked against its hash, for the everything-server in it. Changes nothing in it.

python -m tests.conformance.sdk_source FOLDER
"""

import subprocess
import sys
import tarfile
from pathlib import Path

PINNED = Path(__file__).with_name("sdk-source.txt")
FOLDER = Path(__file__).parents[2] / ".tools" / "sdk"
SERVER = FOLDER / "everything-server"


def fetch(folder: Path) -> None:
    """Put the everything-server into *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        "--no-deps",
        "--no-binary",
        "mcp",
        "--require-hashes",
        "--requirement",
        str(PINNED),
        "--dest",
        str(folder),
    ]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", *wanted], check=True)
    (archive,) = folder.glob("mcp-*.tar.gz")
    with tarfile.open(archive) as packed:
        top = archive.name.removesuffix(".tar.gz")
        inside = f"{top}/examples/servers/everything-server/"
        packed.extractall(folder, members=_below(packed, inside), filter="data")


def _below(packed: tarfile.TarFile, inside: str) -> list[tarfile.TarInfo]:
    found = [member for member in packed if member.isfile() and member.name.startswith(inside)]
    for member in found:
        member.name = f"everything-server/{member.name.removeprefix(inside)}"
    return found


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
