"""Turns Cedar expressions into terms: for each, its value and whether computing it fails. Exact, or it says it is not.

1. `&&`, `||` and `if` look only at what Cedar would compute; whatever else is missing, too large or malformed fails.
2. What cannot be encoded becomes a truth about which nothing is known, the same one for the same words, and is named.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from cedarpy import pst

from . import kinds, people
from .comparing import is_same, merged
from .literals import decimal_of, pieces
from .solver import LAST_CHARACTER, Logic, Term
from .symbols import (
    NEVER,
    Entities,
    Entity,
    Group,
    Maker,
    Never,
    Odd,
    One,
    Outside,
    Person,
    Record,
    Slot,
    Symbol,
    Written,
    in_bounds,
    sort_of,
)

_WHOLE: Final = kinds.Whole()
_TRUTH: Final = kinds.Truth()
_TEXT: Final = kinds.Text()
_FRACTION: Final = kinds.Fraction()
_ORDERED: Final[Mapping[str, tuple[kinds.Plain, bool, bool]]] = {
    "less": (_WHOLE, True, False),
    "less_eq": (_WHOLE, True, True),
    "greater": (_WHOLE, False, False),
    "greater_eq": (_WHOLE, False, True),
    "decimal_less_than": (_FRACTION, True, False),
    "decimal_less_eq": (_FRACTION, True, True),
    "decimal_greater": (_FRACTION, False, False),
    "decimal_greater_eq": (_FRACTION, False, True),
}
"""What is compared, whether the left is the smaller, and whether equal will do."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """What an expression comes to."""

    value: Symbol
    fails: Term
    """Whether computing it is an error; its value means nothing then."""


@dataclass(frozen=True, slots=True)
class Verity:
    """A truth and whether computing it fails."""

    holds: Term
    fails: Term


@final
class Encoder:
    """Encodes expressions about one call."""

    __slots__ = ("_free", "logic", "maker", "odd", "roots")

    def __init__(self, maker: Maker, roots: Mapping[str, Symbol]) -> None:
        self.maker = maker
        self.logic: Logic = maker.logic
        self.roots = roots
        """What `principal`, `action`, `resource` and `context` are."""
        self.odd: list[str] = []
        """What could not be encoded since somebody last emptied this."""
        self._free: dict[pst.Expr, tuple[Verity, str]] = {}

    def truth(self, expr: pst.Expr) -> Verity:
        """Encode *expr*, which must come to a truth."""
        if expr in self._free:
            known, why = self._free[expr]
            self.odd.append(why)
            return known
        try:
            return self._verity(self.value(expr))
        except Outside as why:
            free = Verity(self.maker.free(), self.maker.free())
            self._free[expr] = free, str(why)
            self.odd.append(str(why))
            return free

    def value(self, expr: pst.Expr) -> Encoded:
        """Encode *expr*.

        Raises: Outside for what cannot be encoded.
        """
        match expr:
            case pst.BoolLit() | pst.LongLit() | pst.StringLit() | pst.EntityLit():
                return self._sure(self._literal(expr))
            case pst.Var(name=name):
                return self._sure(self.roots[name])
            case pst.UnaryOp():
                return self._unary(expr)
            case pst.BinaryOp(op="and" | "or"):
                return self._joined(expr)
            case pst.BinaryOp():
                return self._binary(expr)
            case pst.IfThenElse():
                return self._if(expr)
            case pst.Set(elements=elements):
                return self._set(elements)
            case _:
                return self._part(expr)

    def _part(self, expr: pst.GetAttr | pst.HasAttr | pst.Like | pst.Is | pst.Record | pst.Slot) -> Encoded:
        match expr:
            case pst.GetAttr(base=base, attr=name):
                return self._attribute(self.value(base), name)
            case pst.HasAttr(base=base, attrs=names):
                return self._has(self.value(base), names)
            case pst.Like(base=base, pattern=pattern):
                text = self.value(base)
                return self._plain_truth(text.fails, self._like(text.value, pattern))
            case pst.Is(base=base, entity_type=kind, in_expr=within):
                return self._is(base, str(kind), within)
            case pst.Record(fields=fields):
                parts = {name: self.value(part) for name, part in fields.items()}
                slots = {name: Slot(self.logic.true, part.value) for name, part in parts.items()}
                return Encoded(Written(slots), self.logic.some(*(part.fails for part in parts.values())))
            case pst.Slot():
                raise Outside("a slot of a template")

    def _literal(self, expr: pst.BoolLit | pst.LongLit | pst.StringLit | pst.EntityLit) -> Symbol:
        match expr:
            case pst.BoolLit(value=value):
                return One(_TRUTH, self.logic.a_truth(value=value))
            case pst.LongLit(value=value):
                return One(_WHOLE, self.logic.a_number(value))
            case pst.StringLit(value=value):
                return One(_TEXT, self._written(value))
            case pst.EntityLit(value=uid):
                return Entity(str(uid.type), uid.id)

    def _written(self, value: str) -> Term:
        if any(ord(char) > LAST_CHARACTER for char in value):
            raise Outside(f"a character over U+{LAST_CHARACTER:X}")
        return self.logic.a_text(value)

    def _unary(self, expr: pst.UnaryOp) -> Encoded:
        logic = self.logic
        if expr.op == "not":
            inner = self.truth(expr.arg)
            return self._plain_truth(inner.fails, logic.negated(inner.holds))
        if expr.op == "decimal":
            return self._decimal(expr.arg)
        if expr.op not in ("neg", "is_empty"):
            raise Outside(f"the extension function `{expr.op}`")
        found = self.value(expr.arg)
        if isinstance(found.value, Never):
            return self._failing()
        if expr.op == "neg":
            return self._bounded(found.fails, logic.minus(logic.a_number(0), self._one(found.value, _WHOLE)))
        group = self._group(found.value)
        return self._plain_truth(found.fails, logic.same(group.term, logic.nothing_of(sort_of(logic, group.of))))

    def _decimal(self, argument: pst.Expr) -> Encoded:
        if not isinstance(argument, pst.StringLit):
            raise Outside("`decimal` of a text that is not written out")
        held = decimal_of(argument.value)
        return self._failing() if held is None else self._sure(One(_FRACTION, self.logic.a_number(held)))

    def _joined(self, expr: pst.BinaryOp) -> Encoded:
        """`&&` and `||`: the right side counts only where the left leaves it open."""
        logic, left = self.logic, self.truth(expr.left)
        is_open = left.holds if expr.op == "and" else logic.negated(left.holds)
        if is_open is logic.false:
            return self._plain_truth(left.fails, left.holds)
        right = self.truth(expr.right)
        holds = (logic.every if expr.op == "and" else logic.some)(left.holds, right.holds)
        return self._plain_truth(logic.some(left.fails, logic.every(is_open, right.fails)), holds)

    def _binary(self, expr: pst.BinaryOp) -> Encoded:
        if expr.op == "contains" and isinstance(expr.left, pst.Set):
            return self._listed(expr.left.elements, self.value(expr.right))
        left, right = self.value(expr.left), self.value(expr.right)
        if isinstance(left.value, Never) or isinstance(right.value, Never):
            return self._failing()
        fails, logic = self.logic.some(left.fails, right.fails), self.logic
        match expr.op:
            case "eq" | "not_eq":
                same = is_same(logic, left.value, right.value)
                return self._plain_truth(fails, same if expr.op == "eq" else logic.negated(same))
            case "add" | "sub" | "mul":
                combine: Callable[[Term, Term], Term] = {"add": logic.plus, "sub": logic.minus, "mul": logic.times}[
                    expr.op
                ]
                return self._bounded(fails, combine(self._one(left.value, _WHOLE), self._one(right.value, _WHOLE)))
            case "contains" | "contains_all" | "contains_any":
                return self._plain_truth(fails, self._contains(expr.op, left.value, right.value))
            case "in":
                return self._plain_truth(fails, people.is_in(logic, left.value, right.value))
            case _ if expr.op in _ORDERED:
                return self._plain_truth(fails, self._ordered(expr.op, left.value, right.value))
            case _:
                raise Outside(f"the operator `{expr.op}`")

    def _ordered(self, op: str, left: Symbol, right: Symbol) -> Term:
        kind, left_smaller, equal_will_do = _ORDERED[op]
        small, large = self._one(left, kind), self._one(right, kind)
        if not left_smaller:
            small, large = large, small
        if equal_will_do:
            return self.logic.at_most(small, large)
        return self.logic.negated(self.logic.at_most(large, small))

    def _contains(self, op: str, left: Symbol, right: Symbol) -> Term:
        logic = self.logic
        if op == "contains" and isinstance(left, Entities):
            return logic.some(*(is_same(logic, each, right) for each in left.of))
        group = self._group(left)
        if op == "contains":
            return logic.member(self._one(right, group.of), group.term)
        other = self._group(right)
        if other.of != group.of:
            raise Outside("sets of different types")
        if op == "contains_all":
            return logic.within(other.term, group.term)
        nothing = logic.nothing_of(sort_of(logic, group.of))
        return logic.negated(logic.same(logic.shared(group.term, other.term), nothing))

    def _attribute(self, base: Encoded, name: str) -> Encoded:
        slot = self._slot(base.value, name)
        if slot is None:
            return self._failing()
        return Encoded(slot.value, self.logic.some(base.fails, self.logic.negated(slot.present)))

    def _has(self, base: Encoded, names: tuple[str, ...]) -> Encoded:
        present, holder = self.logic.true, base.value
        for name in names:
            slot = self._slot(holder, name)
            if slot is None:
                present = self.logic.false
                break
            present, holder = self.logic.every(present, slot.present), slot.value
        return self._plain_truth(base.fails, present)

    def _slot(self, holder: Symbol, name: str) -> Slot | None:
        match holder:
            case Record() | Written():
                return holder.slot(name)
            case Never():
                return None
            case Person():
                return self._record("principal's").slot(name)
            case Entity() if holder == self.roots["resource"]:
                return self._record("resource's").slot(name)
            case Entity():
                raise Outside("an attribute of an entity that is written out")
            case Odd(name=odd):
                raise Outside(f"a value of the type `{odd}`")
            case _:
                raise Outside("an attribute of what is no record")

    def _record(self, name: str) -> Record | Written:
        record = self.roots[name]
        if isinstance(record, Record | Written):
            return record
        raise Outside(f"the {name} attributes")

    def _like(self, value: Symbol, pattern: tuple[pst.PatternElem, ...]) -> Term:
        if isinstance(value, Never):
            return self.logic.false
        text, parts = self._one(value, _TEXT), pieces(pattern)
        for part in parts:
            self._written(part or "")
        return self.logic.like(text, parts)

    def _is(self, base: pst.Expr, kind: str, within: pst.Expr | None) -> Encoded:
        found = self.value(base)
        is_kind = people.is_of_type(found.value, kind)
        if not is_kind or within is None:
            return self._plain_truth(found.fails, self.logic.a_truth(value=is_kind))
        holder = self.value(within)
        fails = self.logic.some(found.fails, holder.fails)
        return self._plain_truth(fails, people.is_in(self.logic, found.value, holder.value))

    def _if(self, expr: pst.IfThenElse) -> Encoded:
        logic, condition = self.logic, self.truth(expr.cond)
        if condition.holds is logic.true or condition.holds is logic.false:
            chosen = self.value(expr.then_expr if condition.holds is logic.true else expr.else_expr)
            return Encoded(chosen.value, logic.some(condition.fails, chosen.fails))
        then, other = self.value(expr.then_expr), self.value(expr.else_expr)
        fails = logic.chosen(condition.holds, then.fails, other.fails)
        return Encoded(merged(logic, condition.holds, then.value, other.value), logic.some(condition.fails, fails))

    def _set(self, elements: tuple[pst.Expr, ...]) -> Encoded:
        found = [self.value(element) for element in elements]
        fails = self.logic.some(*(one.fails for one in found))
        held = _gathered([one.value for one in found])
        if isinstance(held, Never):
            return self._failing()
        if isinstance(held, Entities):
            return Encoded(held, fails)
        kind = held[0].kind
        return Encoded(Group(kind, self.logic.gathered([one.term for one in held], sort_of(self.logic, kind))), fails)

    def _listed(self, elements: tuple[pst.Expr, ...], wanted: Encoded) -> Encoded:
        """Whether *wanted* is one of *elements*. A solver of sets takes seconds for what is a choice of hundreds."""
        found = [self.value(element) for element in elements]
        fails = self.logic.some(wanted.fails, *(one.fails for one in found))
        held = _gathered([one.value for one in found])
        if isinstance(held, Never) or isinstance(wanted.value, Never):
            return self._failing()
        if isinstance(held, Entities):
            return self._plain_truth(fails, self._contains("contains", held, wanted.value))
        one = self._one(wanted.value, held[0].kind)
        return self._plain_truth(fails, self.logic.some(*(self.logic.same(one, each.term) for each in held)))

    def _one(self, value: Symbol, kind: kinds.Plain) -> Term:
        if isinstance(value, Odd):
            raise Outside(f"a value of the type `{value.name}`")
        if not isinstance(value, One) or value.kind != kind:
            raise Outside(f"a value that is not of the type {type(kind).__name__.lower()} where one is needed")
        return value.term

    def _group(self, value: Symbol) -> Group:
        if isinstance(value, Group):
            return value
        raise Outside("a value that is no set of plain values where one is needed")

    def _verity(self, found: Encoded) -> Verity:
        if isinstance(found.value, Never):
            return Verity(self.logic.false, self.logic.true)
        return Verity(self._one(found.value, _TRUTH), found.fails)

    def _sure(self, value: Symbol) -> Encoded:
        return Encoded(value, self.logic.false)

    def _failing(self) -> Encoded:
        return Encoded(NEVER, self.logic.true)

    def _plain_truth(self, fails: Term, holds: Term) -> Encoded:
        return Encoded(One(_TRUTH, holds), fails)

    def _bounded(self, fails: Term, number: Term) -> Encoded:
        over = self.logic.negated(in_bounds(self.logic, number))
        return Encoded(One(_WHOLE, number), self.logic.some(fails, over))


def _gathered(values: Sequence[Symbol]) -> Entities | Never | list[One]:
    """What a set of *values* that are written out holds; plain ones are at least one, of one type.

    Raises: Outside for a set of anything else.
    """
    if any(isinstance(value, Never) for value in values):
        return NEVER
    if all(isinstance(value, Entity) for value in values):
        return Entities(tuple(value for value in values if isinstance(value, Entity)))
    plain = [value for value in values if isinstance(value, One)]
    if len(plain) < len(values) or len({value.kind for value in plain}) != 1:
        raise Outside("a written set of anything but plain values of one type")
    return plain
