"""Reads and writes the column forms that several tables share. Knows no table."""

from collections.abc import Iterable
from typing import cast

from holdfast.contracts import Json, JsonObject, Label
from holdfast.contracts.json_values import canonical, parse


def written(value: Json | JsonObject) -> str:
    """*value* as canonical JSON text."""
    return canonical(value).decode("utf-8")


def read_object(text: str) -> dict[str, Json]:
    """The JSON object that `written` wrote."""
    return cast("dict[str, Json]", parse(text))


def read_texts(text: str) -> tuple[str, ...]:
    """The list of strings that `written` wrote."""
    return tuple(cast("list[str]", parse(text)))


def written_labels(labels: Iterable[Label]) -> str:
    """*labels* sorted, with a comma between."""
    return ",".join(sorted(label.value for label in labels))


def read_labels(text: str) -> frozenset[Label]:
    """What `written_labels` wrote."""
    return frozenset(Label(part) for part in text.split(",") if part)
