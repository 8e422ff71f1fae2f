"""Whether a call's arguments are those that a lease is for. Pure, and never raises over what a caller sent.

A pattern names every argument. Its value is what the argument must be, exactly: `1`, `1.0` and `true` are three
values. `{"like": "TEXT"}` is for a text: `*` is any run of characters that breaks no line, all others are themselves.
`"*": "any"` lets arguments pass that the pattern does not name.
"""

import re
from typing import Final

from holdfast.contracts import InvalidRequest, Json, JsonObject, MalformedJson
from holdfast.contracts.json_values import canonical

LIKE: Final = "like"
OTHERS: Final = "*"
ANY_VALUE: Final = "any"
MAX_PATTERN_BYTES: Final = 64 * 1024
MAX_LIKE: Final = 4096
"""Characters of one text with `*`."""
_LINE_BREAK: Final = re.compile("([\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029])")


def check_pattern(pattern: JsonObject) -> None:
    """Refuse a pattern that would not mean what it seems to.

    Raises: InvalidRequest.
    """
    try:
        size = len(canonical(pattern))
    except MalformedJson:
        raise InvalidRequest("`arguments` must be JSON") from None
    if size > MAX_PATTERN_BYTES:
        raise InvalidRequest(f"`arguments` is longer than {MAX_PATTERN_BYTES} bytes")
    if OTHERS in pattern and pattern[OTHERS] != ANY_VALUE:
        raise InvalidRequest('`arguments` has `"*"` with another value than `"any"`')
    for name, wanted in pattern.items():
        if isinstance(wanted, dict) and LIKE in wanted and _like(wanted) is None:
            raise InvalidRequest(
                f"`arguments.{name}` must be `like` alone with a text of at most {MAX_LIKE} characters"
            )


def matches(pattern: JsonObject, arguments: JsonObject) -> bool:
    """Whether *arguments* are among those that *pattern* stands for."""
    named = {name: wanted for name, wanted in pattern.items() if name != OTHERS}
    if not named.keys() <= arguments.keys():
        return False
    if pattern.get(OTHERS) != ANY_VALUE and not arguments.keys() <= named.keys():
        return False
    return all(_holds(wanted, arguments[name]) for name, wanted in named.items())


def _holds(wanted: Json, given: Json) -> bool:
    like = _like(wanted)
    if like is not None:
        return isinstance(given, str) and is_like(like, given)
    try:
        return canonical(wanted) == canonical(given)
    except MalformedJson:
        return False


def _like(wanted: Json) -> str | None:
    if not isinstance(wanted, dict) or wanted.keys() != {LIKE}:
        return None
    text = wanted[LIKE]
    return text if isinstance(text, str) and len(text) <= MAX_LIKE else None


def is_like(pattern: str, text: str) -> bool:
    """Whether *text* is *pattern* with a run of characters in place of each `*`, no run with a line break."""
    wanted, given = _LINE_BREAK.split(pattern), _LINE_BREAK.split(text)
    return len(wanted) == len(given) and all(map(_line_is_like, wanted, given))


def _line_is_like(pattern: str, line: str) -> bool:
    """Takes the first place for each piece, which leaves the most room for the next: no way back is needed."""
    first, *rest = pattern.split("*")
    if not rest:
        return line == first
    *middle, last = rest
    if len(line) < len(first) + len(last) or not line.startswith(first) or not line.endswith(last):
        return False
    at, end = len(first), len(line) - len(last)
    for piece in middle:
        found = line.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
