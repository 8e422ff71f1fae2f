"""Which installed program a client's command means. It looks at files only, and neither starts nor downloads anything.

1. A server behind the fence has no network to install itself with: what `npx` or `uvx` would fetch is found installed,
   or turned down with the line that installs it.
2. What runs a server outside of the fence (a container engine, a package runner we cannot read) is turned down.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from .words import NotTaken

_OUTSIDE: Final = frozenset(["docker", "podman", "nerdctl", "container", "wsl", "ssh", "kubectl"])
_FETCHERS: Final = frozenset(["pnpm", "pnpx", "yarn", "npm", "deno", "pipx", "pip", "go", "cargo", "dnx", "dotnet"])
_NPX: Final = frozenset(("npx", "bunx"))
_NPM_PACKAGE: Final = re.compile(r"((?:@[a-z0-9~._-]+/)?[a-z0-9~._-]+)(?:@([^@\s]+))?", re.IGNORECASE)
_PYPI_PACKAGE: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?(?:(?:==|@)(\S+))?")
_EXACT: Final = re.compile(r"\d+(\.\d+)+[\w.+-]*")
_PACKAGE_JSON_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where programs are looked for, and what may be filled into a configuration."""

    home: Path
    project: Path
    variables: Mapping[str, str]
    near: bool = True
    """Whether packages installed in the project count: not where a client chooses the folder."""

    @property
    def servers(self) -> Path:
        """Where MCP servers are to be installed for Holdfast; nothing else is kept there."""
        named = self.variables.get("XDG_DATA_HOME")
        return (Path(named) if named else self.home / ".local" / "share") / "holdfast" / "servers"

    @property
    def npm_roots(self) -> tuple[Path, ...]:
        """The `node_modules` folders that a package may be installed in, `npx`'s own store last."""
        beside = [folder / "node_modules" for folder in (self.project, *self.project.parents) if self.near]
        programs = [Path(folder).parent for folder in self.variables.get("PATH", "").split(":") if folder]
        everywhere = [Path("/usr/local/lib/node_modules"), Path("/usr/lib/node_modules")]
        everywhere += [folder / "lib" / "node_modules" for folder in programs]
        stored = sorted((self.home / ".npm" / "_npx").glob("*/node_modules"))
        return tuple(dict.fromkeys([self.servers / "node_modules", *beside, *everywhere, *stored]))

    def program(self, name: str) -> str | None:
        """The whole path of *name*: where we install servers to, where `uv tool` and `pipx` do, or on the PATH."""
        folders = (str(self.servers / "bin"), str(self.home / ".local" / "bin"), self.variables.get("PATH", ""))
        return shutil.which(name, path=":".join(filter(None, folders)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A command that can be started behind the fence, and the code of its own that it must read."""

    command: tuple[str, ...]
    read: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def locate(command: str, arguments: Sequence[str], places: Places) -> Located:
    """What *command* with *arguments* starts.

    Raises: NotTaken when it is not installed.
    """
    name = _bare(command)
    if name in _NPX:
        return _npm(arguments, places)
    if name == "uvx":
        return _pypi(arguments, places)
    if name == "uv":
        return _uv(arguments, places)
    if name in _FETCHERS:
        raise NotTaken(
            f"`{name}` fetches or builds the server at each start, and has no network behind the fence",
            "install it, and name its program in `command`",
        )
    return _plain(command, arguments, places)


def refuse_outside(command: str) -> None:
    """Raises: NotTaken when *command* starts a server where no fence is."""
    name = _bare(command)
    if name in _OUTSIDE:
        raise NotTaken(
            f"`{name}` starts the server outside of the fence", "install the server here, and name its program"
        )


def _bare(command: str) -> str:
    return Path(command).name.removesuffix(".cmd").removesuffix(".exe")


def _plain(command: str, arguments: Sequence[str], places: Places) -> Located:
    program = places.program(command) if "/" not in command else _existing(places.project / command)
    if program is None:
        raise NotTaken(
            f"its program `{Path(command).name}` is not there, or not executable", "install it, and import again"
        )
    script = next((place for place, one in enumerate(arguments) if not one.startswith("-")), None)
    words = list(arguments)
    read: tuple[str, ...] = ()
    if script is not None and (file := places.project / words[script]).is_file():
        words[script] = str(file)
        read = _package_of(file, places)
    return Located(command=(program, *words), read=read)


def _existing(path: Path) -> str | None:
    return str(path) if path.is_file() and os.access(path, os.X_OK) else None


def _package_of(script: Path, places: Places) -> tuple[str, ...]:
    """The npm package *script* belongs to, with what it depends on; code, and no folder that holds more than that."""
    for folder in script.parents:
        if folder in (places.home, *places.home.parents):
            break
        if folder.name == "node_modules":
            return (str(folder),)
        if (folder / "package.json").is_file() and "node_modules" not in folder.parts:
            return (str(folder),)
    return ()


def _npm(arguments: Sequence[str], places: Places) -> Located:
    words = list(arguments)
    chosen: str | None = None
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag in {"-p", "--package"} and words:
            chosen = words.pop(0)
        elif flag.startswith("--package="):
            chosen = flag.partition("=")[2]
        elif flag not in {"-y", "--yes", "-q", "--quiet", "--"}:
            raise NotTaken(f"`npx {flag[:40]}` cannot be followed", "name the installed program in `command`")
    if not words:
        raise NotTaken("`npx` names no package", "name the installed program in `command`")
    named = words.pop(0)
    package = _NPM_PACKAGE.fullmatch(chosen or named)
    if package is None:
        raise NotTaken("`npx` names what is no package of the registry", "name the installed program in `command`")
    name, version = package[1], package[2]
    folder = _installed(name, version, places)
    script = None if folder is None else _script(folder, None if chosen is None else named)
    node = places.program("node")
    if folder is None or script is None or node is None:
        wanted = name if version is None else f"{name}@{version}"
        missing = f"`{wanted}` is not installed" if node is not None else "there is no `node`"
        raise NotTaken(
            f"{missing}, and `npx` has no network behind the fence to fetch it",
            f"npm install --prefix {places.servers} {wanted}, and import again",
        )
    modules = folder.parents[name.count("/")]
    notes = (
        ()
        if version is None or _EXACT.fullmatch(version)
        else (f"`{name}` as it is installed, which need not be the newest",)
    )
    return Located(command=(node, str(script), *words), read=(str(modules),), notes=notes)


def _installed(name: str, version: str | None, places: Places) -> Path | None:
    """The folder of package *name*, in exactly that *version* where one is exact."""
    for root in places.npm_roots:
        folder = root / name
        said = _package_json(folder)
        if said and (version is None or not _EXACT.fullmatch(version) or said.get("version") == version):
            return folder.resolve()
    return None


def _package_json(folder: Path) -> Mapping[str, object]:
    try:
        with (folder / "package.json").open("rb") as file:
            said: object = json.loads(file.read(_PACKAGE_JSON_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", said) if isinstance(said, dict) else {}


def _script(folder: Path, program: str | None) -> Path | None:
    """What npm would start of the package in *folder*: its *program*, else that of its name, else its one."""
    programs = _package_json(folder).get("bin")
    place: object = programs
    if isinstance(programs, dict):
        named = cast("dict[str, object]", programs)
        place = named.get(program or folder.name, next(iter(named.values()), None) if len(named) == 1 else None)
    if not isinstance(place, str):
        return None
    script = (folder / place).resolve()
    return script if script.is_file() and script.is_relative_to(folder.resolve()) else None


def _pypi(arguments: Sequence[str], places: Places) -> Located:
    words = list(arguments)
    chosen: str | None = None
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        if flag == "--from" and words:
            chosen = words.pop(0)
        elif flag.startswith("--from="):
            chosen = flag.partition("=")[2]
        elif flag not in {"-q", "--quiet", "--"}:
            raise NotTaken(f"`uvx {flag[:40]}` cannot be followed", "name the installed program in `command`")
    package = _PYPI_PACKAGE.fullmatch(chosen or (words[0] if words else ""))
    if package is None:
        raise NotTaken("`uvx` names no package of the index", "name the installed program in `command`")
    name, version = package[1], package[2]
    program = places.program(words[0] if chosen is not None and words else name)
    if program is None:
        wanted = f"{name}=={version}" if version is not None and _EXACT.fullmatch(version) else name
        folder = places.servers
        raise NotTaken(
            f"`{name}` is not installed, and `uvx` has no network behind the fence to fetch it",
            f"python3 -m venv {folder} && {folder}/bin/pip install {wanted}, and import again",
        )
    notes = () if version is None else (f"`{name}` as it is installed; its version is not compared",)
    return Located(command=(program, *words[1:]), notes=notes)


def _uv(arguments: Sequence[str], places: Places) -> Located:
    """`uv run` in a project of its own, by the environment that the project has already."""
    words = list(arguments)
    folder = places.project
    while words and words[0] != "run":
        flag = words.pop(0)
        if flag not in {"--directory", "--project"} or not words:
            raise NotTaken("this `uv` command cannot be followed", "name the installed program in `command`")
        folder = places.project / words.pop(0)
    rest = words[1:]
    while len(rest) > 1 and rest[0] in {"--directory", "--project"}:
        folder, rest = places.project / rest[1], rest[2:]
    if not rest or rest[0].startswith("-"):
        raise NotTaken("this `uv` command cannot be followed", "name the installed program in `command`")
    if folder in (places.home, *places.home.parents):
        raise NotTaken("its project is the home folder or holds it, which stays closed", "give it a folder of its own")
    environment = folder / ".venv" / "bin"
    script = folder / rest[0]
    program = environment / ("python" if script.suffix == ".py" else rest[0])
    if _existing(program) is None:
        raise NotTaken(
            "its project has no environment yet, and `uv` has no network behind the fence to make one",
            f"run `uv sync` in {folder}, and import again",
        )
    named = (str(program), str(script), *rest[1:]) if script.suffix == ".py" else (str(program), *rest[1:])
    return Located(command=named, read=(str(folder),))
