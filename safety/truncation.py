"""Cuts clean text to a size and says how much is missing; it never cuts inside a character, and never scans."""

import unicodedata

MAX_STEP_BACK = 32
"""Characters a cut may move left to keep one visible character whole; hostile text has longer ones, which are cut."""

_ZERO_WIDTH_JOINER = "\u200d"
_REGIONAL_FIRST, _REGIONAL_LAST = "\U0001f1e6", "\U0001f1ff"
_MODIFIER_FIRST, _MODIFIER_LAST = "\U0001f3fb", "\U0001f3ff"
_TOP_TWO_BITS, _CONTINUATION = 0xC0, 0x80
_CONTINUES = frozenset({"Mn", "Mc", "Me", "Cf"})


def truncate(text: str, *, limit_bytes: int) -> tuple[str, int]:
    """Cut *text* to at most *limit_bytes* of UTF-8 and answer it with the number of bytes left out.

    A combining mark stays with its letter, an emoji sequence and a CR LF pair stay whole, within `MAX_STEP_BACK`.
    Does not look for secrets: scan the whole text first, or a secret across the cut survives in part.
    """
    if len(text) * 4 <= limit_bytes:
        return text, 0
    data = text.encode("utf-8", "surrogatepass")
    if len(data) <= limit_bytes:
        return text, 0
    end = max(0, limit_bytes)
    while end and data[end] & _TOP_TWO_BITS == _CONTINUATION:
        end -= 1
    kept = data[:end].decode("utf-8", "surrogatepass")
    kept = text[: _border(text, len(kept))]
    return kept, len(data) - len(kept.encode("utf-8", "surrogatepass"))


def note(missing: int, call_id: str) -> str:
    """The sentence that tells a model what a cut left out and how to read it."""
    unit = "byte" if missing == 1 else "bytes"
    return f'[{missing} {unit} of this output left out; call output_read with {{"call_id": "{call_id}"}} to read them]'


def _border(text: str, end: int) -> int:
    for index in range(end, max(0, end - MAX_STEP_BACK), -1):
        if not _joined(text, index):
            return index
    return end


def _joined(text: str, index: int) -> bool:
    """Whether the characters before and after *index* belong together."""
    before, after = text[index - 1], text[index]
    if before == "\r" and after == "\n":
        return True
    if after.isascii():
        return False
    if before == _ZERO_WIDTH_JOINER or unicodedata.category(after) in _CONTINUES:
        return True
    if _MODIFIER_FIRST <= after <= _MODIFIER_LAST:
        return True
    return _regional(after) and _regionals_before(text, index) % 2 == 1


def _regional(char: str) -> bool:
    return _REGIONAL_FIRST <= char <= _REGIONAL_LAST


def _regionals_before(text: str, index: int) -> int:
    count = 0
    while count < MAX_STEP_BACK and index - count > 0 and _regional(text[index - count - 1]):
        count += 1
    return count
