"""The types of what policies read, taken from the Cedar schema that policies are checked against; never from values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.contracts import Json


@dataclass(frozen=True, slots=True)
class Truth:
    """`Bool`."""


@dataclass(frozen=True, slots=True)
class Whole:
    """`Long`: 64 bits, and what leaves them is an error."""


@dataclass(frozen=True, slots=True)
class Fraction:
    """`decimal`: a whole number of ten-thousandths, of 64 bits."""


@dataclass(frozen=True, slots=True)
class Text:
    """`String`."""


Plain: TypeAlias = Truth | Whole | Fraction | Text


@dataclass(frozen=True, slots=True)
class Many:
    """A set of plain values."""

    of: Plain


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of a record."""

    kind: "Kind"
    required: bool


@dataclass(frozen=True, slots=True)
class Fields:
    """A record."""

    of: Mapping[str, Attribute]


@dataclass(frozen=True, slots=True)
class Strange:
    """What is not encoded, by its name in the schema."""

    name: str


Kind: TypeAlias = Plain | Many | Fields | Strange

_PLAIN: Final[Mapping[str, Plain]] = {"String": Text(), "Boolean": Truth(), "Bool": Truth(), "Long": Whole()}


class Schema:
    """A Cedar schema in its JSON form, read for its types."""

    __slots__ = ("_actions", "_entities", "_named")

    def __init__(self, written: Mapping[str, Json]) -> None:
        space = _inside(written, "")
        self._named = _inside(space, "commonTypes")
        self._entities = _inside(space, "entityTypes")
        self._actions = _inside(space, "actions")

    def context(self, tool: str) -> Fields:
        """The kind of `context` in a call of *tool*."""
        return self._fields(_inside(_inside(_inside(self._actions, tool), "appliesTo"), "context"))

    def entity(self, name: str) -> Fields:
        """The kind of the attributes of entities of the type *name*."""
        return self._fields(_inside(_inside(self._entities, name), "shape"))

    def _fields(self, written: Mapping[str, Json]) -> Fields:
        kind = self._kind(written)
        return kind if isinstance(kind, Fields) else Fields({})

    def _attribute(self, written: Mapping[str, Json]) -> Attribute:
        return Attribute(self._kind(written), required=written.get("required", True) is True)

    def _kind(self, written: Mapping[str, Json]) -> Kind:
        name = str(written.get("type"))
        if name in _PLAIN:
            return _PLAIN[name]
        match name:
            case "Extension" if written.get("name") == "decimal":
                return Fraction()
            case "Set":
                of = self._kind(_inside(written, "element"))
                return Many(of) if isinstance(of, Truth | Whole | Fraction | Text) else Strange("a set of records")
            case "Record":
                attributes = _inside(written, "attributes")
                return Fields({name: self._attribute(_inside(attributes, name)) for name in attributes})
            case _ if name in self._named:
                return self._kind(_inside(self._named, name))
            case _:
                return Strange(str(written.get("name", name)))


def _inside(written: Mapping[str, Json], name: str) -> Mapping[str, Json]:
    found = written.get(name)
    return found if isinstance(found, Mapping) else {}
