"""The operator's rows: what is private, public, untrusted or trusted, by path, host or argument. It judges no call.

1. For each kind of selector, and each argument, the first row that matches a value and speaks on a dimension decides.
2. Over several values the dangerous word wins, and silence over the safe one; over several selectors the dangerous.
3. A word that takes caution away counts for what is exactly meant, one that adds caution for all that may be meant. Of
   an argument that the tool has and the call leaves out, any of its values may be meant.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias, assert_never

from holdfast.contracts import Json, JsonObject, OperatorError
from holdfast.contracts.flow import ANY

from . import paths
from .declared import any_unknown, level_at, level_of, opened
from .folding import fold_key
from .patterns import Host, Path, Value, fold_host, host_pattern, name_pattern, path_pattern, value_pattern


class Word(StrEnum):
    """What a row may say."""

    PRIVATE = "private"
    PUBLIC = "public"
    """Excludes private. Of what is written to: everybody may read it."""
    UNTRUSTED = "untrusted"
    TRUSTED = "trusted"
    """Excludes untrusted. Of a receiver: on the operator's list."""


_CONFIDENTIALITY: Final = frozenset({Word.PRIVATE, Word.PUBLIC})
_INTEGRITY: Final = frozenset({Word.UNTRUSTED, Word.TRUSTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow:
    """One `[[labels]]` row as it is written: exactly one of `path`, `host` and `upstream`."""

    path: str | None = None
    host: str | None = None
    upstream: str | None = None
    tool: str | None = None
    """Of the upstream: its own name for the tool; `*` stands for any run of characters."""
    argument: str | None = None
    """Dotted; with `values`."""
    values: tuple[str, ...] = ()
    says: frozenset[Word]

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.path, self.host, self.upstream)) != 1:
            raise OperatorError("a row of `labels` has exactly one of `path`, `host` and `upstream`")
        if self.upstream is None and (self.tool is not None or self.argument is not None or self.values):
            raise OperatorError("in a row of `labels`, `tool`, `argument` and `values` go with `upstream`")
        if (self.argument is None) != (not self.values):
            raise OperatorError("in a row of `labels`, `argument` and `values` go together")
        if self.argument is not None and not all(part.strip() for part in self.argument.split(".")):
            raise OperatorError("in a row of `labels`, `argument` is a name, or names divided by dots")
        if not self.says:
            raise OperatorError(
                "in a row of `labels`, `is` says nothing; write `private`, `public`, `untrusted` or `trusted`"
            )
        if self.says >= _CONFIDENTIALITY or self.says >= _INTEGRITY:
            raise OperatorError("in a row of `labels`, `is` says a word and its opposite")


@dataclass(frozen=True, slots=True)
class Files:
    """Files of the workspace, by folded keys; one that ends in `*` means everything below."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hosts:
    """Hosts that a call speaks to."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A call of an upstream's tool."""

    upstream: str
    tool: str
    """The upstream's own name for it."""
    arguments: JsonObject
    schema: JsonObject
    """The tool's input schema: it says which arguments were left out, and what they then are."""
    receivers: tuple[str, ...] = ()
    """The arguments that name who gets what is sent."""


Subject: TypeAlias = Files | Hosts | Asked


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the rows say of a subject; None where they are silent."""

    confidentiality: Word | None
    integrity: Word | None


@dataclass(frozen=True, slots=True)
class _Question:
    """One dimension, seen from one side."""

    dangerous: Word
    safe: Word


_PRIVATE: Final = _Question(Word.PRIVATE, Word.PUBLIC)
_UNTRUSTED: Final = _Question(Word.UNTRUSTED, Word.TRUSTED)
_PUBLISHED: Final = _Question(Word.PUBLIC, Word.PRIVATE)
"""Of what is written to, `public` is the dangerous word."""


@dataclass(frozen=True, slots=True)
class _Of:
    """A row about an upstream, read."""

    tool: Any
    argument: str | None
    values: tuple[Value, ...]
    says: frozenset[Word]
    names_tool: bool
    """It is about one tool, and not about whatever else takes the argument."""

    def concerns(self, tool: str) -> bool:
        return self.tool is None or self.tool.fullmatch(tool) is not None

    def word(self, question: _Question, value: Json) -> Word | None:
        """What the row answers to *question* about *value*; None when it is silent or does not mean it."""
        if question.dangerous in self.says:
            leaves = tuple(paths.scalars(value))
            return question.dangerous if any(each.widely(leaf) for each in self.values for leaf in leaves) else None
        if question.safe in self.says:
            return question.safe if any(each.exactly(value) for each in self.values) else None
        return None


class LabelRows:
    """All rows, in the order they are written."""

    def __init__(self, rows: Iterable[LabelRow], *, receivers: Mapping[str, frozenset[str]] | None = None) -> None:
        """*receivers*, by upstream: arguments that some tool of it sends by. `trusted` on these lists a receiver only.

        A search by sender or receiver answers with what strangers wrote to them, so there it vouches for nothing,
        unless the row names the one tool it is about.

        Raises: OperatorError naming the key that is wrong.
        """
        self._receivers = dict(receivers or {})
        self._paths: list[tuple[Path, frozenset[Word]]] = []
        self._hosts: list[tuple[Host, frozenset[Word]]] = []
        self._upstreams: dict[str, list[_Of]] = {}
        for number, row in enumerate(rows):
            self._add(row, f"labels[{number}]")

    def _add(self, row: LabelRow, key: str) -> None:
        if row.path is not None:
            self._paths.append((path_pattern(row.path, f"{key}.path"), row.says))
        elif row.host is not None:
            self._hosts.append((host_pattern(row.host, f"{key}.host"), row.says))
        elif row.upstream is not None:
            values = tuple(value_pattern(value, f"{key}.values") for value in row.values)
            tool = None if row.tool is None else name_pattern(row.tool, f"{key}.tool")
            names_tool = row.tool is not None and "*" not in row.tool
            self._upstreams.setdefault(row.upstream, []).append(_Of(tool, row.argument, values, row.says, names_tool))

    def read(self, subject: Subject) -> Spoken:
        """What is said of what a call reads from *subject*."""
        return Spoken(self._ask(_PRIVATE, subject), self._ask(_UNTRUSTED, subject))

    def public(self, subject: Subject) -> bool:
        """Whether anything that a call writes to in *subject* is said to be public."""
        return self._ask(_PUBLISHED, subject) is Word.PUBLIC

    def listed(self, subject: Subject) -> bool:
        """Whether there is a receiver, and every one is on the operator's list.

        Receivers are the files, the hosts, or what the call's receiver arguments name. A call with an argument that its
        schema does not name may have receivers nobody knows of.
        """
        if not isinstance(subject, Asked):
            return self._ask(_UNTRUSTED, subject) is Word.TRUSTED
        if any_unknown(subject.schema, subject.arguments, subject.receivers):
            return False
        named = [_named(subject, argument) for argument in subject.receivers]
        return any(values for values in named if values) and all(
            values is not None and all(self.lists(subject.upstream, subject.tool, argument, value) for value in values)
            for argument, values in zip(subject.receivers, named, strict=True)
        )

    def lists(self, upstream: str, tool: str, argument: str, value: Json) -> bool:
        """Whether *value* for *argument* (dotted, without list indexes) is on the operator's list."""
        rows = [row for row in self._rows(upstream, tool) if row.argument == argument]
        return _first(_UNTRUSTED, rows, value) is Word.TRUSTED

    def _rows(self, upstream: str, tool: str) -> list[_Of]:
        return [row for row in self._upstreams.get(upstream, ()) if row.concerns(tool)]

    def _ask(self, question: _Question, subject: Subject) -> Word | None:
        match subject:
            case Files():
                return _over_values(question, [self._of_file(question, key) for key in subject.keys])
            case Hosts():
                return _over_values(question, [self._of_host(question, name) for name in subject.names])
            case Asked():
                return self._of_call(question, subject)
            case _:
                assert_never(subject)

    def _of_file(self, question: _Question, key: str) -> Word | None:
        head, _, last = fold_key(key).rpartition("/")
        if last == ANY:
            return self._of_folder(question, tuple(head.split("/")) if head else ())
        words = (_one(question, says) for path, says in self._paths if path.matches(fold_key(key)))
        return next((word for word in words if word is not None), None)

    def _of_folder(self, question: _Question, folder: tuple[str, ...]) -> Word | None:
        for path, says in self._paths:
            word = _one(question, says)
            if word is None or not path.may_match_below(folder):
                continue
            if word is question.dangerous or path.covers_below(folder):
                return word
        return None

    def _of_host(self, question: _Question, name: str) -> Word | None:
        folded = fold_host(name)
        if folded is None:
            return None
        words = (_one(question, says) for host, says in self._hosts if host.matches(folded))
        return next((word for word in words if word is not None), None)

    def _of_call(self, question: _Question, call: Asked) -> Word | None:
        rows = self._rows(call.upstream, call.tool)
        general = [_one(question, row.says) for row in rows if row.argument is None]
        words = [next((word for word in general if word is not None), None)]
        elsewhere = self._receivers.get(call.upstream, frozenset())
        for argument in dict.fromkeys(row.argument for row in rows if row.argument is not None):
            own = [row for row in rows if row.argument == argument]
            word = _of_argument(question, own, call, argument)
            lists = argument in call.receivers or (argument in elsewhere and not all(row.names_tool for row in own))
            words.append(None if word is Word.TRUSTED and lists else word)
        return question.dangerous if question.dangerous in words else question.safe if question.safe in words else None


def _of_argument(question: _Question, rows: list[_Of], call: Asked, argument: str) -> Word | None:
    """What the rows on one argument say; of one that the tool has and the call leaves out, the worst they could say."""
    found = paths.find(call.arguments, argument)
    parts = paths.parts_of(argument)
    values = found.values
    words: list[Word | None] = []
    if found.missing and _has(call.schema, parts):
        given = paths.is_there(call.arguments.get(parts[0]))
        defaults = () if given else tuple(filter(paths.is_there, level_at(call.schema, parts).defaults()))
        values += defaults
        if not defaults:
            words.append(question.dangerous if any(question.dangerous in row.says for row in rows) else None)
    words.extend(_first(question, rows, value) for value in values)
    return _over_values(question, words)


def _has(schema: JsonObject, parts: tuple[str, ...]) -> bool:
    """Whether the tool has that argument, as far as its schema can be known."""
    level = level_of(schema)
    for part in parts:
        names = opened(level).names()
        if names is None:
            return True
        if part not in names:
            return False
        level = opened(level).at(part)
    return True


def _named(call: Asked, argument: str) -> tuple[Json, ...] | None:
    """The receivers that *argument* names; None when somebody is named in a way that cannot be told."""
    found = paths.find(call.arguments, argument)
    if not found.missing:
        return found.values
    head = paths.parts_of(argument)[0]
    if found.values or paths.is_there(call.arguments.get(head)) or paths.is_there(call.arguments.get(argument)):
        return None
    return tuple(filter(paths.is_there, level_at(call.schema, paths.parts_of(argument)).defaults()))


def _one(question: _Question, says: frozenset[Word]) -> Word | None:
    return next((word for word in (question.dangerous, question.safe) if word in says), None)


def _first(question: _Question, rows: Iterable[_Of], value: Json) -> Word | None:
    words = (row.word(question, value) for row in rows)
    return next((word for word in words if word is not None), None)


def _over_values(question: _Question, words: list[Word | None]) -> Word | None:
    """The dangerous word wins, and silence about one value over the safe word about another."""
    if question.dangerous in words:
        return question.dangerous
    return question.safe if words and None not in words else None
