"""The `${...}` of clients' configurations: what each asks for, and texts with them filled in. It reads nothing."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE: Final = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_INPUT: Final = re.compile(r"input:([A-Za-z0-9_.-]{1,64})")

_SECRET_WORDS: Final = frozenset(
    [
        "apikey",
        "auth",
        "authorization",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "dsn",
        "jwt",
        "key",
        "keys",
        "pass",
        "passphrase",
        "passwd",
        "password",
        "pat",
        "pwd",
        "secret",
        "secrets",
        "session",
        "token",
        "tokens",
    ]
)
_NO_SECRET_ENDS: Final = frozenset(
    ["dir", "directory", "file", "folder", "id", "ids", "issuer", "name", "path", "timeout", "ttl", "type"]
)
"""`KEY_FILE` names a file, and `TOKEN_TTL` counts seconds."""
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


class Kind(Enum):
    """What a reference asks for."""

    VARIABLE = auto()
    INPUT = auto()
    """Something that the client asks somebody for."""
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One `${...}`."""

    kind: Kind
    name: str
    default: str | None = None


class NotTaken(Exception):
    """A server, or a word of it, is not taken over: why, and what to do."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy)
        self.reason = reason
        self.remedy = remedy


def references(text: str) -> Iterator[Reference]:
    """The references in *text*, in order."""
    for found in _REFERENCE.finditer(text):
        yield _read(found[1])


def filled(text: str, known: Mapping[str, str]) -> str:
    """*text* with each variable as *known* has it, else its default.

    Raises: NotTaken for one that is not known, and for anything that only the client could fill in.
    """
    return _REFERENCE.sub(lambda found: _value(_read(found[1]), known), text)


def names_a_secret(name: str) -> bool:
    """Whether a variable, flag, header or parameter of this *name* is usually a secret."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return not _SECRET_WORDS.isdisjoint(words) and words[-1] not in _NO_SECRET_ENDS


def _read(written: str) -> Reference:
    if asked := _INPUT.fullmatch(written):
        return Reference(kind=Kind.INPUT, name=asked[1])
    if variable := _VARIABLE.fullmatch(written):
        return Reference(kind=Kind.VARIABLE, name=variable[1], default=variable[2])
    return Reference(kind=Kind.UNKNOWN, name=written[:64])


def _value(reference: Reference, known: Mapping[str, str]) -> str:
    match reference.kind:
        case Kind.VARIABLE:
            value = known.get(reference.name, reference.default)
            if value is None:
                raise NotTaken(
                    f"it needs the variable `{reference.name}`, which is not set here",
                    "set it and import again, or write its value into the file",
                )
            return value
        case Kind.INPUT:
            raise NotTaken(
                f"its client asks for `{reference.name}` at each start, in a place where no secret can stand",
                "write the value into the file, or into its `env` or `headers`, and import again",
            )
        case Kind.UNKNOWN:
            raise NotTaken(f"only its client knows `${{{reference.name}}}`", "write the value into the file")
