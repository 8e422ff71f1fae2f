"""Equality of values that are not known, and the choice between two of them. It fails nowhere: `==` never does."""

from .people import is_person
from .solver import Logic, Term
from .symbols import Entity, Group, Never, Odd, One, Outside, Person, Record, Slot, Symbol, Written


def is_same(logic: Logic, left: Symbol, right: Symbol) -> Term:
    """Whether *left* is *right*; values of different types are not.

    Raises: Outside for what cannot be encoded.
    """
    match left, right:
        case One(), One():
            return logic.same(left.term, right.term) if left.kind == right.kind else logic.false
        case Group(), Group():
            if left.of == right.of:
                return logic.same(left.term, right.term)
            raise Outside("`==` between sets of different types")
        case ((Record() | Written()), (Record() | Written())):
            return _same_record(logic, left, right)
        case Entity(), Entity():
            return logic.a_truth(value=left == right)
        case Person(), Person():
            return logic.true
        case Person(), Entity():
            return is_person(logic, left, right)
        case Entity(), Person():
            return is_person(logic, right, left)
        case (
            (One() | Person() | Entity() | Record() | Written()),
            (One() | Person() | Entity() | Record() | Written()),
        ):
            return logic.false
        case _:
            raise Outside("`==` between values of these types")


def merged(logic: Logic, condition: Term, then: Symbol, other: Symbol) -> Symbol:
    """*then* where *condition* holds, else *other*.

    Raises: Outside for what cannot be encoded.
    """
    match then, other:
        case Never(), _:
            return other
        case _, Never():
            return then
        case One(), One() if then.kind == other.kind:
            return One(then.kind, logic.chosen(condition, then.term, other.term))
        case Group(), Group() if then.of == other.of:
            return Group(then.of, logic.chosen(condition, then.term, other.term))
        case ((Record() | Written()), (Record() | Written())):
            return _merged_record(logic, condition, then, other)
        case _ if then == other and not isinstance(then, Odd):
            return then
        case _:
            raise Outside("`if` between values of these types")


def _same_record(logic: Logic, left: Record | Written, right: Record | Written) -> Term:
    found: list[Term] = []
    for name in {*left.names(), *right.names()}:
        one, two = left.slot(name), right.slot(name)
        if one is None or two is None:
            there = one or two
            found.append(logic.true if there is None else logic.negated(there.present))
        else:
            both = logic.every(one.present, two.present)
            neither = logic.every(logic.negated(one.present), logic.negated(two.present))
            found.append(logic.some(neither, logic.every(both, is_same(logic, one.value, two.value))))
    return logic.every(*found)


def _merged_record(logic: Logic, condition: Term, then: Record | Written, other: Record | Written) -> Symbol:
    slots: dict[str, Slot] = {}
    for name in {*then.names(), *other.names()}:
        one, two = then.slot(name), other.slot(name)
        here = logic.false if one is None else one.present
        there = logic.false if two is None else two.present
        value: Symbol = Never()
        if one is not None:
            value = one.value if two is None else merged(logic, condition, one.value, two.value)
        elif two is not None:
            value = two.value
        slots[name] = Slot(logic.chosen(condition, here, there), value)
    return Written(slots)
