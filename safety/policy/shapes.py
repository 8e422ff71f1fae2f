"""Turns a tool's JSON Schema into the shape that policies may rely on; never fetches, never trusts the schema's size.

1. What has one plain type gets it: text, truth, whole number, number, list of those, object with named properties.
2. What has not is opaque: a policy can tell that it is there, and compare its keyed digest.
3. A property that may be null counts as absent when it is.
4. A schema may come from an attacker: parts, depth and names are capped. One over a cap has no shape at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from holdfast.contracts import Json

MAX_PARTS: Final = 512
"""Typed parts of one tool. Bounds what a hostile schema costs: reading 512 parts takes about a millisecond."""
MAX_LOOKED: Final = 100_000
"""Entries of `required`, `type`, `enum` and `anyOf` looked at for one tool, each time a reference leads to them: about
15 ms. A tool with 100 fields of the 180 currencies there are takes a fifth."""
MAX_DEPTH: Final = 6
"""Objects within objects; what is deeper is opaque."""
MAX_NAME: Final = 128
_ESCAPES: Final = frozenset({"__entity", "__extn", "__expr"})
"""Names that Cedar's JSON form gives a meaning of its own."""
_DEFINITIONS: Final = ("#/$defs/", "#/definitions/")


@dataclass(frozen=True, slots=True)
class TextShape:
    """A string."""


@dataclass(frozen=True, slots=True)
class TruthShape:
    """A boolean."""


@dataclass(frozen=True, slots=True)
class WholeShape:
    """An integer; beyond 64 bits it is clamped and counts as inexact."""


@dataclass(frozen=True, slots=True)
class NumberShape:
    """A number, kept to four decimal places; what that changes counts as inexact."""


@dataclass(frozen=True, slots=True)
class OpaqueShape:
    """Anything; its presence can be seen, and its keyed digest."""


Scalar: TypeAlias = TextShape | TruthShape | WholeShape | NumberShape


@dataclass(frozen=True, slots=True)
class ListShape:
    """A list of scalars; order and repetition cannot be seen."""

    of: Scalar


@dataclass(frozen=True, slots=True)
class Part:
    """One property of an object."""

    shape: "Shape"
    required: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class RecordShape:
    """An object with named properties."""

    parts: Mapping[str, Part]


Shape: TypeAlias = Scalar | OpaqueShape | ListShape | RecordShape

EMPTY: Final = RecordShape({})

_SIMPLE: Final[Mapping[str, Scalar]] = {
    "string": TextShape(),
    "boolean": TruthShape(),
    "integer": WholeShape(),
    "number": NumberShape(),
}


class Unexpressible(Exception):
    """A schema has no shape; the argument says why."""


def input_shape(schema: Mapping[str, Json]) -> RecordShape:
    """Answer the shape of a tool's arguments.

    Raises: Unexpressible when the schema is over a cap.
    """
    reader = _Reader(root=schema)
    top = reader.resolved(schema, MAX_DEPTH)
    return EMPTY if top is None else reader.record(top, MAX_DEPTH)


@dataclass(slots=True)
class _Reader:
    root: Mapping[str, Json]
    parts: int = field(default=0)
    looked: int = field(default=0)

    def record(self, schema: Mapping[str, Json], room: int) -> RecordShape:
        """Read the named properties of an object."""
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return EMPTY
        required = self._list(schema.get("required"))
        needed = {name for name in required if isinstance(name, str)}
        parts: dict[str, Part] = {}
        for name, written in properties.items():
            self._count()
            if _usable(name):
                shape, nullable = self.shape(written, room)
                parts[name] = Part(shape, required=name in needed and not nullable, nullable=nullable)
        return RecordShape(parts)

    def shape(self, written: Json, room: int) -> tuple[Shape, bool]:
        """Read one schema: its shape, and whether null is accepted beside it."""
        schema = self.resolved(written, room)
        if schema is None:
            return OpaqueShape(), False
        kinds, nullable = self._kinds(schema)
        if kinds is None:
            return self._choice(schema, room)
        if kinds == {"integer", "number"}:
            return NumberShape(), nullable
        if len(kinds) != 1:
            return OpaqueShape(), False
        kind = next(iter(kinds))
        if kind in _SIMPLE:
            return _SIMPLE[kind], nullable
        return self._container(kind, schema, room), nullable

    def resolved(self, written: Json | Mapping[str, Json], room: int) -> Mapping[str, Json] | None:
        """Follow references inside this schema; None for what cannot be followed."""
        for _ in range(max(room, 1)):
            if not isinstance(written, Mapping):
                return None
            reference = written.get("$ref")
            if reference is None:
                return written
            self._count()
            written = self._definition(reference)
        return None

    def _definition(self, reference: Json) -> Json:
        if isinstance(reference, str):
            for prefix in _DEFINITIONS:
                holder = self.root.get(prefix[2:-1])
                if reference.startswith(prefix) and isinstance(holder, Mapping):
                    return holder.get(reference.removeprefix(prefix))
        return None

    def _choice(self, schema: Mapping[str, Json], room: int) -> tuple[Shape, bool]:
        choices = schema.get("anyOf", schema.get("oneOf"))
        if not isinstance(choices, list) or room <= 1:
            return self._listed(schema), False
        real = [choice for choice in self._list(choices) if choice != {"type": "null"}]
        found = set[tuple[Shape, bool]]()
        for choice in real[:MAX_PARTS]:
            self._count()
            shape, nullable = self.shape(choice, room - 1)
            if isinstance(shape, RecordShape | OpaqueShape) and len(real) > 1:
                return OpaqueShape(), False
            if isinstance(shape, RecordShape):
                return shape, nullable or len(real) < len(choices)
            found.add((shape, nullable))
        if len({shape for shape, _ in found}) != 1:
            return OpaqueShape(), False
        shape = next(iter(found))[0]
        if isinstance(shape, OpaqueShape):
            return shape, False
        return shape, len(real) < len(choices) or any(nullable for _, nullable in found)

    def _container(self, kind: str, schema: Mapping[str, Json], room: int) -> Shape:
        if kind == "array" and "prefixItems" not in schema and room > 0:
            item, nullable = self.shape(schema.get("items"), room - 1)  # a list of itself ends, too
            self._count()
            if isinstance(item, TextShape | TruthShape | WholeShape | NumberShape) and not nullable:
                return ListShape(item)
            return OpaqueShape()
        if kind == "object" and room > 1 and isinstance(schema.get("properties"), Mapping):
            return self.record(schema, room - 1)
        return OpaqueShape()

    def _kinds(self, schema: Mapping[str, Json]) -> tuple[set[str] | None, bool]:
        """Answer the types a schema names, null apart; None when it names none."""
        named = schema.get("type")
        if not isinstance(named, str | list):
            return None, False
        kinds = {named} if isinstance(named, str) else {kind for kind in self._list(named) if isinstance(kind, str)}
        return kinds - {"null"}, "null" in kinds

    def _listed(self, schema: Mapping[str, Json]) -> Shape:
        """Answer the shape of a schema that lists its values and names no type."""
        values = self._list(schema.get("enum", [schema["const"]] if "const" in schema else None))
        if not values:
            return OpaqueShape()
        if all(isinstance(value, str) for value in values):
            return TextShape()
        if all(isinstance(value, bool) for value in values):
            return TruthShape()
        if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            return WholeShape()
        return OpaqueShape()

    def _count(self) -> None:
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise Unexpressible(f"its schema has more than {MAX_PARTS} parts")

    def _list(self, values: Json) -> list[Json]:
        """*values*, or none where they are no list; looking at them is counted."""
        if not isinstance(values, list):
            return []
        self.looked += len(values)
        if self.looked > MAX_LOOKED:
            raise Unexpressible(f"its schema leads to lists of more than {MAX_LOOKED} entries, counted each time")
        return values


def _usable(name: str) -> bool:
    return len(name) <= MAX_NAME and name not in _ESCAPES
