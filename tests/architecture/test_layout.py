"""The folder layout keeps its promises: one name per module, nothing lost from the wheel, nothing grown too large."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("safety", "sandbox", "server", "tools")
MODULES = [path for part in PARTS for path in sorted((ROOT / part).rglob("*.py"))]
CONTRACTS = sorted((ROOT / "src" / "holdfast").glob("*.py")) + sorted(
    (ROOT / "src" / "holdfast" / "contracts").glob("*.py")
)
MODULE_LINES = 400
FUNCTION_LINES = 50


def test_the_scan_sees_the_code() -> None:
    """A gate that scanned nothing would pass."""
    assert len(MODULES) >= 60


@pytest.mark.parametrize("part", PARTS)
def test_a_link_gives_the_folder_its_packaged_name(part: str) -> None:
    link = ROOT / "src" / "holdfast" / part
    assert link.is_symlink()
    assert link.resolve() == ROOT / part


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_part_names_itself_relatively_and_only_the_server_sees_the_others(path: Path) -> None:
    """Absolute self-imports give type checkers two identities for one class."""
    part = path.relative_to(ROOT).parts[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        assert not [name for name in names if name == f"holdfast.{part}" or name.startswith(f"holdfast.{part}.")]
        assert not [name for name in names if name.split(".")[0] in PARTS]


@pytest.mark.parametrize("part", PARTS)
def test_the_bare_name_is_refused(part: str) -> None:
    """A package of that name on PyPI must never be taken for ours, nor ours for it."""
    done = subprocess.run([sys.executable, "-c", f"import {part}"], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode != 0
    assert f"import holdfast.{part}".encode() in done.stderr


@pytest.mark.parametrize("path", [*MODULES, *CONTRACTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES, node.name


@pytest.mark.parametrize("path", [*MODULES, *CONTRACTS], ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "build", "-q", "--wheel", "-o", str(out)], cwd=ROOT, check=True)
    (built,) = out.glob("*.whl")
    return built


def _expected() -> set[str]:
    package = {
        f"holdfast/{path.relative_to(ROOT)}"
        for part in PARTS
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    package |= {
        str(path.relative_to(ROOT / "src"))
        for folder in ("", "contracts")
        for path in (ROOT / "src" / "holdfast" / folder).glob("*")
        if path.suffix in {".py", ".typed"}
    }
    policies = {
        f"holdfast/_policies/{path.relative_to(ROOT / 'policies')}"
        for path in (ROOT / "policies").rglob("*")
        if path.is_file()
    }
    examples = {
        f"holdfast/_examples/{path.relative_to(ROOT / 'examples' / 'tools')}"
        for path in (ROOT / "examples" / "tools").rglob("*")
        if path.is_file()
    }
    runners = {
        f"holdfast/_runners/{path.relative_to(ROOT / 'runners')}"
        for path in (ROOT / "runners").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    return package | policies | examples | runners | {"holdfast/py.typed"}


@pytest.mark.timeout(300)
def test_every_module_and_policy_ships(wheel: Path) -> None:
    """Hatchling drops whichever of a link and its target it meets second."""
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == _expected()


@pytest.mark.timeout(300)
def test_an_installed_wheel_and_the_editable_checkout_find_the_same_files(wheel: Path, tmp_path: Path) -> None:
    """`pip install .` is a wheel install; the suite itself runs on the editable one."""
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    program = (
        "import importlib.resources as r\n"
        "import holdfast, holdfast.safety, holdfast.sandbox, holdfast.tools, holdfast.server\n"
        "print(holdfast.__file__)\n"
        "print(sorted(p.name for p in r.files('holdfast').joinpath('_policies').iterdir()))"
    )
    seen = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for path in (str(target), "")
    ]
    assert str(target) in seen[0][0]
    assert str(target) not in seen[1][0]
    assert seen[0][1] == seen[1][1]
