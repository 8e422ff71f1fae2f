"""Fast-moving and dangerous libraries stay behind the one module that knows them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("safety", "sandbox", "server", "tools", "src/holdfast/contracts")
HOMES = {
    "wasmtime": ("sandbox/wasm/",),
    "mcp": ("sandbox/mcp/", "server/mcp/"),
    "aiohttp": ("sandbox/mcp/wire/network.py",),
    "jwt": ("server/auth/",),
    "cedarpy": ("safety/policy/",),
    "hyperscan": ("safety/leaks/database.py", "safety/injection/spotting.py"),
    "detect_secrets": ("safety/credentials.py", "safety/credentials/"),
    "bleach": ("safety/sanitizer/html/with_bleach.py",),
    "nh3": ("safety/sanitizer/html/with_nh3.py",),
    "sandlock": ("sandbox/children/",),
    "sqlalchemy": ("server/store/",),
    "ctypes": ("_unsafe.py",),
    "subprocess": ("_unsafe.py", "sandbox/children/launcher.py"),
    "pickle": (),
}
"""Library, and where it may be imported: a folder, a file, or the end of a file's name."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]


@cache
def scanned() -> dict[str, frozenset[str]]:
    """What each file imports: read once, and asked for every library."""
    files = (path for part in PARTS for path in sorted((ROOT / part).rglob("*.py")))
    return {str(path.relative_to(ROOT)): frozenset(imports(path)) for path in files}


def importers(library: str) -> list[str]:
    return [file for file, found in scanned().items() if library in found]


@pytest.mark.parametrize("library", HOMES)
def test_a_library_is_imported_only_where_it_lives(library: str) -> None:
    strangers = [
        file
        for file in importers(library)
        if not any(file.startswith(home) or file.endswith(home) for home in HOMES[library])
    ]
    assert strangers == []


@pytest.mark.parametrize("library", [name for name, homes in HOMES.items() if homes])
def test_the_scan_sees_each_library_at_home(library: str) -> None:
    """A scan that saw nothing would pass."""
    assert importers(library)


@pytest.mark.parametrize("library", ["wasmtime", "sandlock"])
def test_the_trusted_process_never_loads_what_runs_or_confines_guests(library: str) -> None:
    """An engine in the server would be one escape away from every secret of it."""
    program = f"import sys, holdfast.server.house, holdfast.server.listening; sys.exit('{library}' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
