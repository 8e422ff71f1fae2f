"""Reads injection rules from TOML text into values. It opens no file and never repairs a rule."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from holdfast.contracts import OperatorError

from ..expressions import expression
from .folding import plain
from .literals import SPACE

DECODED: Final = "decoded"
REPETITION: Final = "repetition"
FLOOD: Final = "flood"
SIGNALS: Final = frozenset({DECODED, REPETITION, FLOOD})
"""What the detector notes by itself, for rules without patterns."""

_ID: Final = re.compile(r"(?=.{1,64}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_PIECE: Final = re.compile(r"\{\{([a-z][a-z0-9-]*)(?::(\d))?\}\}")
_WORD_AND_SPACE: Final = r"[^\s.!?]+\s+"
_FOREIGN: Final = re.compile("[^\x00-\x7f]")
_ANCHOR: Final = re.compile(r"\\[AzZB]|(?<![\[\\])\^|\$")
_BLANK: Final = re.compile(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|( \??)", re.DOTALL)
"""What keeps its blanks, or a blank, which may be optional."""
_LAZY: Final = re.compile(r"(?<!\\)[?*+}]\?")
_KEYS: Final = frozenset({"id", "why", "weight", "patterns", "cues", "signals", "positives", "near_misses"})
_MOST_RULES: Final = 500
_LEAST_EXAMPLES: Final = 2
_ROUNDS: Final = 4
"""How deep pieces may stand in pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRule:
    """One way of addressing a model through what it reads."""

    id: str
    why: str
    weight: float
    """How likely a text with this and nothing else is meant for the model, from 0 to below 1."""
    patterns: tuple[str, ...]
    """For both engines: lower-case ASCII, searched in folded text between line ends."""
    cues: tuple[str, ...]
    """ASCII of which one stands in each folded text that a pattern matches; empty when no sign tells as much."""
    signals: tuple[str, ...]
    """What else raises it: one of `SIGNALS`, or the id of a rule of the sanitizer."""
    positives: tuple[str, ...]
    """Texts its patterns find."""
    near_misses: tuple[str, ...]
    """Texts they do not."""


def load_signals(sources: Mapping[str, str]) -> tuple[SignalRule, ...]:
    """Read every rule of *sources*, a mapping from file name to TOML text, in order of file name.

    Raises: OperatorError naming file, rule and key for anything unknown, missing, ill-formed or defined twice.
    """
    documents = {name: _document(name, sources[name]) for name in sorted(sources)}
    pieces = _pieces(documents)
    rules = [rule for name, document in documents.items() for rule in _rules(name, document, pieces)]
    ids = [rule.id for rule in rules]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise OperatorError(f"the injection rule `{twice[0]}` is defined twice")
    if not 0 < len(rules) <= _MOST_RULES:
        raise OperatorError(f"there must be one to {_MOST_RULES} injection rules")
    return tuple(rules)


def _document(name: str, text: str) -> Mapping[str, Any]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"`{name}` is not TOML: {str(error).lower()}") from None
    unknown = sorted(set(document) - {"rule", "pieces"})
    if unknown:
        raise OperatorError(f"`{name}`: unknown key `{unknown[0]}`: rules stand in [[rule]] tables")
    return document


def _pieces(documents: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, document in documents.items():
        table = document.get("pieces", {})
        if not isinstance(table, dict):
            raise OperatorError(f"`{name}`: `pieces` must be a table of texts")
        for key, value in cast("dict[str, object]", table).items():
            if not isinstance(value, str) or key in found:
                raise OperatorError(f"`{name}`: the piece `{key}` must be a text, defined once")
            found[key] = value
    return found


def _rules(name: str, document: Mapping[str, Any], pieces: Mapping[str, str]) -> Iterator[SignalRule]:
    tables = document.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in cast("list[object]", tables)):
        raise OperatorError(f"`{name}`: `rule` must be a list of [[rule]] tables")
    for number, table in enumerate(cast("list[dict[str, Any]]", tables), 1):
        yield _Table(name, number, table).rule(pieces)


class _Table:
    """One [[rule]] table, read key by key so that every complaint names its place."""

    def __init__(self, file: str, number: int, table: Mapping[str, Any]) -> None:
        self._table = table
        self._place = f"`{file}`: rule {number}"
        self._id = self._text("id")
        self._place = f"`{file}`: rule `{self._id}`"
        if not _ID.fullmatch(self._id):
            raise OperatorError(f"{self._place}: key `id` must be kebab-case, at most 64 characters")

    def rule(self, pieces: Mapping[str, str]) -> SignalRule:
        unknown = sorted(set(self._table) - _KEYS)
        if unknown:
            raise OperatorError(f"{self._place}: unknown key `{unknown[0]}`")
        signals = self._texts("signals", least=0)
        strange = [one for one in signals if one not in SIGNALS and not one.startswith("sanitizer/")]
        if strange:
            raise OperatorError(f"{self._place}: key `signals` names `{strange[0]}`, which nothing raises")
        patterns = self._texts("patterns", least=0)
        if bool(patterns) == bool(signals):
            raise OperatorError(f"{self._place}: give exactly one of `patterns` and `signals`")
        examples = _LEAST_EXAMPLES if patterns else 0
        return SignalRule(
            id=self._id,
            why=self._text("why"),
            weight=self._weight(),
            patterns=tuple(self._expanded(pattern, pieces) for pattern in patterns),
            cues=self._texts("cues", least=0),
            signals=signals,
            positives=self._texts("positives", least=examples),
            near_misses=self._texts("near_misses", least=examples),
        )

    def _expanded(self, pattern: str, pieces: Mapping[str, str]) -> str:
        for _ in range(_ROUNDS):
            pattern = _PIECE.sub(lambda found: self._piece(found, pieces), pattern)
        ascii_ = pattern if pattern.isascii() else _FOREIGN.sub(_bytes_of, plain(pattern))
        written = _BLANK.sub(_space_of, ascii_)
        if _ANCHOR.search(written):
            raise OperatorError(f"{self._place}: key `patterns` may not use anchors: texts stand between line ends")
        if _LAZY.search(written):
            raise OperatorError(
                f"{self._place}: key `patterns` may not use lazy counts: only whether it matches is asked"
            )
        try:
            expression(written)
        except ValueError as error:
            raise OperatorError(f"{self._place}: key `patterns` {error}") from None
        return written

    def _piece(self, found: re.Match[str], pieces: Mapping[str, str]) -> str:
        if found[1] == "gap" and found[2]:
            return f"(?:{_WORD_AND_SPACE}){{0,{found[2]}}}"
        if found[1] not in pieces or found[2]:
            raise OperatorError(f"{self._place}: key `patterns` uses an unknown piece `{found[1]}`")
        return f"(?:{pieces[found[1]]})"

    def _text(self, key: str) -> str:
        value = self._table.get(key)
        if not isinstance(value, str) or not value:
            raise OperatorError(f"{self._place}: key `{key}` must be a text that is not empty")
        return value

    def _texts(self, key: str, *, least: int) -> tuple[str, ...]:
        items = self._table.get(key, [])
        if not isinstance(items, list) or not all(isinstance(one, str) and one for one in cast("list[object]", items)):
            raise OperatorError(f"{self._place}: key `{key}` must be a list of texts")
        if len(cast("list[str]", items)) < least:
            raise OperatorError(f"{self._place}: key `{key}` must hold at least {least} texts")
        return tuple(cast("list[str]", items))

    def _weight(self) -> float:
        value = self._table.get("weight")
        if type(value) is not float or not 0 < value < 1:
            raise OperatorError(f"{self._place}: key `weight` must be a number between 0 and 1")
        return value


def _bytes_of(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in found[0].encode("utf-8"))


def _space_of(found: re.Match[str]) -> str:
    return found[1] or (SPACE if found[2] == " " else f"(?:{SPACE})?")
