"""Data files as nodes that know where they stand, so that an error names file, field and rule. Runs nothing."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

Json = Any
"""A JSON value; suites are data, so nothing narrower is promised."""


class SuiteError(Exception):
    """A suite that cannot be used. Its text is one line: file, field, rule."""

    def __init__(self, file: str, field: str, rule: str) -> None:
        super().__init__(f"{file}: {field}: {rule}" if field else f"{file}: {rule}")


class _Loader(yaml.SafeLoader):
    """YAML whose only scalars besides text are true, false, null and decimal numbers, and whose keys are unique."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("tag:yaml.org,2002:int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("tag:yaml.org,2002:float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789"),
):
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Json]:
    made: dict[str, Json] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} is no text", key_node.start_mark)
        if key in made:
            raise yaml.constructor.ConstructorError(None, None, f"the key `{key}` is there twice", key_node.start_mark)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a data file, and where it stands."""

    value: Json
    file: str
    path: str = ""

    def fail(self, rule: str) -> SuiteError:
        """The error that *rule* is broken here."""
        return SuiteError(self.file, self.path, rule)

    def at(self, key: str | int) -> "Node":
        """What is under *key*, which must be there."""
        place = f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}".lstrip(".")
        return Node(self.value[key], self.file, place)

    def has(self, key: str) -> bool:
        """Whether there is such a field."""
        return isinstance(self.value, dict) and key in self.value

    def fields(self, required: Sequence[str] = (), optional: Sequence[str] = ()) -> "Node":
        """Itself, if it is a mapping with exactly such fields."""
        if not isinstance(self.value, dict):
            raise self.fail(f"must be a mapping, with {_named((*required, *optional))}")
        for key in required:
            if key not in self.value:
                raise self.fail(f"`{key}` is missing")
        for key in cast("dict[str, Json]", self.value):
            if key not in required and key not in optional:
                raise self.fail(f"unknown key `{key}`; known are {_named((*required, *optional))}")
        return self

    def mapping(self) -> "Iterator[tuple[str, Node]]":
        """The fields of a mapping with any names."""
        if not isinstance(self.value, dict):
            raise self.fail("must be a mapping")
        for key in cast("dict[str, Json]", self.value):
            yield key, self.at(key)

    def items(self) -> "Iterator[Node]":
        """The items of a list."""
        if not isinstance(self.value, list):
            raise self.fail("must be a list")
        for index in range(len(self.value)):
            yield self.at(index)

    def text(self, *, pattern: str | None = None, rule: str = "") -> str:
        """A text; with *pattern*, one that matches it whole, as *rule* says in words."""
        if not isinstance(self.value, str):
            raise self.fail("must be a text; write it in quotes")
        if pattern is not None and not re.fullmatch(pattern, self.value):
            raise self.fail(rule)
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            raise self.fail("must be true or false")
        return self.value

    def number(self) -> int:
        """A whole number that is not negative."""
        if isinstance(self.value, bool) or not isinstance(self.value, int) or self.value < 0:
            raise self.fail("must be a whole number")
        return self.value

    def regex(self) -> re.Pattern[str]:
        """A regular expression."""
        try:
            return re.compile(self.text(), re.DOTALL)
        except re.error as error:
            raise self.fail(f"is no regular expression: {error}") from None

    def one_of(self, words: Sequence[str]) -> str:
        """One of some words."""
        if self.value not in words:
            raise self.fail(f"must be one of {_named(words)}")
        return cast("str", self.value)


def optional_text(node: Node, key: str, default: str = "") -> str:
    """The text under *key*, or *default*."""
    return node.at(key).text() if node.has(key) else default


def texts(node: Node) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(item.text() for item in node.items())


def read_yaml(path: Path) -> Node:
    """The file's value. Raises: SuiteError."""
    try:
        return Node(yaml.load(_read(path), Loader=_Loader), path.name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark is not None else ""
        raise SuiteError(path.name, where, f"is not YAML: {getattr(error, 'problem', None) or 'unreadable'}") from None


def read_toml(path: Path) -> Mapping[str, Json]:
    """The file's tables. Raises: SuiteError."""
    try:
        return tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(path.name, "", f"is not TOML: {error}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SuiteError(path.name, "", "is missing; a suite has it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(path.name, "", f"cannot be read: {type(error).__name__}") from None


def _named(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
