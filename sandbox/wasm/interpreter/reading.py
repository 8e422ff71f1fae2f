"""Reads the JSON that an interpreter answered, by its shape alone. What is no answer is never quoted."""

from collections.abc import Mapping
from typing import Any

from holdfast.contracts import Json


class Garbled(Exception):
    """The answer has not the shape of one."""


def table(value: Json) -> Mapping[str, Json]:
    """*value*, an object. Raises: Garbled."""
    if not isinstance(value, dict):
        raise Garbled
    return value


def text(said: Mapping[str, Json], name: str) -> str:
    """The text at *name*. Raises: Garbled."""
    value = said.get(name)
    if not isinstance(value, str):
        raise Garbled
    return value


def whole(said: Mapping[str, Any], name: str) -> int:
    """The whole number at *name*. Raises: Garbled."""
    value = said.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Garbled
    return value
