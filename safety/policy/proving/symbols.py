"""Values that are not known, as terms: what an expression of a policy comes to. They compute nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from . import kinds
from .solver import Logic, Sort, Term

LEAST: Final = -(2**63)
MOST: Final = 2**63 - 1


class Outside(Exception):
    """Something that cannot be encoded; the argument names it."""


@dataclass(frozen=True, slots=True)
class One:
    """A plain value."""

    kind: kinds.Plain
    term: Term


@dataclass(frozen=True, slots=True)
class Group:
    """A set of plain values."""

    of: kinds.Plain
    term: Term


@dataclass(frozen=True, slots=True)
class Slot:
    """One attribute of a record: whether it is there, and its value if it is."""

    present: Term
    value: "Symbol"


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity that is known."""

    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Entities:
    """A written list of known entities."""

    of: tuple[Entity, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """The principal of the call, who is not known: `tenant/subject`."""

    tenant: Term
    subject: Term


@dataclass(frozen=True, slots=True)
class Never:
    """No value: computing it always fails."""


@dataclass(frozen=True, slots=True)
class Odd:
    """A value of a type that is not encoded."""

    name: str


@final
class Record:
    """Named attributes, made when they are first asked for: what nobody reads is not encoded."""

    __slots__ = ("_kinds", "_known", "_made", "_maker", "_path")

    def __init__(
        self, maker: "Maker", path: tuple[str, ...], of: kinds.Fields, known: Mapping[str, "Symbol"] | None = None
    ) -> None:
        """*known* are attributes that are always there and always this."""
        self._known = known or {}
        self._maker = maker
        self._path = path
        self._kinds = of.of
        self._made: dict[str, Slot] = {}

    def names(self) -> Iterator[str]:
        """The attributes it may have."""
        yield from self._kinds

    def slot(self, name: str) -> Slot | None:
        """The attribute *name*; None if it never has one."""
        if name not in self._kinds:
            return None
        if name in self._known:
            return Slot(self._maker.logic.true, self._known[name])
        path = (*self._path, name)
        self._maker.touched.add(path)
        if name not in self._made:
            self._made[name] = self._maker.slot(path, self._kinds[name])
        return self._made[name]


@final
class Written:
    """A record with known slots."""

    __slots__ = ("_slots",)

    def __init__(self, slots: Mapping[str, Slot]) -> None:
        self._slots = dict(slots)

    def names(self) -> Iterator[str]:
        """The attributes it may have."""
        yield from self._slots

    def slot(self, name: str) -> Slot | None:
        """The attribute *name*; None if it never has one."""
        return self._slots.get(name)


Symbol: TypeAlias = One | Group | Record | Written | Entity | Entities | Person | Never | Odd
NEVER: Final = Never()


@final
class Maker:
    """Makes what is not known, once for each name, and remembers what it made."""

    __slots__ = ("_terms", "bounds", "logic", "plain", "present", "touched")

    def __init__(self, logic: Logic) -> None:
        self.logic = logic
        self.plain: dict[tuple[str, ...], One | Group] = {}
        """Everything made so far, by its path."""
        self.present: dict[tuple[str, ...], Term] = {}
        """Whether an optional attribute is there, by its path."""
        self.bounds: dict[tuple[str, ...], Term] = {}
        """What holds for each number because of its type, by its path."""
        self.touched: set[tuple[str, ...]] = set()
        """What was asked for since somebody last emptied this."""
        self._terms = 0

    def slot(self, path: tuple[str, ...], attribute: kinds.Attribute) -> Slot:
        """Make an attribute."""
        here = self.logic.true
        if not attribute.required:
            here = self.present.setdefault(path, self.logic.unknown(f"{'.'.join(path)}?", self.logic.truth))
        return Slot(here, self.value(path, attribute.kind))

    def value(self, path: tuple[str, ...], kind: kinds.Kind) -> Symbol:
        """Make a value."""
        match kind:
            case kinds.Fields():
                return Record(self, path, kind)
            case kinds.Many(of=of):
                made: One | Group = Group(of, self._unknown(path, self.logic.set_of(sort_of(self.logic, of))))
            case kinds.Strange(name=name):
                return Odd(name)
            case _:
                made = One(kind, self._unknown(path, sort_of(self.logic, kind)))
                if isinstance(kind, kinds.Whole | kinds.Fraction):
                    self.bounds[path] = in_bounds(self.logic, made.term)
        return self.plain.setdefault(path, made)

    def free(self) -> Term:
        """A truth that nothing is known of."""
        self._terms += 1
        return self.logic.unknown(f"free {self._terms}", self.logic.truth)

    def _unknown(self, path: tuple[str, ...], sort: Sort) -> Term:
        return self.logic.unknown(".".join(path), sort)


def sort_of(logic: Logic, kind: kinds.Plain) -> Sort:
    """The solver's sort for values of *kind*."""
    match kind:
        case kinds.Truth():
            return logic.truth
        case kinds.Whole() | kinds.Fraction():
            return logic.number
        case kinds.Text():
            return logic.text


def in_bounds(logic: Logic, term: Term) -> Term:
    """Whether *term* is a number of 64 bits."""
    return logic.every(logic.at_most(logic.a_number(LEAST), term), logic.at_most(term, logic.a_number(MOST)))
