"""Regular expressions of a schema, matched in linear time by RE2; what RE2 cannot run is refused, not approximated."""

import re
from dataclasses import dataclass
from typing import Any

import re2 as _re2

from holdfast.contracts import OperatorError

RE2: Any = _re2
"""The library has no types."""

MAX_PATTERNS = 256
MAX_PROGRAM = 200_000
"""RE2 instructions over all patterns of a schema: about 0.1 s to compile, and far beyond any honest schema."""
MAX_MEMORY = 4 << 20
"""Bytes RE2 may use for one pattern, half of its default."""
_INSTRUCTIONS_A_STEP = 2_048
"""In the slowest mode of RE2, 10^8 instructions times characters took about 1 s: 50 000 steps of this stay near it."""

_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern, compiled. Searches anywhere in the text, as JSON Schema says."""

    source: str
    program: Any
    size: int

    def cost(self, text: str) -> int:
        """The steps that matching *text* is charged."""
        return 1 + len(text) * self.size // _INSTRUCTIONS_A_STEP

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches somewhere in *text*; text that is not Unicode matches nothing."""
        try:
            return self.program.search(text) is not None
        except UnicodeEncodeError:
            return False


class Patterns:
    """The patterns of one schema, under one bound for all of them."""

    def __init__(self) -> None:
        self.compiled: dict[str, Pattern] = {}
        self._room = MAX_PROGRAM

    def add(self, source: str, pointer: str) -> None:
        """Compile *source*, found at *pointer*.

        Raises: OperatorError when RE2 cannot run it, or there are too many, or they are too big together.
        """
        if source in self.compiled:
            return
        if len(self.compiled) >= MAX_PATTERNS:
            raise OperatorError(f"the schema has more than {MAX_PATTERNS} patterns")
        try:
            program = RE2.compile(_for_re2(source), _options())
            size = int(program.programsize)
        except (RE2.error, UnicodeEncodeError):
            raise OperatorError(
                f"the pattern at `{pointer}` cannot be matched in linear time (RE2): "
                "look-around and back-references are not supported"
            ) from None
        self._room -= size
        if self._room < 0:
            raise OperatorError(f"the patterns of the schema are too big together, at `{pointer}`")
        self.compiled[source] = Pattern(source=source, program=program, size=size)


def _for_re2(source: str) -> str:
    """Write the Unicode escapes of ECMA-262 the way RE2 reads them."""
    return _ESCAPED.sub(lambda found: rf"\x{{{found[1] or found[2]}}}" if found[1] or found[2] else found[0], source)


def _options() -> Any:
    options = RE2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_MEMORY
    return options
