"""Finds what is encoded in a buffer and decodes to readable text: one level at a time, in linear time and a budget."""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final

from .escapes import ESCAPED, QUOTED, escaped, quoted
from .runs import Allowance, Run, Unread
from .words import CODED, HEXED, PACKED, PAIRED, WORD, base64_words, hex_words, packed_words, wide_words

LAYERS: Final = 2
"""How deep encodings are undone, one inside the other."""


class Sign(Enum):
    """What shows that an encoding may be there."""

    WORD = "word"
    HEXED = "hexed"
    PACKED = "packed"
    ESCAPED = "escaped"
    QUOTED = "quoted"
    MIRRORED = "mirrored"


SIGNS: Final = {
    Sign.WORD: WORD,
    Sign.HEXED: HEXED,
    Sign.PACKED: PACKED,
    Sign.ESCAPED: ESCAPED,
    Sign.QUOTED: QUOTED,
}
"""What the database looks for before anything is decoded. The sign of `MIRRORED` depends on the rules."""

CLOSER: Final = {Sign.WORD: CODED, Sign.HEXED: PAIRED}
"""What is looked for besides, where one of these signs was seen: most long words are names and digests."""

_READERS: Final[dict[Sign, tuple[Callable[[bytes, Allowance], Iterator[Run | Unread]], ...]]] = {
    Sign.WORD: (base64_words, wide_words),
    Sign.HEXED: (hex_words,),
    Sign.PACKED: (packed_words,),
    Sign.ESCAPED: (escaped,),
    Sign.QUOTED: (quoted,),
    Sign.MIRRORED: (),
}


def decode(data: bytes, signs: frozenset[Sign], allowance: Allowance) -> Iterator[Run | Unread]:
    """Every stretch of *data* that reads as text once decoded, of the encodings that *signs* point to.

    What is written backwards is not among them: `mirrored.Mirror` reads it, and knows the rules.
    What *allowance* has no room for is answered as unread, never left out.
    """
    for sign in Sign:
        if sign in signs:
            for read in _READERS[sign]:
                yield from read(data, allowance)
