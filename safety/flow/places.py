"""Turns an entry's templates and a call's arguments into the places it touches; what cannot be told becomes a wildcard.

1. A segment whose value is absent, empty, no scalar, too long or climbs (`..`) is a wildcard, and the key ends there.
2. A star in a value is escaped: only the operator's template and rule 1 make wildcards.
3. A list stands for one place per item, at most 512 places per template; more make a wildcard.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import Final, TypeAlias

from holdfast.contracts import Json, JsonObject, MalformedJson, OperatorError
from holdfast.contracts.flow import ANY, Place
from holdfast.contracts.json_values import parse

from . import paths
from .folding import MAX_KEY, fold_key, fold_value, joined, written

MAX_PLACES: Final = 512
"""Places of one template in one call: as many as a listing of files commonly has."""
_MAX_ANSWER: Final = 1 << 18
"""Characters of an answer's text that are read as JSON to find a field in it."""
_MAX_TEMPLATE: Final = 512
_ANSWER: Final = "result"

_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_NAME: Final = re.compile(r"[^\s./\\*{}]+(?:\.[^\s./\\*{}]+)*")

Piece: TypeAlias = tuple[str, str]
"""Text that stands for itself, and the argument path that follows it (empty: none)."""


def whole(space: str) -> Place:
    """Everything in *space*."""
    return Place(space, ANY)


def check_template(template: str, *, result: bool) -> None:
    """Refuse a template that could not be filled in; fields of the answer are allowed with *result* only.

    Raises: OperatorError naming the template and the rule.
    """
    if not template or len(template) > _MAX_TEMPLATE:
        raise _wrong(template, f"is empty or longer than {_MAX_TEMPLATE} characters")
    for number, segment in enumerate(segments := template.split("/")):
        _check_segment(template, segment, is_last=number == len(segments) - 1)
    for found in _FIELD.finditer(template):
        if not _NAME.fullmatch(found[1]):
            raise _wrong(template, "has braces around what is no argument; write `{argument}` or `{argument.field}`")
        head, dot, _ = found[1].partition(".")
        if head == _ANSWER and not dot:
            raise _wrong(template, "has `{result}`; name a field of the answer, as in `{result.id}`")
        if head == _ANSWER and not result:
            raise _wrong(template, "names a field of the answer, which only `writes` can know")


def _check_segment(template: str, segment: str, *, is_last: bool) -> None:
    literal = _FIELD.sub("", segment)
    if segment.strip() in {"", ".", ".."}:
        raise _wrong(template, "has an empty or dotted segment; write `kind/{argument}`")
    if "{" in literal or "}" in literal:
        raise _wrong(template, "has a brace without its partner")
    if "\\" in literal or "%" in literal:
        raise _wrong(template, "has a backslash or a percent sign; divide segments by `/`")
    if "*" in literal and not (segment == ANY and is_last):
        raise _wrong(template, "has a `*` that is not the whole last segment")


def _wrong(template: str, rule: str) -> OperatorError:
    return OperatorError(f"place template `{template[:80]}` {rule}")


def places(templates: Iterable[str], space: str, arguments: JsonObject, result: Json = None) -> tuple[Place, ...]:
    """The places in *space* that *templates* name for a call with *arguments*, each once.

    *result* is the structured answer or its text, or None before there is one: then its fields are wildcards.
    """
    answers = tuple(_answers(result))
    found: dict[Place, None] = {}
    for template in templates:
        found.update((Place(space, key), None) for key in _keys(template, arguments, answers))
    return tuple(found)


def overlaps(one: Place, other: Place) -> bool:
    """Whether a thing may be in both: they are equal, or one is a wildcard above the other."""
    if one.space != other.space:
        return False
    return one.key == other.key or _covers(one.key, other.key) or _covers(other.key, one.key)


def _covers(above: str, below: str) -> bool:
    return above == ANY or (above.endswith("/" + ANY) and below.startswith(above[:-1]))


def _keys(template: str, arguments: JsonObject, answers: tuple[Json, ...]) -> Iterable[str]:
    segments = _compiled(template)
    names = {name: None for pieces in segments for _, name in pieces if name}
    choices = [_values(name, arguments, answers) for name in names]
    count = 1
    for values in choices:
        count *= len(values)
    if count > MAX_PLACES:
        return (_filled(segments, dict.fromkeys(names)),)
    return dict.fromkeys(_filled(segments, dict(zip(names, chosen, strict=True))) for chosen in product(*choices))


def _values(name: str, arguments: JsonObject, answers: tuple[Json, ...]) -> tuple[str | None, ...]:
    """What stands for *name*; None where it cannot be told."""
    head, _, rest = name.partition(".")
    found = _answered(rest, answers) if head == _ANSWER else paths.find(arguments, name)
    told = [_told(value) for value in found.values]
    return tuple(dict.fromkeys([*told, None] if found.missing or not told else told))


def _told(value: Json) -> str | None:
    plain = written(value)
    return plain if plain is not None and len(plain) <= MAX_KEY and fold_value(plain) else None


def _answered(name: str, answers: tuple[Json, ...]) -> paths.Found:
    for answer in answers:
        found = paths.find(answer, name)
        if found.values:
            return found
    return paths.Found((), missing=True)


def _answers(result: Json) -> Iterator[Json]:
    """The objects in which a field of the answer may be: itself, and what a server wrapped in a lone `result`."""
    if isinstance(result, str):
        read = _read(result)
        if read is not None:
            yield read
    elif isinstance(result, Mapping):
        yield result
        if tuple(result) == (_ANSWER,):
            yield from _answers(result[_ANSWER])
    elif isinstance(result, list):
        yield result


def _read(text: str) -> Json:
    """*text* as a JSON object or array; None when it is anything else."""
    if len(text) > _MAX_ANSWER or not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return parse(text)
    except MalformedJson:
        return None


@lru_cache(maxsize=4096)
def _compiled(template: str) -> tuple[tuple[Piece, ...], ...]:
    return tuple(tuple(_pieces(segment)) for segment in template.split("/"))


def _pieces(segment: str) -> Iterator[Piece]:
    end = 0
    for found in _FIELD.finditer(segment):
        yield segment[end : found.start()], found[1]
        end = found.end()
    if end < len(segment):
        yield segment[end:], ""


def _filled(segments: tuple[tuple[Piece, ...], ...], values: Mapping[str, str | None]) -> str:
    kept: list[str] = []
    for pieces in segments:
        if pieces == ((ANY, ""),):
            return joined((*kept, ANY))
        if any(name and values[name] is None for _, name in pieces):
            return joined((*kept, ANY))
        text = "".join(literal + (values[name] or "" if name else "") for literal, name in pieces)
        folded = fold_value(text)
        if folded is None:
            return joined((*kept, ANY))
        kept.extend(folded)
    return joined(tuple(kept))


def place_of(space: str, key: str) -> Place:
    """The place named *key*, as a person or a path writes it."""
    return Place(space, fold_key(key))
