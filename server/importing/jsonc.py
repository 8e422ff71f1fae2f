"""Turns JSON with comments and trailing commas, into JSON. It parses and repairs nothing else."""

import re
from typing import Final

from holdfast.contracts import MalformedJson

_PIECE: Final = re.compile(
    r"""
      (?P<blank> [ \t\r\n\ufeff]+ | //[^\r\n]* | /\*[\s\S]*?\*/ )
    | (?P<comma> , )
    | (?P<close> [\]}] )
    | (?P<rest> "(?:[^"\\\r\n]|\\.)*" | [^\s",/\]}]+ )
    """,
    re.VERBOSE,
)
_NO_VALUE: Final = frozenset("[{,:")
"""After these a comma follows no value, and is left for the parser to refuse."""


def without_comments(text: str) -> str:
    """*text* with comments, and commas before a closing bracket, blanked out. Linear in its length.

    Raises: MalformedJson at a comment or string without an end, or a character that no JSON has.
    """
    written: list[str] = []
    comma, before, place = -1, "[", 0
    while place < len(text):
        piece = _PIECE.match(text, place)
        if piece is None:
            raise MalformedJson(f"not valid JSON at character {place}")
        place, said = piece.end(), piece.group()
        match piece.lastgroup:
            case "blank":
                said = re.sub(r"[^\r\n]", " ", said)
            case "comma" if before not in _NO_VALUE:
                comma, before = len(written), ","
            case "close" if comma >= 0:
                written[comma] = " "
                comma, before = -1, said
            case _:
                comma, before = -1, said[-1]
        written.append(said)
    return "".join(written)
