"""The compiler for C and Zig that the package `ziglang` brings: where it is, how it is called. It starts nothing."""

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.contracts import Digest

from .languages import Language

MISSING: Final = "C and Zig are compiled with the package `ziglang`, which is not installed"
REMEDY: Final = "pip install 'holdfast[build]'"
_TARGET: Final = "wasm32-wasi"

_C: Final = b"""#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(void) {
    char *line = malloc(64);
    if (!line || !fgets(line, 64, stdin)) return 2;
    return printf("%s %g\\n", line, sqrt((double)strlen(line))) < 0;
}
"""
SAMPLES: Final = {
    Language.C: ("main.c", _C),
    Language.ZIG: ("main.zig", b"pub fn main() void {}\n"),
}
"""Programs of ours, compiled once to have the system's parts ready for everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """An installed compiler."""

    folder: Path
    version: str

    @property
    def identity(self) -> str:
        """Of this very installation: what a compiler keeps for the next build holds for the place it stands in."""
        return f"zig-{self.version}-{Digest.of(str(self.folder).encode()).hex[:16]}"

    def command(self, language: Language, sources: tuple[str, ...], target: str) -> tuple[str, ...]:
        """The words that compile *sources*, relative to the folder it is started in, to the file *target*."""
        zig = str(self.folder / "zig")
        if language is Language.C:
            return (zig, "cc", "-target", _TARGET, "-Oz", "-s", "-o", target, *sources)
        leading = (zig, "build-exe", "-target", _TARGET, "-O", "ReleaseSmall", "-fstrip", f"-femit-bin={target}")
        return (*leading, sources[0])


def find_toolchain() -> Toolchain | None:
    """The compiler of this installation, or None."""
    spec = importlib.util.find_spec("ziglang")
    places = None if spec is None else spec.submodule_search_locations
    if not places:
        return None
    folder = Path(next(iter(places))).resolve()
    if not (folder / "zig").is_file():
        return None
    return Toolchain(folder=folder, version=importlib.metadata.version("ziglang"))
