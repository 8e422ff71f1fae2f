"""Notes text dressed up to be read by a model and passed over by a person; it only annotates, the text stays.

Letters in fullwidth, mathematical or mixed alphabets, ASCII spelled in character references, and markup whose text does
not show (comments with sentences, invisible styles, image descriptions), where the text is not treated as HTML. It goes
by structure only: what the words say is for the judges.
"""

import re
from collections.abc import Iterator
from typing import Final

from holdfast.contracts import Action

from . import html
from .drafts import Span

_ENOUGH_LETTERS: Final = 12
_ENOUGH_SEAMS: Final = 6
"""Places where a Latin and a Cyrillic letter touch: three words of mixed letters have as many."""

_FULLWIDTH: Final = re.compile("[\uff21-\uff3a\uff41-\uff5a]+")
_MATHEMATICAL: Final = re.compile("[\U0001d400-\U0001d6a3]{3,}")
_DRESSED: Final = re.compile("[\uff21-\uff5a\U0001d400-\U0001d6a3]")
_CYRILLIC: Final = re.compile("[\u0400-\u052f]")
_EAST_ASIAN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_MIXED_LETTERS: Final = re.compile("[A-Za-z][\u0400-\u052f]|[\u0400-\u052f][A-Za-z]")
_REFERENCES: Final = re.compile(r"(?:&#(?:0*(?:3[2-9]|[4-9]\d|1[01]\d|12[0-6])|[xX]0*[2-7][0-9a-fA-F]);){8,}")
_STYLED: Final = re.compile(
    r"<[a-zA-Z][a-zA-Z0-9]*\s[^<>]{0,400}?\bstyle\s*=\s*(?:\"([^\"<>]{0,400})\"|'([^'<>]{0,400})')"
)
_HIDDEN_ATTRIBUTE: Final = re.compile(
    r"<(?:div|span|p|section)\s(?:[^<>\"']{0,200}\s)?hidden(?:\s*=\s*\"[^\"<>]{0,20}\")?\s*>"
)
_COMMENT: Final = re.compile(r"<!--([^<>]{40,2000}?)-->")
_MARKDOWN_COMMENT: Final = re.compile(r"^ {0,3}\[(?://|comment|#)\]: *(?:#|<>) *[(\"']([^\n]{30,2000})", re.MULTILINE)
_LONG_ALT: Final = re.compile(
    r"<img\s[^<>]{0,400}?\balt\s*=\s*(?:\"([^\"<>]{61,2000})\"|'([^'<>]{61,2000})')", re.IGNORECASE
)
_WAITS: Final = (
    r"\?[^\s)>{$]{0,300}?(?:[{$]|%7[bB]"
    r"|=(?:[A-Z]{2,}_[A-Z_]{2,}|DATA|SECRETS?|CONTENTS?|CONTEXT|HISTORY|PROMPT|TEXT)(?![a-z0-9]))"
)
_TEMPLATED_IMAGE: Final = re.compile(r"!\[[^\]\n]{0,200}\]\(\s*<?https?://[^\s)>?]{1,300}" + _WAITS)
_TEMPLATED_DEFINITION: Final = re.compile(
    r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*<?https?://[^\s)>?]{1,300}" + _WAITS, re.MULTILINE
)
"""An image whose address, here or in a definition, waits for the reader's data: it ends in a blank to be filled in."""
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_SENTENCE: Final = 6
"""Words that make an unseen remark a sentence; fewer are a label or a directive for a tool."""

Note = tuple[int, int, str]


def annotations(text: str) -> Iterator[Note]:
    """Start, end and rule of what looks disguised in *text*."""
    if not text.isascii():
        yield from _lettering(text)
    if "&#" in text:
        for found in _REFERENCES.finditer(text):
            yield found.start(), found.end(), "sanitizer/disguised-text"
    if "<" in text:
        yield from _markup(text)
    yield from _remarks(text)


def _remarks(text: str) -> Iterator[Note]:
    """Sentences in places that do not show, and images that wait for data."""
    for cue, pattern in (("<!--", _COMMENT), ("]:", _MARKDOWN_COMMENT), ("alt", _LONG_ALT)):
        if cue not in text:
            continue
        for found in pattern.finditer(text):
            if len(_WORD.findall(found[found.lastindex or 0])) >= _SENTENCE:
                yield found.start(), found.end(), "sanitizer/hidden-markup"
    if "![" not in text:
        return
    for cue, pattern in (("](", _TEMPLATED_IMAGE), ("]:", _TEMPLATED_DEFINITION)):
        if cue in text:
            for found in pattern.finditer(text):
                yield found.start(), found.end(), "sanitizer/hidden-markup"


def span(start: int, end: int, rule: str) -> Span:
    """A span that is annotated and left in place."""
    return Span(start=start, end=end, rule=rule, action=Action.ANNOTATE)


def _lettering(text: str) -> Iterator[Note]:
    dressed = (_FULLWIDTH, _MATHEMATICAL) if _DRESSED.search(text) is not None else ()
    for letters in dressed:
        found = [match.span() for match in letters.finditer(text)]
        total = sum(end - start for start, end in found)
        if total >= _ENOUGH_LETTERS and total > len(_EAST_ASIAN.findall(text)):
            yield found[0][0], found[-1][1], "sanitizer/disguised-text"
    if _CYRILLIC.search(text) is not None:
        mixed = [match.span() for match in _MIXED_LETTERS.finditer(text)]
        if len(mixed) >= _ENOUGH_SEAMS:
            yield mixed[0][0], mixed[-1][1], "sanitizer/disguised-text"


def _markup(text: str) -> Iterator[Note]:
    if "style" in text:
        for found in _STYLED.finditer(text):
            if html.hides(found[1] or found[2] or ""):
                yield found.start(), found.end(), "sanitizer/hidden-markup"
    if "hidden" in text:
        for found in _HIDDEN_ATTRIBUTE.finditer(text):
            yield found.start(), found.end(), "sanitizer/hidden-markup"
