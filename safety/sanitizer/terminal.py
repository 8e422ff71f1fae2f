"""Finds what only a terminal would act on: controls, escape sequences, overwriting; it never touches visible text.

Kept: tab, line feed, and CR LF as it stands (files keep their line ends). A bare CR, form feed, vertical tab and NEL
become a line feed, so what would have been overwritten stays to be read. Everything else of C0 and C1 goes. A string
sequence (OSC, DCS, APC, PM, SOS) goes with its payload when it is ended, and only its opening goes when it is not.
Overstrike as man pages use it (`N BS N`, `_ BS N`) becomes the plain letter.

Colours, and erasing within a line that had no sentence to lose, go without being told: every build log and progress
line has them, and nothing was hidden. What was written in its background's colour, or erased as a sentence, is told.
"""

import re
from collections.abc import Iterator
from typing import Final

from .colours import Pen
from .drafts import MAX_EDITS, Edit

_SEQUENCE: Final = re.compile(
    r"(?P<string>(?:\x1b\]|\x9d)[^\x07\x1b\x80-\x9f\n]*+(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x80-\x9f]*+(?:\x1b\\|\x9c))"
    r"|(?P<csi>(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~])"
    r"|(?P<esc>\x1b[ -/]*+[0-~])"
    r"|(?P<line>\r(?!\n)|[\x0b\x0c\x85])"
    r"|(?P<control>[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffe\uffff\ufdd0-\ufdef])"
    r"|(?P<surrogate>[\ud800-\udfff])"
)
_OVERSTRIKE: Final = re.compile(r"_(?P<under>\x08)(?=[^\n\x08_])|(?P<letter>[^\n\x08])(?P<again>(?:\x08(?P=letter))++)")
_SUSPECT: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_COLOUR: Final = re.compile(r"(?:\x1b\[|\x9b)([0-9;:]*)m")
_WITHIN_A_LINE: Final = re.compile(r"(?:\x1b\[|\x9b)(?:[0-9]*[CDGK]|\?25[hl])")
"""Erasing in a line, moving in it, showing and hiding the cursor: what progress lines are made of."""
_LONGEST_LINE: Final = 400
"""Characters before a sequence that are looked through for what it erases."""
_WORD: Final = re.compile(r"[^\W\d_]{2,}")
_SENTENCE: Final = 6
"""Words that make what is overwritten a sentence; fewer are a label that gives way to its result."""


def overstrikes(text: str) -> Iterator[Edit]:
    """Edits that turn overstruck letters into plain ones."""
    if "\b" not in text:
        return
    for count, found in enumerate(_OVERSTRIKE.finditer(text)):
        if count >= MAX_EDITS:
            rest = _OVERSTRIKE.sub(lambda one: one["letter"] or "", text[found.start() :])
            yield Edit(start=found.start(), end=len(text), to=rest, rule="sanitizer/overstrike")
            return
        start = found.start() if found["under"] else found.start("again")
        yield Edit(start=start, end=found.end(), to="", rule="sanitizer/overstrike")


def sequences(text: str) -> Iterator[Edit]:
    """Edits that take controls and escape sequences out."""
    at = count = 0
    pen = Pen()
    while (suspect := _SUSPECT.search(text, at)) is not None:
        at = suspect.end()
        found = _SEQUENCE.match(text, suspect.start())
        if found is not None:
            at = found.end()
            rule = _rule(found, pen)
            count += 1
            if count > MAX_EDITS:
                rest = _SEQUENCE.sub(_what_stays, text[found.start() :])
                yield Edit(start=found.start(), end=len(text), to=rest, rule=rule or "sanitizer/terminal-control")
                return
            yield Edit(start=found.start(), end=at, to=_what_stays(found), rule=rule)


def _what_stays(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "line":
            return "\n"
        case "surrogate":
            return "\ufffd"
        case _:
            return ""


def _rule(found: re.Match[str], pen: Pen) -> str | None:
    match found.lastgroup:
        case "csi":
            return _control_sequence(found, pen)
        case "string":
            return "sanitizer/terminal-string"
        case "esc":
            return "sanitizer/terminal-control"
        case "line" if found[0] == "\r":
            return "sanitizer/carriage-return"
        case "surrogate":
            return "sanitizer/unpaired-surrogate"
        case _:
            return "sanitizer/control-character"


def _control_sequence(found: re.Match[str], pen: Pen) -> str | None:
    colour = _COLOUR.fullmatch(found[0])
    if colour is not None:
        return "sanitizer/terminal-conceal" if pen.hides_after(colour[1]) else None
    if _WITHIN_A_LINE.fullmatch(found[0]) and not _sentence_before(found.string, found.start()):
        return None
    return "sanitizer/terminal-control"


def _sentence_before(text: str, end: int) -> bool:
    start = max(text.rfind("\n", 0, end) + 1, end - _LONGEST_LINE)
    return len(_WORD.findall(text, start, end)) >= _SENTENCE
