"""Which characters hide, and which company excuses them; facts of Unicode, in ranges. It judges no text."""

import re
import unicodedata
from typing import Final

BIDI_OPENERS: Final = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
BIDI_CLOSERS: Final = "\u202c\u2069"
BIDI_CONTROLS: Final = BIDI_OPENERS + BIDI_CLOSERS
BIDI_MARKS: Final = "\u200e\u200f\u061c"

SPACERS: Final = "\u200b\u2060\ufeff"
"""Zero-width space, word joiner, zero-width no-break space (or byte order mark)."""
JOINERS: Final = "\u200c\u200d"
MATH_OPERATORS: Final = "\u2061\u2062\u2063\u2064"
SOFT_HYPHEN: Final = "\u00ad"
GRAPHEME_JOINER: Final = "\u034f"

HIDERS: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Body of a character class: all default-ignorable characters of Unicode, and the format characters of old scripts."""

FLAG: Final = "\U0001f3f4"
FLAG_TAGS: Final = frozenset(
    "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls", "gbnir")
)
"""The subdivision flags that fonts draw. Others could spell messages five letters at a time."""

_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1700-\u18af\u1900-\u1cff\ua800-\ua8ff\ua980-\ua9df\uaa00-\uaaff"
    "\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00010fff\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
_SPACED = (
    "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u024f\u0250-\u02af\u0370-\u058f\u0590-\u06ff\u10a0-\u10ff\u1c80-\u1cbf\u1d00-\u1fff"
    "\u2c60-\u2c7f\u2d00-\u2d2f\ua640-\ua69f\ua720-\ua7ff\uab30-\uab6f\ufb00-\ufdff\ufe70-\ufefc\uff21-\uff3a\uff41-\uff5a"
    "\U0001d400-\U0001d7ff"
)
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
_RIGHT_TO_LEFT = "\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"

_joining = re.compile(f"[{_JOINING}]")
_spaced = re.compile(f"[{_SPACED}]")
_emoji = re.compile(f"[{_EMOJI}]")
right_to_left = re.compile(f"[{_RIGHT_TO_LEFT}]")
_ideograph = re.compile("[\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

_HOMES: Final = (
    ("\u115f\u1160", re.compile("[\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff]")),
    ("\u3164\uffa0", re.compile("[\u3130-\u318f\uffa1-\uffdc]")),
    ("\u17b4\u17b5", re.compile("[\u1780-\u17ff]")),
    ("\u180b\u180c\u180d\u180e\u180f", re.compile("[\u1800-\u18af]")),
    ("".join(map(chr, range(0x13430, 0x13440))), re.compile("[\U00013000-\U0001342f]")),
    ("\U0001bca0\U0001bca1\U0001bca2\U0001bca3", re.compile("[\U0001bc00-\U0001bc9f]")),
    ("".join(map(chr, range(0x1D173, 0x1D17B))), re.compile("[\U0001d100-\U0001d1ff]")),
)
"""Characters that belong to one script, and its block."""


def joins(char: str) -> bool:
    """Whether *char* is of a script that joiners shape: Arabic, the Indic scripts and their neighbours."""
    return _joining.match(char) is not None


def in_word(left: str, right: str) -> bool:
    """Whether both are letters of a script that writes spaces between words, so nothing belongs between them."""
    return _in_spaced_script(left) and _in_spaced_script(right)


def _in_spaced_script(char: str) -> bool:
    return char.isdecimal() or (_spaced.match(char) is not None and char.isalpha())


def is_mark(char: str) -> bool:
    """Whether *char* combines with the letter before it."""
    return bool(char) and unicodedata.combining(char) > 0


def is_emoji(char: str) -> bool:
    """Whether *char* may take part in an emoji sequence."""
    return _emoji.match(char) is not None


def takes_selector(selector: str, char: str) -> bool:
    """Whether Unicode may define a variation of *char* by *selector*."""
    if selector >= "\U000e0100":
        return _ideograph.match(char) is not None
    if selector >= "\ufe0e":
        return (
            is_emoji(char) or char in "0123456789#*" or (not char.isascii() and unicodedata.category(char)[0] in "SP")
        )
    if char == "0":
        return selector == "\ufe00"  # with a stroke
    return not char.isascii() and _spaced.match(char) is None and unicodedata.category(char)[:1] in "SL"


def at_home(char: str, left: str, right: str) -> bool:
    """Whether *char* belongs to one script only and stands next to it."""
    for members, block in _HOMES:
        if char in members:
            return block.match(left) is not None or block.match(right) is not None
    return False
