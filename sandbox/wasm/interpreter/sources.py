"""The interpreter's sources, and the component that came with this installation, if one did. It builds nothing."""

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from holdfast.contracts import Digest, OperatorError
from holdfast.contracts.json_values import canonical

from .languages import PYTHON_LANGUAGE, Language

_PREBUILT: Final = "prebuilt"
_LIST: Final = "modules.txt"


@dataclass(frozen=True)
class Sources:
    """A folder with `runner.wit` and the runner of *language*."""

    root: Path
    language: Language = PYTHON_LANGUAGE

    @cached_property
    def digest(self) -> Digest:
        """Over every file, by name and content. Raises: OperatorError when there are none."""
        try:
            names = sorted(
                path for path in self.root.rglob("*") if _counts(path.relative_to(self.root)) and path.is_file()
            )
            files = [[path.relative_to(self.root).as_posix(), str(Digest.of(path.read_bytes()))] for path in names]
        except OSError as error:
            raise OperatorError(f"the interpreter's sources cannot be read: {error.strerror}") from None
        if not files:
            raise OperatorError("the interpreter's sources are not there", remedy="install holdfast again")
        return Digest.of(canonical([list(file) for file in files]))

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules a program may import, as Python's list names them. Raises: OSError."""
        lines = (self.root / _LIST).read_text(encoding="utf-8").splitlines()
        return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))

    @property
    def prebuilt(self) -> Path | None:
        """The component that came with this installation, if it was built from exactly these sources."""
        folder = self.root / _PREBUILT
        try:
            made_of = self._made_of.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            return None
        built = folder / self._component
        return built if made_of[:1] == [str(self.digest)] and built.is_file() else None

    @property
    def identity(self) -> Digest | None:
        """What the component is known by: its sources, its builder, what goes into it. None when it cannot be had."""
        if self.prebuilt is not None:
            made_of = self._made_of.read_text(encoding="ascii")
            return Digest.of(canonical(["prebuilt", *made_of.split()]))
        return None if builder_version(self.language) is None else Digest.of(canonical(["built", *self._parts()]))

    def keep_prebuilt(self, component: bytes) -> Path:
        """Put *component*, built from these sources, where an installation carries it. Raises: OSError."""
        folder = self.root / _PREBUILT
        folder.mkdir(exist_ok=True)
        (folder / self._component).write_bytes(component)
        self._made_of.write_text(" ".join(self._parts()) + "\n", encoding="ascii")
        return folder / self._component

    @property
    def _component(self) -> str:
        return f"{self.language.abi}.wasm"

    @property
    def _made_of(self) -> Path:
        return self.root / _PREBUILT / f"{self.language.abi}.sources"

    def _parts(self) -> tuple[str, ...]:
        others = (_version(package) or "none" for package in self.language.also)
        return (str(self.digest), builder_version(self.language) or "none", *others)


def builder_version(language: Language) -> str | None:
    """The version of what builds *language*'s component, or None where it is not."""
    return _version(language.package) if importlib.util.find_spec(language.module) is not None else None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _counts(path: Path) -> bool:
    return path.parts[0] != _PREBUILT and not {"__pycache__", "node_modules"} & set(path.parts)
