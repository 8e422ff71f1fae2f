"""Regular expressions of a schema, matched in linear time by RE2; what RE2 cannot run is refused, not approximated."""

import re
from dataclasses import dataclass
from typing import Any

import re2 as _re2

from holdfast.contracts import OperatorError

from .effort import Effort

RE2: Any = _re2
"""The library has no types."""

MAX_PATTERNS = 256
MAX_LENGTH = 4_096
"""Characters of one pattern."""
MAX_PROGRAM = 50_000
"""RE2 instructions over all patterns of a schema: about 25 ms to compile, and far beyond any honest schema."""
MAX_MEMORY = 2 << 20
"""Bytes RE2 may use for one pattern, a quarter of its default; one that needs more is refused after about 10 ms."""
MAX_CLASSES = 200
"""Classes of thousands of characters over all patterns of a schema, about 60 µs each. Flags count them twice."""

_PATTERN_STEPS = 25
_CHARACTERS_A_STEP = 16
_INSTRUCTION_STEPS = 0.6
_CLASS_STEPS = 40

_SEARCH_STEPS = 3
"""What one search is charged before the size of the text: the way into RE2 and back takes about 1 µs."""
_INSTRUCTIONS_A_STEP = 2_048
"""In the slowest mode of RE2, 10^8 instructions times characters took about 1 s: 50 000 steps of this stay near it."""

_LARGE_CLASS = re.compile(r"\\[pP]|\[\^")
_WRITTEN = re.compile(
    r"\\(?:u(?P<four>[0-9a-fA-F]{4})|u\{(?P<braced>[0-9a-fA-F]{1,6})\}|c(?P<control>[A-Za-z])"
    r"|(?P<negated>[pP])\{(?P<category>\w+)\}|.)|(?P<bracket>[\[\]])",
    re.DOTALL,
)
_SPACES = r"\t\n\x0b\f\r\x{feff}\p{Z}"
"""What `\\s` means in ECMA-262."""
_CATEGORIES = {"Letter": "L", "digit": "Nd", "Decimal_Number": "Nd", "Lowercase_Letter": "Ll", "Uppercase_Letter": "Lu"}
"""Names of ECMA-262 that RE2 knows under shorter ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern, compiled. Searches anywhere in the text, as JSON Schema says."""

    source: str
    program: Any
    size: int

    def cost(self, text: str) -> int:
        """The steps that matching *text* is charged."""
        return _SEARCH_STEPS + len(text) * self.size // _INSTRUCTIONS_A_STEP

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches somewhere in *text*; text that is not Unicode matches nothing."""
        try:
            return self.program.search(text.encode()) is not None
        except UnicodeEncodeError:
            return False


class Patterns:
    """The patterns of one schema, under one bound for all of them."""

    def __init__(self, effort: Effort) -> None:
        self.compiled: dict[str, Pattern] = {}
        self._effort = effort
        self._room = MAX_PROGRAM
        self._classes = MAX_CLASSES

    def add(self, source: str, pointer: str) -> None:
        """Compile *source*, found at *pointer*.

        Raises: OperatorError when RE2 cannot run it, or there are too many, or they are too big together.
        """
        if source in self.compiled:
            return
        if len(self.compiled) >= MAX_PATTERNS:
            raise OperatorError(f"the schema has more than {MAX_PATTERNS} patterns")
        classes = len(_LARGE_CLASS.findall(source)) * (2 if "(?" in source else 1)
        self._classes -= classes
        if len(source) > MAX_LENGTH or self._classes < 0:
            raise OperatorError(f"the patterns of the schema are too big together, at `{pointer}`")
        self._effort.pay(_PATTERN_STEPS + classes * _CLASS_STEPS + len(source) // _CHARACTERS_A_STEP)
        try:
            program = RE2.compile(_for_re2(source), _options())
            size = int(program.programsize)
        except (RE2.error, UnicodeEncodeError):
            raise OperatorError(
                f"the pattern at `{pointer}` cannot be matched in linear time (RE2): "
                "look-around and back-references are not supported"
            ) from None
        self._room -= size
        self._effort.pay(int(size * _INSTRUCTION_STEPS))
        if self._room < 0:
            raise OperatorError(f"the patterns of the schema are too big together, at `{pointer}`")
        self.compiled[source] = Pattern(source=source, program=program, size=size)


def _for_re2(source: str) -> str:
    """Write escapes of ECMA-262 the way RE2 reads them."""
    written: list[str] = []
    inside = False
    end = 0
    for found in _WRITTEN.finditer(source):
        written += source[end : found.start()], _one_for_re2(found, inside=inside)
        end = found.end()
        if found["bracket"]:
            inside = found["bracket"] == "["
    return "".join((*written, source[end:]))


def _one_for_re2(found: re.Match[str], *, inside: bool) -> str:
    if point := found["four"] or found["braced"]:
        return rf"\x{{{point}}}"
    if found["control"]:
        return rf"\x{ord(found['control']) % 32:02x}"
    if found["category"]:
        return rf"\{found['negated']}{{{_CATEGORIES.get(found['category'], found['category'])}}}"
    match found[0]:
        case r"\s":
            return _SPACES if inside else f"[{_SPACES}]"
        case r"\S" if not inside:
            return f"[^{_SPACES}]"
        case _:
            return found[0]


def _options() -> Any:
    options = RE2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MAX_MEMORY
    return options
