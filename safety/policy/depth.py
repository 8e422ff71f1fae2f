"""Tells Cedar text that would nest too deeply for a parser that recurses, before it sees it; it does not understand it.

The parser, and whatever walks its tree, takes some of a thread's stack for each level, and where that ends the process
ends. A chain of operators is as deep as it is long: `a || b || c` stands in the tree as `(a || b) || c`.
"""

import re
from typing import Final

DEEPEST: Final = 400
"""Levels. With 8 MiB of stack, cedarpy 4.12 ends at 1 300 operators in a row, or 650 brackets in one another; of
what it reads it takes a hundred, not counting brackets."""

_BRACKET: Final = 3
"""Levels of a bracket around something, beside the one of an operator."""
_MEMBER: Final = 6
_BINDING: Final = {
    **dict.fromkeys(("if", "then", "else"), 0),
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "has", "like", "is"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "!"), 5),
    **dict.fromkeys((".", "::"), _MEMBER),
}
"""How tightly each operator binds: what binds less tightly begins a new row of all that bind more tightly."""
_BRACKETS: Final = ("(", "[", "{")
_TOKEN: Final = re.compile(
    r'"(?:\\.|[^"\\])*"|//[^\n]*'
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<next>,)"
    r"|(?P<operator>\|\||&&|[=!]=|<=?|>=?|[-+*!.]|::|\b(?:if|then|else|has|like|in|is)\b)",
    re.DOTALL,
)


def is_too_deep(text: str) -> bool:
    """Whether the tree of *text*, a statement, may have more than `DEEPEST` levels."""
    most = sum(map(text.count, _BINDING)) + (_BRACKET + 1) * sum(map(text.count, _BRACKETS))
    return most > DEEPEST and _levels(text) > DEEPEST


class _Expression:
    """What stands between two brackets or commas, as far as it was read."""

    def __init__(self) -> None:
        self._row = [0] * (_MEMBER + 1)
        self._longest = [0] * (_MEMBER + 1)
        self.below = 0
        self._before = 0

    def operator(self, binding: int) -> None:
        self._row[binding] += 1
        self._longest[binding] = max(self._longest[binding], self._row[binding])
        self._row[binding + 1 :] = [0] * (_MEMBER - binding)

    def next(self) -> None:
        self._before = self.levels
        self._row, self._longest, self.below = [0] * (_MEMBER + 1), [0] * (_MEMBER + 1), 0

    @property
    def levels(self) -> int:
        return max(self._before, sum(self._longest) + self.below)


def _levels(text: str) -> int:
    around, here = list[_Expression](), _Expression()
    for token in _TOKEN.finditer(text):
        match token.lastgroup:
            case "operator":
                here.operator(_BINDING[token.group()])
            case "next":
                here.next()
            case "open":
                here.operator(_MEMBER)
                around.append(here)
                here = _Expression()
            case "close" if around:
                inside, here = here, around.pop()
                here.below = max(here.below, inside.levels + _BRACKET)
            case _:
                pass
    return here.levels + sum(one.levels + _BRACKET for one in around)
