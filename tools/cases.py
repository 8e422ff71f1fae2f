"""Test cases of a tool: with which arguments it is called, and what it must answer. It calls nothing.

1. A case that expects an answer says which: `structured` exactly, `contains` as a part of it, or `text` exactly. A
   status alone is enough only where the tool must fail.
2. Unknown keys are refused, so that a case cannot pass by a word that nobody reads.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.contracts import Json, JsonObject, MalformedJson, OperatorError
from holdfast.contracts.json_values import canonical, parse

CASES_FILE: Final = "cases.toml"
"""Beside `tool.toml`."""
CASES_BYTES: Final = 1 << 20
MOST_CASES: Final = 64

StatusWord: TypeAlias = Literal["ok", "error", "stopped", "denied"]


class ExpectTable(BaseModel):
    """`cases.expect`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    status: StatusWord = "ok"
    """`denied`: the arguments do not match the tool's schema."""
    structured: Any = None
    contains: Any = None
    text: str | None = None
    """Without line ends at its end, as the tool's text is compared."""


class CaseTable(BaseModel):
    """`[[cases]]`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    name: Annotated[str, Field(min_length=1, max_length=120)]
    tool: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """Which of several operations, by its whole name; the first if absent."""
    arguments: dict[str, Any] = {}
    expect: ExpectTable


class CasesFile(BaseModel):
    """All of `cases.toml`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    cases: Annotated[list[CaseTable], Field(max_length=MOST_CASES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call and what must come back."""

    name: str
    tool: str | None
    arguments: JsonObject
    expect: ExpectTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came back."""

    status: StatusWord
    text: str = ""
    structured: Json = None


def read_cases(text: str) -> tuple[Case, ...]:
    """The cases that the TOML *text* holds.

    Raises: OperatorError that names the key.
    """
    try:
        return cases_of(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"`{CASES_FILE}` is not TOML: {error}") from None
    except (RecursionError, ValueError):
        raise OperatorError(f"`{CASES_FILE}` is not TOML") from None


def cases_of(written: Mapping[str, Any]) -> tuple[Case, ...]:
    """The cases of `{"cases": […]}`.

    Raises: OperatorError that names the key.
    """
    try:
        tables = CasesFile.model_validate(dict(written)).cases
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        raise OperatorError(f"`{where}`: {first['msg'][:200]}") from None
    return tuple(_case(table, at) for at, table in enumerate(tables))


def difference(expect: ExpectTable, answered: Answered) -> str | None:
    """Why *answered* is not what was expected, in a sentence that quotes neither; None when it is."""
    if answered.status != expect.status:
        return f"the status is {answered.status}, and {expect.status} was expected"
    given = expect.model_fields_set
    if "structured" in given and not _same(answered.structured, expect.structured):
        return "`structured` is another value"
    if "contains" in given and not _holds(answered.structured, expect.contains):
        return "`structured` does not contain what was expected"
    if expect.text is not None and answered.text.rstrip("\n") != expect.text.rstrip("\n"):
        return "the text is another"
    return None


def _case(table: CaseTable, at: int) -> Case:
    said = table.expect.model_fields_set
    if table.expect.status == "ok" and not said & {"structured", "contains", "text"}:
        raise OperatorError(f"`cases.{at}.expect`: say what is answered: `structured`, `contains` or `text`")
    try:
        for value in (table.expect.structured, table.expect.contains):
            canonical(cast("Json", value))
        arguments = parse(canonical(table.arguments))
    except (MalformedJson, TypeError, ValueError, RecursionError):
        raise OperatorError(f"`cases.{at}`: only what JSON can say: no dates, and nothing nested too deep") from None
    if not isinstance(arguments, dict):  # a dict was written
        raise OperatorError(f"`cases.{at}.arguments`: this must be a table")
    return Case(name=table.name, tool=table.tool, arguments=arguments, expect=table.expect)


def _same(found: Json, wanted: Json) -> bool:
    return canonical(found) == canonical(wanted)


def _holds(found: Json, wanted: Json) -> bool:
    """Whether *found* is *wanted* with perhaps more keys in its objects."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return False
        return all(key in found and _holds(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, Sequence) and not isinstance(wanted, str):
        if not isinstance(found, Sequence) or isinstance(found, str) or len(found) != len(wanted):
            return False
        return all(_holds(one, other) for one, other in zip(found, wanted, strict=True))
    return not isinstance(found, Mapping | list) and _same(found, wanted)
