"""Reads the rules for personal data from TOML text into values. It opens no file and never repairs a rule."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from holdfast.contracts import OperatorError, Severity

from ..leaks import grammar
from .checks import CHECKS

CLASSES: Final = (
    "card",
    "iban",
    "bank",
    "crypto",
    "email",
    "phone",
    "national-id",
    "tax-id",
    "health-id",
    "passport",
    "licence",
    "network",
)
"""What personal data is told apart by: the names that `[pii]` in the configuration takes."""
_REQUIRED: Final = frozenset(
    {"id", "class", "why", "source", "severity", "when", "pattern", "width", "examples", "near_misses"}
)
_TEXTS: Final = frozenset({"id", "class", "why", "source", "severity", "when", "pattern", "check"})
_LISTS: Final = frozenset({"triggers", "words", "examples", "near_misses"})
_KEYS: Final = _TEXTS | _LISTS | {"width"}
_WIDEST: Final = 512
RUN: Final = r"[^0-9A-Za-z]\d{11,19}[^0-9A-Za-z]"
"""What `run` among the triggers stands for: one expression for all numbers that are written without marks."""


class When(StrEnum):
    """What it takes to count, beside the form and its check."""

    SURE = "sure"
    """Nothing: form and check say enough."""
    ALONE = "alone"
    """One of its words near it, or nothing but it in its text."""
    NAMED = "named"
    """One of its words near it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PiiRule:
    """One form of personal data."""

    id: str
    kind: str
    """One of `CLASSES`."""
    why: str
    source: str
    """Where the form is laid down."""
    severity: Severity
    when: When
    pattern: str
    """ASCII, without what stands around it; both engines read it."""
    triggers: tuple[str, ...]
    """Cheaper expressions for the database, of which every match holds one; empty: the pattern is searched for."""
    words: tuple[str, ...]
    """What is written near it, in lower case; what is not ASCII is compared as it is."""
    width: int
    """The longest match, in bytes."""
    check: str | None
    """Of `CHECKS`."""
    examples: tuple[str, ...]
    near_misses: tuple[str, ...]


def load_pii_rules(sources: Mapping[str, str]) -> tuple[PiiRule, ...]:
    """Read every rule of *sources*, a mapping from file name to TOML text, in order of file name.

    Raises: OperatorError naming file, rule and key for anything unknown, missing, ill-formed or defined twice.
    """
    rules = tuple(rule for name in sorted(sources) for rule in _file(name, sources[name]))
    twice = {rule.id for at, rule in enumerate(rules) if rule.id in {each.id for each in rules[:at]}}
    if twice:
        raise OperatorError(f"the rule for personal data `{min(twice)}` is defined twice")
    return rules


def _file(name: str, text: str) -> Iterator[PiiRule]:
    try:
        tables = tomllib.loads(text).get("rule")
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"`{name}` is not TOML: {str(error).lower()}") from None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in cast("list[object]", tables)):
        raise OperatorError(f"`{name}`: `rule` must be a list of [[rule]] tables")
    for number, table in enumerate(cast("list[dict[str, Any]]", tables), 1):
        yield _rule(f"`{name}`: rule `{table.get('id', number)}`", table)


def _rule(place: str, table: Mapping[str, Any]) -> PiiRule:
    _well_formed(place, table)
    try:
        rule = PiiRule(
            id=table["id"],
            kind=table["class"],
            why=table["why"],
            source=table["source"],
            severity=Severity(table["severity"]),
            when=When(table["when"]),
            pattern=table["pattern"],
            triggers=tuple(map(_trigger, table.get("triggers", ()))),
            words=tuple(table.get("words", ())),
            width=table["width"],
            check=table.get("check"),
            examples=tuple(table["examples"]),
            near_misses=tuple(table["near_misses"]),
        )
    except ValueError as error:
        raise OperatorError(f"{place}: {error}") from None
    for wrong, said in (
        (rule.kind not in CLASSES, f"key `class` must be one of {', '.join(CLASSES)}"),
        (rule.check is not None and rule.check not in CHECKS, "key `check` names no check"),
        ((rule.when is When.SURE) == bool(rule.words), "key `words` belongs to a rule that is not `sure`"),
        (any(word != word.lower() for word in rule.words), "key `words` must be in lower case"),
        (not rule.examples[1:] or not rule.near_misses[1:], "two examples and two near misses at least"),
    ):
        if wrong:
            raise OperatorError(f"{place}: {said}")
    return rule


def _well_formed(place: str, table: Mapping[str, Any]) -> None:
    unknown, missing = sorted(set(table) - _KEYS), sorted(_REQUIRED - set(table))
    if unknown or missing:
        raise OperatorError(
            f"{place}: " + (f"unknown key `{unknown[0]}`" if unknown else f"key `{missing[0]}` is missing")
        )
    for key, value in table.items():
        if key in _TEXTS and not (isinstance(value, str) and value):
            raise OperatorError(f"{place}: key `{key}` must be a text that is not empty")
        if key in _LISTS and not (
            isinstance(value, list) and value and all(map(_is_text, cast("list[object]", value)))
        ):
            raise OperatorError(f"{place}: key `{key}` must be a list of texts that is not empty")
    if type(table["width"]) is not int or not 1 <= table["width"] <= _WIDEST:
        raise OperatorError(f"{place}: key `width` must be a whole number from 1 to {_WIDEST}")
    for key, pattern in (
        ("pattern", table["pattern"]),
        *(("triggers", _trigger(each)) for each in table.get("triggers", ())),
    ):
        complaint = grammar.complaint(pattern, 0)
        if complaint:
            raise OperatorError(f"{place}: key `{key}` {complaint}")


def _trigger(written: str) -> str:
    return RUN if written == "run" else written


def _is_text(item: object) -> bool:
    return isinstance(item, str) and item != ""
