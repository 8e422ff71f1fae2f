"""Speaks to the SMT solver, cvc5, an optional dependency; the only place that does. It knows nothing of policies.

cvc5 rather than z3: on what policies need (`like` as regular expressions, finite sets of text, bounded integers) it
answered 13 of 13 trials within 0.6 s where z3 gave up on one after 8 s and has no finite sets; and it is a third the
size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeAlias, final

from holdfast.contracts import OperatorError

Term: TypeAlias = Any
"""A term of the solver's. Opaque: only `Logic` looks inside."""
Sort: TypeAlias = Any
Value: TypeAlias = bool | int | str | frozenset[Any]
"""What a term stands for in a model: a set holds values of the other three."""

LAST_CHARACTER: Final = 0x2FFFF
"""The last character that the solver's strings have."""
_SPARE: Final = 4000
"""Characters in a model beyond which it is not read: no policy needs such a text to be shown."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """No values make the terms true: a proof."""


@dataclass(frozen=True, slots=True)
class Possible:
    """Values that make the terms true."""

    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Undecided:
    """Neither was found within the limit."""

    why: str


Verdict: TypeAlias = Impossible | Possible | Undecided


def is_installed() -> bool:
    """Whether the solver is there."""
    return find_spec("cvc5") is not None


@final
class Logic:
    """Builds terms and asks about them. One of them is for one thread."""

    __slots__ = ("_cvc5", "_kind", "_tm", "false", "limit_ms", "number", "text", "true", "truth")

    def __init__(self, limit_ms: int) -> None:
        """Each question ends after *limit_ms* milliseconds.

        Raises: OperatorError when the solver is not installed.
        """
        if not is_installed():
            raise OperatorError("proving needs the solver cvc5: install it with `pip install 'holdfast[prove]'`")
        self._cvc5: Any = import_module("cvc5")
        self._kind: Any = self._cvc5.Kind
        self._tm: Any = self._cvc5.TermManager()
        self.limit_ms = limit_ms
        self.true: Term = self._tm.mkTrue()
        self.false: Term = self._tm.mkFalse()
        self.truth: Sort = self._tm.getBooleanSort()
        self.number: Sort = self._tm.getIntegerSort()
        self.text: Sort = self._tm.getStringSort()

    def set_of(self, sort: Sort) -> Sort:
        """The sort of finite sets of *sort*."""
        return self._tm.mkSetSort(sort)

    def unknown(self, name: str, sort: Sort) -> Term:
        """A value that is not known, called *name*."""
        return self._tm.mkConst(sort, name)

    def a_number(self, value: int) -> Term:
        """*value* as a term."""
        return self._tm.mkInteger(str(value))

    def a_text(self, value: str) -> Term:
        """*value* as a term; no character of it is over `LAST_CHARACTER`."""
        return self._tm.mkString(value)

    def a_truth(self, *, value: bool) -> Term:
        """*value* as a term."""
        return self.true if value else self.false

    def negated(self, term: Term) -> Term:
        """Not *term*."""
        if term is self.true:
            return self.false
        return self.true if term is self.false else self._tm.mkTerm(self._kind.NOT, term)

    def every(self, *terms: Term) -> Term:
        """All of *terms*; true of none."""
        if any(term is self.false for term in terms):
            return self.false
        return self._joined(self._kind.AND, [term for term in terms if term is not self.true], self.true)

    def some(self, *terms: Term) -> Term:
        """At least one of *terms*; false of none."""
        if any(term is self.true for term in terms):
            return self.true
        return self._joined(self._kind.OR, [term for term in terms if term is not self.false], self.false)

    def chosen(self, condition: Term, then: Term, otherwise: Term) -> Term:
        """*then* where *condition* holds, else *otherwise*."""
        if condition is self.true or then is otherwise:
            return then
        return otherwise if condition is self.false else self._tm.mkTerm(self._kind.ITE, condition, then, otherwise)

    def same(self, left: Term, right: Term) -> Term:
        """Whether two terms of one sort are equal."""
        return self.true if left is right else self._tm.mkTerm(self._kind.EQUAL, left, right)

    def plus(self, left: Term, right: Term) -> Term:
        """The sum, unbounded."""
        return self._tm.mkTerm(self._kind.ADD, left, right)

    def minus(self, left: Term, right: Term) -> Term:
        """The difference, unbounded."""
        return self._tm.mkTerm(self._kind.SUB, left, right)

    def times(self, left: Term, right: Term) -> Term:
        """The product, unbounded."""
        return self._tm.mkTerm(self._kind.MULT, left, right)

    def at_most(self, left: Term, right: Term) -> Term:
        """Whether *left* is not more than *right*."""
        return self._tm.mkTerm(self._kind.LEQ, left, right)

    def like(self, term: Term, pattern: Sequence[str | None]) -> Term:
        """Whether the whole of *term* is *pattern*: texts, and None for any text at all."""
        parts = [self._piece(part) for part in pattern]
        whole = parts[0] if len(parts) == 1 else self._tm.mkTerm(self._kind.REGEXP_CONCAT, *parts)
        return self._tm.mkTerm(self._kind.STRING_IN_REGEXP, term, whole)

    def length(self, term: Term) -> Term:
        """How many characters *term* has."""
        return self._tm.mkTerm(self._kind.STRING_LENGTH, term)

    def made_of(self, term: Term, characters: str) -> Term:
        """Whether *term* has no character but *characters*."""
        each = [self._tm.mkTerm(self._kind.STRING_TO_REGEXP, self.a_text(one)) for one in characters]
        any_of = self._tm.mkTerm(self._kind.REGEXP_UNION, *each)
        return self._tm.mkTerm(self._kind.STRING_IN_REGEXP, term, self._tm.mkTerm(self._kind.REGEXP_STAR, any_of))

    def nothing_of(self, sort: Sort) -> Term:
        """The empty set of *sort*."""
        return self._tm.mkEmptySet(self.set_of(sort))

    def gathered(self, elements: Sequence[Term], sort: Sort) -> Term:
        """The set of *elements*."""
        single = [self._tm.mkTerm(self._kind.SET_SINGLETON, element) for element in elements]
        start = self.nothing_of(sort) if not single else single.pop(0)
        return reduce(lambda left, right: self._tm.mkTerm(self._kind.SET_UNION, left, right), single, start)

    def member(self, element: Term, group: Term) -> Term:
        """Whether *element* is in *group*."""
        return self._tm.mkTerm(self._kind.SET_MEMBER, element, group)

    def within(self, small: Term, large: Term) -> Term:
        """Whether all of *small* is in *large*."""
        return self._tm.mkTerm(self._kind.SET_SUBSET, small, large)

    def shared(self, left: Term, right: Term) -> Term:
        """What is in both sets."""
        return self._tm.mkTerm(self._kind.SET_INTER, left, right)

    def ask(self, terms: Sequence[Term], wanted: Mapping[str, Term]) -> Verdict:
        """Look for values that make all of *terms* true; answer those of *wanted*."""
        solver: Any = self._cvc5.Solver(self._tm)
        for option, value in (
            ("strings-exp", "true"),
            ("produce-models", "true"),
            ("tlimit-per", str(self.limit_ms)),
        ):
            solver.setOption(option, value)
        try:
            for term in terms:
                solver.assertFormula(term)
            result = solver.checkSat()
            if result.isUnsat():
                return Impossible()
            if not result.isSat():
                return Undecided(self._why(str(result.getUnknownExplanation())))
            return Possible({name: _plain(solver.getValue(term)) for name, term in wanted.items()})
        except RuntimeError as error:
            return Undecided(f"the solver failed: {' '.join(str(error).split())[:200]}")

    def _why(self, said: str) -> str:
        if said.endswith("TIMEOUT"):
            return f"the solver found no answer within {self.limit_ms} ms"
        return f"the solver gave up: {said.rpartition('.')[2].lower().replace('_', ' ')}"

    def _joined(self, kind: Any, terms: list[Term], none: Term) -> Term:
        if len(terms) < 2:  # noqa: PLR2004 -- the solver joins two or more
            return terms[0] if terms else none
        return self._tm.mkTerm(kind, *terms)

    def _piece(self, part: str | None) -> Term:
        if part is None:
            return self._tm.mkTerm(self._kind.REGEXP_STAR, self._tm.mkRegexpAllchar())
        return self._tm.mkTerm(self._kind.STRING_TO_REGEXP, self.a_text(part))


def _plain(term: Term) -> Value:
    if term.isBooleanValue():
        return bool(term.getBooleanValue())
    if term.isIntegerValue():
        return int(term.getIntegerValue())
    if term.isStringValue():
        return str(term.getStringValue())
    return frozenset(_plain(one) for one in term.getSetValue())
