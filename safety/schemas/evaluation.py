"""One evaluation of a value against a schema: how many steps are left, how deep it is. It never runs on without bound.

Every keyword call and every schema that holds none cost a step, and a keyword whose work grows with the value or the
schema charges for that work: a step is at most about 0.4 µs of CPU, so 100 000 end within 50 ms (bench/validator.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from holdfast.contracts import Json

from .patterns import Pattern

MAX_DESCENTS = 160
"""Schemas entered inside each other: 32 levels of a recursive schema with unions need about 130, at 3 frames each."""
_ROOM = 40_000
"""Slots of 8 bytes: the piece is rounded up to 512 KB, and what remains holds about 1 000 frames."""
_WORK_A_STEP = 8
"""Cheap comparisons that one step pays for."""

_Done = TypeVar("_Done")

Schema: TypeAlias = bool | dict[str, Any]


@dataclass(slots=True)
class Refusal:
    """What one keyword does not admit. Most are thrown away by an `anyOf` or a `not`: words are made when read."""

    keyword: str
    wants: str | Callable[[], str]
    path: list[str | int]
    """Where below the instance, the innermost step first."""

    def words(self) -> str:
        """What was wanted, in words that hold names and rules but no value."""
        return self.wants if isinstance(self.wants, str) else self.wants()


Errors: TypeAlias = Refusal | None
"""A keyword answers with its first error only: one is enough to refuse."""
Keyword: TypeAlias = Callable[["Evaluation", Any, Any, dict[str, Any]], Errors]
"""A keyword: the run, the keyword's value, the instance, the schema around it."""
Plan: TypeAlias = tuple[tuple[Keyword, Any], ...]
"""The keywords of one schema that assert something, each with its value."""


class StepsExhausted(Exception):
    """The evaluation used up its steps, or went too deep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What compiling a schema found out, by the identity of the subschema, which the compiled schema keeps alive."""

    references: Mapping[tuple[int, str], Schema]
    """Where `$ref` and `$dynamicRef` of a subschema lead."""
    members: Mapping[tuple[int, str], frozenset[str | bytes]]
    """The identities that `enum` or `const` admits."""
    patterns: Mapping[str, Pattern]
    plans: Mapping[int, Plan]
    """Names that are no keywords cost nothing when a value is checked, however many a schema has."""


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """The meter of one run."""

    tables: Tables
    plans: Mapping[int, Plan]
    left: int
    descents: int = field(default=0)

    def spend(self, work: int) -> None:
        """Pay one step, and one more for every `_WORK_A_STEP` of *work*.

        Raises: StepsExhausted.
        """
        self.pay(1 + work // _WORK_A_STEP)

    def pay(self, steps: int) -> None:
        """Pay *steps*.

        Raises: StepsExhausted.
        """
        self.left -= steps
        if self.left < 0:
            raise StepsExhausted


def descend(run: Evaluation, instance: Json, schema: Schema, step: str | int | None = None) -> Errors:
    """The first error of *instance* under *schema*, with *step* put before its path.

    Stands in for jsonschema's own, which copies a validator for each subschema, lets a nested `$schema` swap in another
    dialect's keywords, and writes whole values into messages.
    """
    if isinstance(schema, bool):
        run.pay(1)
        return None if schema else refuse("false", "is not allowed here", path=[] if step is None else [step])
    run.descents += 1
    if run.descents > MAX_DESCENTS:
        raise StepsExhausted
    plan = run.plans[id(schema)]
    if not plan:
        run.pay(1)
    for check, value in plan:
        run.left -= 1
        if run.left < 0:
            raise StepsExhausted
        error = check(run, value, instance, schema)
        if error is not None:
            run.left -= 1
            run.descents -= 1
            if step is not None:
                error.path.append(step)
            return error
    run.descents -= 1
    return None


def with_room(work: Callable[[], _Done]) -> _Done:
    """Do *work* on a piece of the interpreter's stack that is big enough for `MAX_DESCENTS`.

    CPython keeps frames in pieces of 16 KB and maps a new one each time a call crosses the end of the last: a schema
    that goes to and fro over such an end took three times as long. It costs about 20 µs.
    """
    return work()


with_room.__code__ = with_room.__code__.replace(co_stacksize=_ROOM)  # the compiler would write 3


def refuse(keyword: str, wants: str | Callable[[], str], *, path: list[str | int] | None = None) -> Refusal:
    """One error that says what *keyword* wants, at *path* below the instance; never what it got."""
    return Refusal(keyword, wants, [] if path is None else path)
