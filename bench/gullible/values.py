"""The values of a call: what the model writes itself, and what it copies from what it has read. Judges nothing."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .reading import Json, Node

_MARKS = ("take", "of", "at", "secret", "list", "object", "number", "json")


@dataclass(frozen=True, slots=True)
class Literal:
    """What the model writes itself."""

    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """What the model copies out of an earlier output."""

    pattern: re.Pattern[str] | None
    of: str | None
    at: str | None
    secret: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """Parts written one after the other."""

    parts: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Many:
    """A list."""

    items: "tuple[Value, ...]"


@dataclass(frozen=True, slots=True)
class Fields:
    """An object."""

    fields: "Mapping[str, Value]"


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a text says."""

    value: "Value"


Value = Literal | Take | Joined | Many | Fields | Number


class NotSeen(Exception):
    """There is nothing yet that the value could be taken from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One call as it stands in the model's context."""

    index: int
    """In the whole run."""
    tool: str
    arguments: Json
    text: str
    structured: Json
    ok: bool

    @property
    def call_text(self) -> str:
        """The call as the model wrote it."""
        return f"{self.tool} {json.dumps(self.arguments, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A run of text of one argument, and the call whose output it was copied from. None: the model's own."""

    text: str
    origin: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One text, number or boolean of the arguments."""

    path: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(slots=True, kw_only=True)
class Source:
    """What values are taken from."""

    steps: Mapping[str, Seen]
    seen: list[Seen]
    own_calls: bool = False
    """Whether a `take` without `of` also looks at the calls that were made."""
    secret: Callable[[str], str] = str
    """What happens to a secret between reading and writing."""
    secrets: frozenset[int] = frozenset()
    """Which takes, by `id`, are secret."""
    leaves: list[Leaf] = field(default_factory=list[Leaf])


def parse_value(node: Node) -> Value:
    """Read a value. Raises: SuiteError."""
    if isinstance(node.value, list):
        return Joined(tuple(parse_value(item) for item in node.items()))
    if not isinstance(node.value, dict):
        return Literal(node.value)
    if node.has("take") or node.has("of"):
        return _parse_take(node)
    if node.has("list"):
        return Many(tuple(parse_value(item) for item in node.fields(["list"]).at("list").items()))
    if node.has("object"):
        inner = node.fields(["object"]).at("object")
        return Fields({key: parse_value(item) for key, item in inner.mapping()})
    if node.has("number"):
        return Number(parse_value(node.fields(["number"]).at("number")))
    if node.has("json"):
        return Literal(node.fields(["json"]).value["json"])
    raise node.fail("is no value; a mapping is {take}, {of, at}, {list}, {object}, {number} or {json}")


def parse_arguments(node: Node) -> dict[str, Value]:
    """Read `with`."""
    return {name: parse_value(value) for name, value in node.mapping()}


def _parse_take(node: Node) -> Take:
    node.fields((), ("take", "of", "at", "secret"))
    if not node.has("take") and not node.has("at"):
        raise node.fail("says neither `take` nor `at`: what is copied of the output?")
    if node.has("at") and not node.has("of"):
        raise node.fail("`at` needs `of`")
    return Take(
        pattern=node.at("take").regex() if node.has("take") else None,
        of=node.at("of").text() if node.has("of") else None,
        at=node.at("at").text() if node.has("at") else None,
        secret=node.at("secret").flag() if node.has("secret") else False,
    )


def takes(value: Value) -> Iterator[Take]:
    """Every take in *value*."""
    match value:
        case Take():
            yield value
        case Joined(inner) | Many(inner):
            for one in inner:
                yield from takes(one)
        case Fields(fields):
            for one in fields.values():
                yield from takes(one)
        case Number(one):
            yield from takes(one)
        case Literal():
            return


def resolve_all(values: Mapping[str, Value], source: Source) -> dict[str, Json]:
    """The arguments, with `source.leaves` told where each text comes from. Raises: NotSeen."""
    return {name: _resolve(value, name, source) for name, value in values.items()}


def _resolve(value: Value, path: str, source: Source) -> Json:
    match value:
        case Many(items):
            return [_resolve(item, f"{path}.{place}", source) for place, item in enumerate(items)]
        case Fields(fields):
            return {key: _resolve(item, f"{path}.{key}", source) for key, item in fields.items()}
        case Literal(found) if isinstance(found, list | dict):
            return _literal_tree(found, path, source)
        case Number(inner):
            pieces = _pieces(inner, source)
            made: Json = _number("".join(piece.text for piece in pieces))
        case Take():
            made, origin = _taken(value, source)
            if isinstance(made, list | dict):
                _tree(made, path, origin, source)
                return made
            if id(value) in source.secrets:
                made = source.secret(str(made))
            pieces = (Piece(text=_text(made), origin=origin),)
        case Literal(made):
            pieces = (Piece(text=_text(made), origin=None),)
        case _:
            pieces = _pieces(value, source)
            made = "".join(piece.text for piece in pieces)
    source.leaves.append(Leaf(path=path, pieces=pieces))
    return made


def _pieces(value: Value, source: Source) -> tuple[Piece, ...]:
    match value:
        case Joined(parts):
            return tuple(piece for part in parts for piece in _pieces(part, source))
        case Take():
            found, origin = _taken(value, source)
            text = _text(found)
            return (Piece(text=source.secret(text) if id(value) in source.secrets else text, origin=origin),)
        case Number(inner):
            pieces = _pieces(inner, source)
            said = _text(_number("".join(piece.text for piece in pieces)))
            return (Piece(text=said, origin=next((p.origin for p in pieces if p.origin is not None), None)),)
        case Literal(found):
            return (Piece(text=_text(found), origin=None),)
        case Many() | Fields():
            return (Piece(text=json.dumps(_resolve(value, "", source), ensure_ascii=False), origin=None),)


def _literal_tree(found: Json, path: str, source: Source) -> Json:
    _tree(found, path, None, source)
    return found


def _tree(found: Json, path: str, origin: int | None, source: Source) -> None:
    if isinstance(found, dict):
        for key, item in found.items():
            _tree(item, f"{path}.{key}", origin, source)
    elif isinstance(found, list):
        for place, item in enumerate(found):
            _tree(item, f"{path}.{place}", origin, source)
    else:
        source.leaves.append(Leaf(path=path, pieces=(Piece(text=_text(found), origin=origin),)))


def _taken(take: Take, source: Source) -> tuple[Json, int]:
    if take.of is None:
        for one in reversed(source.seen):
            for text in (one.text, one.call_text) if source.own_calls else (one.text,):
                found = _matched(take, text)
                if found is not None:
                    return found, one.index
        raise NotSeen(f"nothing seen so far matches `{_written(take)}`")
    step = source.steps.get(take.of)
    if step is None:
        raise NotSeen(f"the step `{take.of}` has not been done in this conversation")
    if take.at is None:
        found = _matched(take, step.text)
    else:
        place = at_path(step.structured, take.at)
        found = place if take.pattern is None or place is None else _matched(take, _text(place))
    if found is None:
        raise NotSeen(f"the output of `{take.of}` has nothing for `{_written(take)}`")
    return found, step.index


def _matched(take: Take, text: str) -> str | None:
    assert take.pattern is not None
    found = take.pattern.search(text)
    if found is None:
        return None
    said = found[1] if take.pattern.groups else found[0]
    return unescaped(said) if text.lstrip().startswith(("{", "[")) else said


def unescaped(text: str) -> str:
    """*text* as it was before it was written into JSON, if it can be read back."""
    if "\\" not in text:
        return text
    try:
        found = json.loads(f'"{text}"')
    except ValueError:
        return text
    return found if isinstance(found, str) else text


def at_path(value: Json, path: str) -> Json:
    """What is at the dotted *path*, or None."""
    for key in path.split("."):
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.lstrip("-").isdigit() and -len(value) <= int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _number(text: str) -> int | float:
    found = re.search(r"-?\d[\d,]*(?:\.\d+)?", text)
    if found is None:
        raise NotSeen(f"no number in what was taken for {{number}} ({len(text)} characters)")
    plain = found[0].replace(",", "")
    return float(plain) if "." in plain and not plain.endswith(".00") else int(float(plain))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _written(take: Take) -> str:
    return take.pattern.pattern if take.pattern is not None else f"at {take.at}"
