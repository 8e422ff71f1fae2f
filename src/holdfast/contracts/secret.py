"""A secret's value, and where a request carries it. Nothing that prints, copies or pickles one is told the value."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NoReturn, final

from .errors import InvalidRequest

SECRET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
SECRET_BYTES: Final = 64 << 10
SHORTEST_SECRET: Final = 8
"""Bytes. What is shorter stands in ordinary text by chance, and could not be taken out of an answer."""


@final
class Secret:
    """A value that only `reveal` hands out. Two are equal only if they are the same object."""

    __slots__ = ("__value",)

    def __init__(self, value: bytes) -> None:
        """Hold *value*."""
        self.__value = value

    def reveal(self) -> bytes:
        """The value. Never put it into a message, a log, a record or a result."""
        return self.__value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is neither copied nor pickled")


class SecretPlace(StrEnum):
    """Where in a request a secret stands."""

    BEARER = "bearer"
    """`Authorization: Bearer VALUE`."""
    BASIC = "basic"
    """`Authorization: Basic`, as the password of a user."""
    HEADER = "header"
    """The whole value of a header."""
    QUERY = "query"
    """The value of a parameter of the query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretUse:
    """That requests under a grant carry a secret of the caller's tenant, and where. Holds no value."""

    name: str
    """Of the secret, as `SECRET_NAME` has it."""
    place: SecretPlace
    parameter: str = ""
    """The user, the header's or the parameter's name; empty for `bearer`."""


def check_secret(name: str, secret: Secret | None = None) -> None:
    """Whether *name* is a name, and *secret* a value that can be kept.

    Raises: InvalidRequest with the rule, never the value.
    """
    if not SECRET_NAME.fullmatch(name):
        raise InvalidRequest("`name` is 1 to 64 of a-z, 0-9, `_`, `.` and `-`, and begins with a letter or digit")
    if secret is None:
        return
    size = len(secret.reveal())
    if size > SECRET_BYTES:
        raise InvalidRequest(f"a secret has at most {SECRET_BYTES} bytes")
    if size < SHORTEST_SECRET:
        raise InvalidRequest(
            f"a secret has {SHORTEST_SECRET} bytes at least: a shorter one could not be taken out of what comes back"
        )
