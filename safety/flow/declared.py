"""Reads from an input schema which fields it names and what they default to; it validates and fetches nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias

from holdfast.contracts import Json, JsonObject

from .paths import parts_of

_MAX_STEPS: Final = 64
"""Forms of one schema that are looked at: a schema that refers to itself ends here."""
_FORMS: Final = ("allOf", "anyOf", "oneOf")
_FURTHER: Final = frozenset({*_FORMS, "$ref"})

Schema: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Level:
    """What a schema says of one value: several forms of it when there are alternatives."""

    root: Schema
    forms: tuple[Schema, ...]

    def names(self) -> frozenset[str] | None:
        """The fields that are named; None when the schema names none."""
        named = [listed for form in self.forms if isinstance(listed := form.get("properties"), Mapping)]
        return frozenset(name for listed in named for name in listed) if named else None

    def at(self, name: str) -> "Level":
        """The field *name*; of a field that is not named, nothing is known."""
        found: list[Schema] = []
        for form in self.forms:
            listed = form.get("properties")
            if isinstance(listed, Mapping) and isinstance(field := listed.get(name), Mapping):
                found.append(field)
        return _level(self.root, found)

    def items(self) -> "Level":
        """The items of the list that this value is."""
        return _level(self.root, [items for form in self.forms if isinstance(items := form.get("items"), Mapping)])

    def defaults(self) -> tuple[Json, ...]:
        """What the value is when it is not given, as far as it is said."""
        return tuple(form["default"] for form in self.forms if "default" in form)


def level_of(schema: JsonObject) -> Level:
    """What *schema* says of the whole value."""
    return _level(schema, [schema])


def level_at(schema: JsonObject, parts: tuple[str, ...]) -> Level:
    """What *schema* says of the dotted path *parts*; lists along the way are opened."""
    level = level_of(schema)
    for part in parts:
        level = opened(level).at(part)
    return level


def opened(level: Level) -> Level:
    """*level*, with the forms of its items next to its own."""
    items = level.items().forms
    return Level(level.root, (*level.forms, *items)) if items else level


def _level(root: Schema, starts: list[Schema]) -> Level:
    forms = starts[:_MAX_STEPS]
    for form in forms:  # which grows meanwhile
        if len(forms) < _MAX_STEPS and not _FURTHER.isdisjoint(form):
            forms.extend(islice(_further(root, form), _MAX_STEPS - len(forms)))
    return Level(root, tuple(forms))


def _further(root: Schema, form: Schema) -> Iterator[Schema]:
    for keyword in _FORMS:
        listed = form.get(keyword)
        if isinstance(listed, list):
            yield from (each for each in listed if isinstance(each, Mapping))
    target = form.get("$ref")
    if isinstance(target, str) and isinstance(found := _pointed(root, target), Mapping):
        yield found


def _pointed(root: Schema, reference: str) -> Json:
    """What a reference within the same schema points to; None for every other."""
    value: Json = dict(root)
    if reference == "#":
        return value
    if not reference.startswith("#/"):
        return None
    for part in reference[2:].split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def any_unknown(schema: JsonObject, arguments: JsonObject, named: Iterable[str]) -> bool:
    """Whether *arguments* hold a field that *schema* does not name, at the top or on the way along *named* paths.

    A level below the top that names no fields is passed; there only another spelling of what is looked for is unknown.
    """
    level = level_of(schema)
    if not arguments.keys() <= (level.names() or frozenset()):
        return True
    return any(_unknown_along(level, arguments, parts_of(path)) for path in dict.fromkeys(named))


def _unknown_along(level: Level, value: Json | JsonObject, parts: tuple[str, ...]) -> bool:
    level = opened(level)
    if isinstance(value, list):
        return any(_unknown_along(level, item, parts) for item in value)
    if not isinstance(value, Mapping) or not parts:
        return False
    names = level.names()
    if any(_is_unknown(name, parts[0], names) for name in value):
        return True
    return parts[0] in value and _unknown_along(level.at(parts[0]), value[parts[0]], parts[1:])


def _is_unknown(name: str, wanted: str, names: frozenset[str] | None) -> bool:
    """Where no names are declared, only another spelling of the wanted one counts."""
    return name not in names if names is not None else name != wanted and _spelled(name) == _spelled(wanted)


def _spelled(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
