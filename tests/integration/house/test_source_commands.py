"""`holdfast tools inspect | add | approve` and `call` on a file of Python, as an operator types them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.tools.manifest import load_manifest

pytestmark = pytest.mark.timeout(900)
SOURCE = '''
def area(width: float, height: float = 1) -> float:
    """Says how large a rectangle is.

    Args:
        width: in metres
    """
    return width * height
'''


def typed(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *words],
        cwd=folder,
        env={**kept, "HOLDFAST_DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_is_inspected_added_with_its_manifest_shown_and_called(tmp_path: Path) -> None:
    (tmp_path / "area.py").write_text(SOURCE)
    inspected = json.loads(typed(tmp_path, "tools", "inspect", "area.py").stdout)
    added = typed(tmp_path, "tools", "add", "area.py")

    assert inspected["manifest"].strip() == added.stdout.strip()
    assert inspected["offers"][0]["input_schema"]["properties"]["width"] == {
        "type": "number",
        "description": "in metres",
    }
    assert "registered area 1.0.0 as pending" in added.stderr
    assert load_manifest(added.stdout).description == "Says how large a rectangle is."
    assert typed(tmp_path, "call", "area", '{"width": 2}').returncode == 1
    assert typed(tmp_path, "tools", "approve", "area").returncode == 0
    called = typed(tmp_path, "call", "area", '{"width": 2, "height": 3}', "--format", "json")
    assert json.loads(called.stdout)["structured"] == 6.0


def test_what_stands_beside_it_and_what_is_granted_is_in_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "area.py").write_text("from holdfast import kv\n" + SOURCE)
    refused = typed(tmp_path, "tools", "add", "area.py")
    (tmp_path / "area.toml").write_text('[tool]\nversion = "3.0.0"\n')
    added = typed(tmp_path, "tools", "add", "area.py", "--grant", "kv", "--format", "json")

    assert refused.returncode == 2
    assert "grants.kv" in refused.stderr
    taken = json.loads(added.stdout)
    assert (taken["version"], taken["state"]) == ("3.0.0", "pending")
    assert load_manifest(taken["manifest"]).grants.kv


def test_a_file_that_is_no_tool_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "area.py").write_text("\ndef area(width): return width\n")
    for verb in ("inspect", "add"):
        done = typed(tmp_path, "tools", verb, "area.py")
        assert done.returncode == 2
        assert "line 2: 'width' of 'area' has no type" in done.stderr
    (tmp_path / "folder").mkdir()
    assert "--grant" in typed(tmp_path, "tools", "add", "folder", "--grant", "kv").stderr
