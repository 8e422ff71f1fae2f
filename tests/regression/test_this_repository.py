"""No scanner takes this repository for a leak: samples are templates, put together when they are needed."""

import subprocess
from pathlib import Path

from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.jwt import JwtTokenDetector

from holdfast.contracts import Action, Where
from holdfast.server.assembly import build_layers, shared_artifacts
from holdfast.server.scanning import Scanner

ROOT = Path(__file__).parents[2]
PARTS = (
    "bench",
    "docs",
    "examples",
    "fuzz",
    "policies",
    "runners",
    "safety",
    "sandbox",
    "server",
    "src",
    "tests",
    "tools",
)
TAKEN_OUT = (Action.DENY, Action.REDACT)
GUESSES = ("BasicAuth", "IPPublic", "Keyword", "PrivateKey")
"""Names, addresses, a header without its key, and anybody's name and password in a URL: ours looks at what follows."""


def texts() -> list[tuple[str, str]]:
    """Every text file that git keeps, or would: a NUL makes a file binary, as it does for git."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else _walked()
    found = []
    for name in sorted(filter(None, names)):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if b"\0" not in data:
                found.append((name, data.decode("utf-8", "replace")))
    return found


def _walked() -> list[str]:
    """In a copy without git: what is in the folders of the project."""
    return [
        str(path.relative_to(ROOT))
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if "__pycache__" not in path.parts
    ]


def test_our_own_scan_takes_nothing_out_of_any_file() -> None:
    scanner = Scanner(build_layers(kept=shared_artifacts(None)))
    every = texts()

    found = [
        f"{name}:{text.count(chr(10), 0, finding.start) + 1}: {finding.rule}"
        for name, text in every
        for finding in scanner.look(text, Where.OUTPUT).findings
        if finding.action in TAKEN_OUT
    ]

    assert len(every) > 500
    assert found == []


def test_another_scanner_knows_no_token_in_any_file() -> None:
    every = [
        kind() for kind in get_mapping_from_secret_type_to_class().values() if issubclass(kind, RegexBasedDetector)
    ]
    plugins = [plugin for plugin in every if not type(plugin).__name__.startswith(GUESSES)]

    found = [
        f"{name}: {plugin.secret_type}"
        for name, text in texts()
        for plugin in plugins
        for pattern in plugin.denylist
        for one in pattern.finditer(text)
        if "{" not in one[0]  # a template
        and (not isinstance(plugin, JwtTokenDetector) or plugin.is_formally_valid(one[0]))
    ]

    assert len(plugins) > 15
    assert found == []
