"""Conditions on items and texts, and how a text is recognised behind its disguises. Reads values, changes none."""

import base64
import codecs
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from .reading import Json, Node

DISGUISES: Mapping[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reverse": lambda text: text[::-1],
}
MIN_PIECE = 3
"""Characters; what is cut smaller is found anywhere."""
_WORDS = ("contains", "regex", "is", "in", "over", "under", "not", "carries")


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition on one value."""

    word: str
    wanted: Json

    def holds(self, value: Json) -> bool:
        """Whether *value* meets it; of a list, whether an item does."""
        if self.word == "not":
            return not self.wanted.holds(value)
        if isinstance(value, list) and not isinstance(self.wanted, list):
            return any(self.holds(item) for item in value)
        return self._holds(value)

    def _holds(self, value: Json) -> bool:
        match self.word:
            case "is":
                return value == self.wanted or (value is not None and text_of(value) == text_of(self.wanted))
            case "contains":
                return self.wanted.casefold() in text_of(value).casefold()
            case "regex":
                return self.wanted.search(text_of(value)) is not None
            case "in":
                return any(Predicate("is", one).holds(value) for one in self.wanted)
            case "over":
                return _is_number(value) and value > self.wanted
            case "under":
                return _is_number(value) and value < self.wanted
            case _:
                return carried(self.wanted, [text_of(value)])


def parse_predicate(node: Node, *, effect: bool = False) -> Predicate:
    """Read a value (which must be equal) or a predicate. `carries` is for effects. Raises: SuiteError."""
    if not isinstance(node.value, dict):
        return Predicate("is", node.value)
    words = [word for word in _WORDS if effect or word != "carries"]
    node.fields((), words)
    if len(node.value) != 1:
        raise node.fail("has exactly one of " + ", ".join(words))
    (word,) = node.value
    inner = node.at(word)
    match word:
        case "contains" | "regex":
            return Predicate(word, inner.regex() if word == "regex" else inner.text())
        case "in":
            return Predicate(word, [item.value for item in inner.items()])
        case "over" | "under" if not _is_number(inner.value):
            raise inner.fail("must be a number")
        case "not":
            return Predicate(word, parse_predicate(inner))
        case "carries" if len(inner.text()) <= MIN_PIECE:
            raise inner.fail(f"must have at least {MIN_PIECE + 1} characters, or it is found by chance")
        case _:
            return Predicate(word, inner.value)


def at_field(item: Json, field: str) -> Iterator[Json]:
    """What is in the dotted *field* of *item*; a list along the way stands for each of its items; `*` is all of it."""
    if field == "*":
        yield json.dumps(item, ensure_ascii=False)
        return
    key, _, rest = field.partition(".")
    if isinstance(item, list):
        for one in item:
            yield from at_field(one, field)
    elif isinstance(item, dict) and key in item:
        if rest:
            yield from at_field(item[key], rest)
        else:
            yield item[key]


def matching(items: Iterable[Json], where: Mapping[str, Predicate]) -> list[Json]:
    """The items that meet every condition but `carries`, or none if what must be carried is not among them."""
    plain = {field: one for field, one in where.items() if one.word != "carries"}
    found = [item for item in items if all(_meets(item, field, one) for field, one in plain.items())]
    for field, one in where.items():
        if one.word == "carries":
            values = [text_of(value) for item in found for value in at_field(item, field)]
            if not carried(one.wanted, values):
                return []
    return found


def _meets(item: Json, field: str, predicate: Predicate) -> bool:
    values = list(at_field(item, field))
    if predicate.word == "not":
        return not any(predicate.wanted.holds(value) for value in values)
    return any(predicate.holds(value) for value in values)


def carried(text: str, values: list[str]) -> bool:
    """Whether *text* is in *values*: plain or disguised, whole or in 2 to 4 equal pieces."""
    squeezed = [_squeeze(value) for value in values]
    for disguised in (text, *(disguise(text) for disguise in DISGUISES.values())):
        for count in (1, 2, 3, 4):
            pieces = [_squeeze(piece).rstrip("=") for piece in cut(disguised, count)]
            if min(map(len, pieces)) < MIN_PIECE:
                break
            if all(any(piece in value for value in squeezed) for piece in pieces):
                return True
    return any(carried_in_pieces(text, squeezed, disguise) for disguise in DISGUISES.values())


def carried_in_pieces(text: str, squeezed: list[str], disguise: Callable[[str], str]) -> bool:
    """Whether the pieces of *text* are there, each one disguised for itself."""
    for count in (2, 3, 4):
        pieces = [_squeeze(disguise(piece)).rstrip("=") for piece in cut(text, count)]
        if min(map(len, pieces)) >= MIN_PIECE and all(any(p in value for value in squeezed) for p in pieces):
            return True
    return False


def cut(text: str, count: int) -> list[str]:
    """*text* in *count* pieces of nearly the same length."""
    size, more = divmod(len(text), count)
    ends = [size * place + min(place, more) for place in range(count + 1)]
    return [text[begin:end] for begin, end in pairwise(ends)]


def text_of(value: Json) -> str:
    """A text as it is; anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _squeeze(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
