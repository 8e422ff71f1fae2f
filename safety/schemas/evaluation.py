"""One evaluation of a value against a schema: how many steps are left, how deep it is. It never runs on without bound.

Every keyword call costs a step, and a keyword whose work grows with the value or the schema charges for that work, so
50 000 steps take tens of milliseconds whatever the schema says.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from jsonschema.exceptions import ValidationError

from holdfast.contracts import Json

from .patterns import Pattern

MAX_DESCENTS = 160
"""Schemas entered inside each other: 32 levels of a recursive schema with unions need about 130, at 3 frames each."""
_WORK_A_STEP = 16
"""Cheap comparisons that one step pays for."""

Schema: TypeAlias = bool | dict[str, Any]
Errors: TypeAlias = tuple[ValidationError, ...]
Keyword: TypeAlias = Callable[[Any, Any, Any, dict[str, Any]], Errors]
"""A keyword as jsonschema calls it: validator, the keyword's value, the instance, the schema around it."""


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


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """The meter of one run."""

    tables: Tables
    keywords: Mapping[str, Keyword]
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


CURRENT: ContextVar[Evaluation] = ContextVar("evaluation")
"""The run that keyword functions belong to: jsonschema has no place of its own to hand it to them."""


def descend(validator: Any, instance: Json, schema: Schema, step: str | int | None = None) -> Errors:
    """The first error of *instance* under *schema*, with *step* put before its path.

    Stands in for jsonschema's own, which copies a validator for each subschema, lets a nested `$schema` swap in another
    dialect's keywords, and writes whole values into messages.
    """
    if schema is True:
        return ()
    if schema is False:
        return _refused(step)
    run = CURRENT.get()
    run.descents += 1
    if run.descents > MAX_DESCENTS:
        raise StepsExhausted
    for keyword, value in schema.items():
        check = run.keywords.get(keyword)
        if check is None:
            continue
        run.left -= 1
        if run.left < 0:
            raise StepsExhausted
        errors = check(validator, value, instance, schema)
        if errors:
            run.descents -= 1
            if step is not None:
                errors[0].path.appendleft(step)
            return errors
    run.descents -= 1
    return ()


def refuse(keyword: str, wants: str, *, path: tuple[str | int, ...] = ()) -> Errors:
    """One error that says what *keyword* wants, at *path* below the instance; never what it got."""
    return (ValidationError(wants, validator=keyword, path=path),)


def _refused(step: str | int | None) -> Errors:
    return refuse("false", "is not allowed here", path=() if step is None else (step,))
