"""Whether a URI follows a template (RFC 6570), in time linear to its length. It expands none and reads nothing.

1. A variable stands for at least one character; `{v}` for none that divides a path, `{+v}` and `{#v}` for any.
2. No matching URI climbs: `.` and `..` are no segments of it, however they are written, behind a `?` or `#` neither.
   Nor does one begin anew: an empty segment makes what follows an absolute path to many a server.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

import re2 as _re2

RE2: Any = _re2

MAX_URI: Final = 2_048
"""Characters of a URI or template. Browsers take about as many."""

MAX_EXPRESSIONS: Final = 32
"""Braces in one template; real ones have one or two."""

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:[!#-;=?-Z\[\]_a-z~]+")
"""A scheme and printable ASCII without spaces, quotes, angles, braces and backslashes."""

_EXPRESSION: Final = re.compile(r"\{([+#./;?&]?)([^{}]*)\}")
_VARIABLE: Final = re.compile(r"[A-Za-z0-9_.%-]{1,64}(?:\*|:[1-9][0-9]{0,3})?")
_LITERAL: Final = re.compile(r"[!#-;=?-Z\[\]_a-z~]*")

_PLAIN: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@%-]"
_ANY: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@%/?\[\]-]"
_FORMS: Final = {
    "": f"{_PLAIN}+",
    "+": f"{_ANY}+",
    "#": f"#{_ANY}+",
    ".": rf"\.{_PLAIN}+",
    "/": f"(?:/{_PLAIN}+)+",
    ";": f"(?:;{_PLAIN}+)+",
    "?": rf"(?:\?{_PLAIN}+)?",
    "&": f"(?:&{_PLAIN}+)?",
}
"""What each operator leaves in a URI. A query is left out where nothing is asked for."""

_DOTS: Final = frozenset({".", ".."})
_DIVIDERS: Final = re.compile(r"[/\\?#;&=]")
"""Servers that take a template apart see no query in `{+v}`, and some end a segment at `;`."""

_DIVIDER: Final = r"(?:[/\\]|%(?:25){0,2}(?:2f|5c))"
_ANEW: Final = re.compile(
    rf"(?<!:)(?<!%3a)(?<!%253a){_DIVIDER}{{2}}|^(?![/\\]){_DIVIDER}",
    re.IGNORECASE,
)
"""An empty segment, but for the one that follows a scheme; or an escaped divider where a path begins."""


def is_uri(text: str) -> bool:
    """Whether *text* is a URI that everybody reads alike."""
    return len(text) <= MAX_URI and _URI.fullmatch(text) is not None


def climbs(uri: str) -> bool:
    """Whether *uri* has a segment `.` or `..`, or an empty one, escaped once or twice included."""
    for read in (uri, unquote(uri), unquote(unquote(uri))):
        if _DOTS.intersection(_DIVIDERS.split(read.partition(":")[2])):
            return True
    return _ANEW.search(uri.partition(":")[2].removeprefix("//")) is not None


class UriTemplate:
    """One template that was understood."""

    def __init__(self, text: str, pattern: str) -> None:
        """Use `template_of`."""
        self.text = text
        options = RE2.Options()
        options.log_errors = False
        self._pattern = RE2.compile(pattern, options)

    def matches(self, uri: str) -> bool:
        """Whether *uri* is one that this template can make, and does not climb."""
        return is_uri(uri) and self._pattern.fullmatch(uri) is not None and not climbs(uri)


def template_of(text: str) -> UriTemplate | None:
    """*text* as a template that begins with its scheme, or None when it is none that is understood."""
    if len(text) > MAX_URI or not re.match(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:", text):
        return None
    pattern: list[str] = []
    end = count = 0
    for found in _EXPRESSION.finditer(text):
        literal, names = text[end : found.start()], found[2].split(",")
        if not _LITERAL.fullmatch(literal) or not all(_VARIABLE.fullmatch(name) for name in names):
            return None
        pattern += (RE2.escape(literal), _FORMS[found[1]])
        end, count = found.end(), count + 1
    if not _LITERAL.fullmatch(text[end:]) or not 1 <= count <= MAX_EXPRESSIONS:
        return None
    return UriTemplate(text, "".join(pattern) + RE2.escape(text[end:]))
