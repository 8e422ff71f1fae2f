"""Turns the short forms of a leak rule into patterns that hyperscan and RE2 both read. It matches nothing itself.

Texts are padded with a line end on both sides before they are searched, so a pattern may ask for a character before
and after what it matches and needs neither `^` nor `$`; those would mean different things in the two engines.
"""

import re
from typing import Final

from ..expressions import expression

MARGIN: Final = 6
"""Bytes that `token` adds around what it was given: an escape before it, one character after it."""
NAMED_MARGIN: Final = 128
"""The same for `named`: the longest name, what may stand between it and the value, and the ends."""
MAX_NAME: Final = 40
_MANY: Final = 16

_LEFT: Final = r"(?:[^0-9A-Za-z_]|\\[nrtbf]|%[0-9A-Fa-f]{2})"
_RIGHT: Final = r"[^0-9A-Za-z]"
_WORD: Final = (
    r"(?i:keys?|tokens?|secrets?|access|private|pass(?:word|wd|phrase)?|pwd|auth|cred(?:ential)?s?|login|dsn|pat|id)"
)

_BEGIN: Final = r"(?:[^0-9A-Za-z_\\]|\\[nrtbf]|%[0-9A-Fa-f]{2})"
"""As `_LEFT`, for what may begin with any letter: the letter of an escape is none of it."""

_VALUE: Final = r"[0-9A-Za-z_.+/=~-]"


def _mixed(left: int) -> str:
    """So many more characters of a token in a header, of which one at least is no small letter."""
    other = "[0-9A-Z_.+/=~-]"
    return other if left == 1 else f"(?:{other}{_VALUE}{{{left - 1}}}|[a-z]{_mixed(left - 1)})"


_QUOTED: Final = (
    r"""\\?(?:["'\x60\])]{0,3}|&quot;|&#34;)"""
    r"""\s*(?:[=:,(<>?+.!-]{1,4}|:?\s*[Ss]tring\s*:?=|:\s*&?(?:'static )?str\s*=)\s*"""
    r"""[bfru@LR]{0,2}\\?(?:"(?:[^"\n]{4}|\\"[^"\n]{2}|[^"\n]\\"[^"\n]|[^"\n]{2}\\"|\\"\\")|'[^'\n]{4}|\x60[^\x60\n]{4}|"""
    r"""(?:&quot;|&#34;)[^"\n&]{4})"""
)
"""What may follow a name up to the fourth byte of a value in quotes; between `"`, one of them may be a `"` escaped."""
_BARE: Final = (
    r"""["'\]]{0,2}\s*(?::=|=>|\?=|[=:])\s*\\?"""
    r"""[^\s"'\x60,;()<>{}\[\]\\|&$*=./~@][^\s"'\x60,;()<>{}\[\]\\|&]{3}"""
)
"""The same without quotes. What begins as a path or a decorator does is code."""

PIECES: Final = {
    "left": _LEFT,
    "begin": _BEGIN,
    "right": _RIGHT,
    "word": _WORD,
    "hex": "[0-9a-f]",
    "alnum": "[0-9A-Za-z]",
    "url64": "[0-9A-Za-z_-]",
    "uuid": "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}",
    "secretkey": (
        r"(?i:pass(?:word|wd|phrase|code)?s?|pwd|passw|secrets?|tokens?|api[_ .-]?keys?|access[_ .-]?keys?|"
        r"secret[_ .-]?keys?|private[_ .-]?keys?|auth[_ .-]?keys?|account[_ .-]?keys?|encryption[_ .-]?keys?|"
        r"signing[_ .-]?keys?|master[_ .-]?keys?|license[_ .-]?keys?|credentials?|authorization)"
    ),
    "mixed16": _mixed(16),
    "assigned": (
        r"(?i:pass|pwd|secret|token|cred|auth|[a-z][_.-]?key|(?:api|access|private|license|encryption) key|bearer|"
        rf"connection_?string|[_.-]pw)[0-9A-Za-z_.$-]*(?:{_QUOTED}|{_BARE})"
    ),
}
"""`assigned` is what two rules can be found by. As one expression it takes half the time of two that begin alike."""
_PIECE: Final = re.compile(r"\{\{(\w+)\}\}")
_ANCHOR: Final = re.compile(r"\\[AzZB]")


def expand(pattern: str) -> str:
    """Put every `{{piece}}` of *pattern* in its place.

    Raises: KeyError for a piece that does not exist.
    """
    return _PIECE.sub(lambda found: PIECES[found[1]], pattern)


def token(text: str) -> str:
    """The pattern for a token that names itself, such as one with its issuer's prefix; the token is group 1."""
    return f"{_LEFT}({expand(text)}){_RIGHT}"


def named(names: tuple[str, ...], value: str) -> str:
    """The pattern for *value* (group 1) right after one of *names*, or after it and a word or sign that says secret.

    In a name `_` stands for at most one of space, `_`, `.` and `-`.
    """
    choice = _choice(names)
    between = r"""[0-9A-Za-z_\s."'\[\]<>$-]{0,32}"""
    said = rf"{between}(?:{_WORD}|[=:,(])[^0-9A-Za-z/+]{{0,10}}"
    return rf"(?i:{choice})(?:{said}|[ \t]{{1,2}})({expand(value)}){_RIGHT}"


def sighted(names: tuple[str, ...]) -> str | None:
    """What the database looks for in place of `named`, when *names* are more than it takes with all that follows."""
    return rf"(?i:{_choice(names)})" if len(names) > _MANY else None


def _choice(names: tuple[str, ...]) -> str:
    return "|".join(re.escape(name.lower()).replace("_", "[ _.-]?") for name in names)


def literal(name: str) -> str:
    """The longest part of *name* that any spelling of it holds."""
    return max(name.lower().split("_"), key=len)


def complaint(pattern: str, secret: int) -> str | None:
    """What is wrong with *pattern* for a rule whose secret is group *secret*; None when nothing is."""
    if not pattern.isascii():
        return "must be ASCII"
    if _ANCHOR.search(pattern) or re.search(r"[\^$]", _without_classes(pattern)):
        return r"may not use `^`, `$`, `\A`, `\z` or `\B`: texts are padded, ask for a character instead"
    try:
        compiled = expression(pattern)
    except ValueError as error:
        return str(error)
    if secret > compiled.groups:
        return f"has no group {secret}"
    if compiled.search(b"") is not None:
        return "matches nothing at all, so it would match everywhere"
    return None


def _without_classes(pattern: str) -> str:
    unescaped = re.sub(r"\\.", "", pattern)
    return re.sub(r"\[\^?\]?[^\]]*\]", "", unescaped)
