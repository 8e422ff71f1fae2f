"""Cleans one text: terminal sequences, then hidden channels, then HTML where it is HTML; it never normalises output.

Clean ASCII costs one pass over its bytes. What is found is told in positions of the original text.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from . import disguise, hidden, html, terminal
from .drafts import Draft, Span
from .html import Cleaner
from .markdown import Listed, Reading, outside, terminal_links

_MAX_ROUNDS: Final = 8
"""Normalising can join letters around what was removed, and so on; each round only shortens, and two are usual."""


_MARKUP_CUES: Final = ("<", "&#", "]:", "![")
"""Without one of them, plain ASCII can be no HTML and no disguise."""
_READINGS: Final = {
    "text/markdown": Reading.MARKDOWN,
    "text/x-markdown": Reading.MARKDOWN,
    "text/plain": Reading.UNDECLARED,
}
"""What may be rendered as Markdown. Text declared as something else is read as that."""
_ASCII_CONTROLS: Final = bytes({*range(0x20), 0x7F} - {0x09, 0x0A})
_SUSPECT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U00010000-\U0010ffff]"
)
"""What makes a closer look worth its time: controls, invisible characters, and all of the planes where some hide."""


def is_suspect(text: str) -> bool:
    """Whether *text* may hold anything to remove. Nearly free for ASCII, 100 MB/s or more for other text."""
    if text.isascii():
        if text.isprintable():
            return False
        data = text.encode("ascii")
        return len(data.translate(None, _ASCII_CONTROLS)) != len(data)
    return _SUSPECT.search(text) is not None


def _has_markup_cue(text: str, means: "Means") -> bool:
    """Whether one of the cues is there; its first character is looked for first, which is ten times as quick."""
    if any(cue[0] in text and cue in text for cue in _MARKUP_CUES):
        return True
    return means.listed is not None and "](" in text


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What cleaning goes by, as an operator configured it."""

    listed: Listed | None = None
    """Hosts that links and images may lead to; None: all of them."""
    html: Cleaner


def clean_text(text: str, media_type: str, means: Means) -> tuple[str, list[Span]]:
    """Clean *text*, of the bare *media_type*; HTML rules apply to HTML types and whole HTML documents only."""
    if text.isascii() and not _has_markup_cue(text, means) and not is_suspect(text):
        return text, []
    draft = Draft(text)
    if means.listed is not None and ("\x1b]8;" in text or "\x9d8;" in text):
        draft.apply(terminal_links(text, means.listed))
    _clean_channels(draft)
    if html.is_html(draft.text, media_type):
        return _clean_html(text, draft, means)
    _neutralise(draft, means, _READINGS.get(media_type))
    spans = draft.spans
    for start, end, rule in disguise.annotations(draft.text):
        spans.append(disguise.span(draft.original(start), draft.original_end(end), rule))
    return draft.text, spans


def _clean_html(text: str, draft: Draft, means: Means) -> tuple[str, list[Span]]:
    cleaned = means.html.clean(draft.text)
    spans = [*draft.spans, *(Span(start=0, end=len(text), rule=rule) for rule in cleaned.rules)]
    again = Draft(cleaned.text)
    _clean_channels(again)  # taking markup out can join the halves of a word around an invisible character
    _neutralise(again, means, Reading.MARKUP)
    spans += [Span(start=0, end=len(text), rule=rule) for rule in sorted({span.rule for span in again.spans})]
    notes = sorted({rule for _, _, rule in disguise.annotations(again.text)})
    return again.text, [*spans, *(disguise.span(0, len(text), rule) for rule in notes)]


def _neutralise(draft: Draft, means: Means, reading: Reading | None) -> None:
    """Take the way out of links that lead outside; what is left of a line can read differently, so until none is."""
    if means.listed is None or reading is None:
        return
    for _ in range(_MAX_ROUNDS):
        before = draft.text
        draft.apply(outside(before, means.listed, reading))
        if draft.text == before:
            return


def clean_argument(text: str) -> tuple[str, list[Span]]:
    """Clean *text* and bring it to Unicode's composed normal form (NFC), so that equal texts are equal."""
    if text.isascii() and not is_suspect(text):
        return text, []
    draft = Draft(text)
    _clean_channels(draft)
    spans, current = draft.spans, draft.text
    for _ in range(_MAX_ROUNDS):
        if current.isascii() or unicodedata.is_normalized("NFC", current):
            break
        if not any(span.rule == "sanitizer/not-normal" for span in spans):
            spans.append(Span(start=0, end=len(text), rule="sanitizer/not-normal"))
        draft = Draft(unicodedata.normalize("NFC", current))
        _clean_channels(draft)
        current = draft.text
    return current, spans


def _clean_channels(draft: Draft) -> None:
    if not is_suspect(draft.text):
        return
    draft.apply(terminal.overstrikes(draft.text))
    draft.apply(terminal.sequences(draft.text))
    if not draft.text.isascii():
        draft.apply(hidden.hidden(draft.text))
        draft.apply(hidden.split_by_hyphens(draft.text))
