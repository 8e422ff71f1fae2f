"""Reads named fields of a case file one by one; refuses the wrong kind, and whatever nobody asked for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar, cast

from holdfast.contracts import Json, MalformedJson, OperatorError
from holdfast.contracts.json_values import canonical, parse

from .facts import Fact, Judging, Parties, fits

E = TypeVar("E", bound=StrEnum)


class Fields:
    """The fields of one mapping, each to be read at most once."""

    __slots__ = ("_left", "where")

    def __init__(self, where: str, fields: Mapping[str, Json]) -> None:
        self.where = where
        """What messages call this mapping."""
        self._left = dict(fields)

    def has(self, name: str) -> bool:
        """Whether the field is there and not yet read."""
        return name in self._left

    def names(self) -> tuple[str, ...]:
        """The fields not yet read."""
        return tuple(map(str, self._left))

    def fact(self, name: str, fact: Fact[Parties] | Fact[Judging]) -> Json:
        """Read a value of the type, and of the words, of *fact*."""
        value = self._left.pop(name)
        if not fits(fact.kind, value):
            raise self._wrong(name, f"a `{fact.kind.value}`")
        said = value if isinstance(value, list) else [value]
        strange = sorted(str(one) for one in said if fact.words is not None and one not in fact.words)
        if strange:
            raise self._wrong(name, f"of: {', '.join(sorted(fact.words or ()))}")
        return value

    def word(self, name: str, absent: str | None = None) -> str:
        """Read a text; *absent* stands in when the field is not there, and None makes it necessary."""
        value = self._left.pop(name, absent)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """Read a list of texts, or one text for a list of one."""
        value = self._left.pop(name, [])
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            raise self._wrong(name, "a list of texts")
        return tuple(cast("list[str]", items))

    def members(self, name: str, kind: type[E]) -> tuple[E, ...]:
        """Read a list of members of *kind*."""
        try:
            return tuple(kind(word) for word in self.words(name))
        except ValueError:
            raise self._wrong(name, f"a list of: {', '.join(member.value for member in kind)}") from None

    def count(self, name: str) -> int:
        """Read a whole number that is not negative; 0 when the field is not there."""
        value = self._left.pop(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(name, "a count")
        return value

    def truth(self, name: str, *, absent: bool) -> bool:
        """Read yes or no; *absent* stands in when the field is not there."""
        value = self._left.pop(name, absent)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def record(self, name: str) -> Mapping[str, Json]:
        """Read a mapping of JSON values, which YAML has more than; empty when the field is not there."""
        value = self._left.pop(name, {})
        if not isinstance(value, dict):
            raise self._wrong(name, "a mapping")
        try:
            plain = parse(canonical(value))
        except MalformedJson:
            raise self._wrong(name, "plain JSON, without dates, infinities or names that are no text") from None
        return plain if isinstance(plain, dict) else {}

    def inner(self, name: str) -> "Fields":
        """Read a mapping field by field."""
        return Fields(f"{self.where} `{name}`", self.record(name))

    def records(self, name: str) -> tuple["Fields", ...]:
        """Read a list of mappings, each field by field."""
        value = self._left.pop(name, [])
        if not isinstance(value, list):
            raise self._wrong(name, "a list of mappings")
        found: list[Fields] = []
        for place, item in enumerate(value, start=1):
            if not isinstance(item, dict):
                raise self._wrong(name, "a list of mappings")
            found.append(Fields(f"{self.where} `{name}` {place}", item))
        return tuple(found)

    def done(self) -> None:
        """Refuse what is left.

        Raises: OperatorError naming the field.
        """
        if self._left:
            raise OperatorError(f"{self.where}: the field `{min(map(str, self._left))}` is not known")

    def _wrong(self, name: str, wanted: str) -> OperatorError:
        return OperatorError(f"{self.where}: `{name}` must be {wanted}")
