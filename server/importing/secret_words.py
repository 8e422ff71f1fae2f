"""Which words of a client's configuration may be secrets. It errs to yes, and never says what the words are.

A header or variable is one by its name, by what it asks for, or by what the leak detector sees in it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from holdfast.contracts import Secret

from .words import Kind, NotTaken, Reference, filled, names_a_secret, references

Suspicion: TypeAlias = Callable[[str], bool]
"""Whether a detector sees a secret in a text."""

_BEARER: Final = re.compile(r"(?i:bearer)\s+(\S.*)", re.DOTALL)
_PLAIN_WORDS: Final = frozenset(("", "0", "1", "false", "no", "none", "off", "on", "true", "yes"))
_NO_SECRET_HEADERS: Final = frozenset(
    ("accept", "accept-encoding", "accept-language", "cache-control", "content-type", "user-agent")
)
_REMEDY: Final = "move it into `env` or `headers`, if the server takes it there, and import again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One value: what stands in the entry, or the name of the secret that stands for it."""

    text: str = ""
    secret: str | None = None
    """The end of the secret's name; None when it is no secret."""
    found: Secret | None = None
    bearer: bool = False
    """The secret is what follows `Bearer`, not the whole header."""
    notes: tuple[str, ...] = ()


def judged_value(name: str, text: str, known: Mapping[str, str], suspicious: Suspicion, *, header: bool) -> Judged:
    """The value *text* of the variable or header *name*.

    Raises: NotTaken when it needs what is not there.
    """
    asked = tuple(references(text))
    by_asking = any(one.kind is Kind.INPUT or names_a_secret(one.name) for one in asked)
    if by_asking or _is_secret_by_name(name, text, header=header):
        return _secret(name, text, asked, known)
    value = filled(text, known)
    if suspicious(value) or suspicious(f"{name}={value}"):
        return _secret(name, text, asked, known)
    return Judged(text=value)


def judged_arguments(arguments: Sequence[str], known: Mapping[str, str], suspicious: Suspicion) -> list[str]:
    """*arguments*, filled in.

    Raises: NotTaken also when one looks like a secret: others on this machine can read a command line.
    """
    words = [filled(one, known) for one in arguments]
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        flag, equals, value = word.partition("=")
        value = value if equals else following
        given_by_flag = (flag.startswith("-") or equals == "=") and names_a_secret(flag) and not value.startswith("-")
        if (given_by_flag and value.lower() not in _PLAIN_WORDS) or suspicious(word):
            raise NotTaken(
                "one of its `args` looks like a secret, which others on this machine could read there", _REMEDY
            )
    return words


def judged_url(url: str, known: Mapping[str, str], suspicious: Suspicion) -> str:
    """*url*, filled in. Raises: NotTaken also when it holds what looks like a secret."""
    for one in references(url):
        if one.kind is Kind.VARIABLE and names_a_secret(one.name):
            raise NotTaken("its `url` holds a secret", "put it into a header, if the server takes it there")
    value = filled(url, known)
    try:
        parts = urlsplit(value)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise NotTaken("its `url` is not a URL", "correct its file") from None
    if any(names_a_secret(name) for name, _value in pairs) or parts.password is not None or suspicious(value):
        raise NotTaken("its `url` holds what looks like a secret", "put it into a header, if the server takes it there")
    return value


def _is_secret_by_name(name: str, text: str, *, header: bool) -> bool:
    if text.strip().lower() in _PLAIN_WORDS:
        return False
    if header and name.lower() not in _NO_SECRET_HEADERS and not name.lower().startswith("x-mcp-"):
        return names_a_secret(name) or len(text) >= _LONG_ENOUGH
    return names_a_secret(name)


_LONG_ENOUGH: Final = 16
"""A header of one's own that is longer may well be a key."""


def _secret(name: str, text: str, asked: Sequence[Reference], known: Mapping[str, str]) -> Judged:
    bearer = _BEARER.fullmatch(text.strip())
    within = bearer[1].strip() if bearer else text
    whole = len(asked) == 1 and within.startswith("${") and within.endswith("}")
    called = asked[0].name if whole else name
    try:
        value = filled(within, {} if whole and asked[0].kind is Kind.INPUT else known)
    except NotTaken:
        value = None
    notes = () if whole or not asked else (f"set the whole value of `{name}` as the secret, not only a part",)
    return Judged(
        secret=_slug(called),
        found=None if not value else Secret(value.encode("utf-8", "surrogateescape")),
        bearer=bearer is not None,
        notes=notes,
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:28].strip("-") or "secret"
