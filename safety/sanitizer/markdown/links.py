"""Takes the way out of links and images that lead outside: they become text that names where. It judges no words.

Of Markdown: images, inline links, reference definitions, autolinks, and elements that load; of a terminal: its links.
What stays is the label and, in a code span, host and path without a scheme, so that nothing is fetched or followed by
itself. Images and definitions, which a reader may load unasked, lose their query; links keep it. Addresses written out
in plain sight stay.

In text that nobody declared, links of source code, configuration and logs stay; images go there too, because whoever
renders a text renders what it quotes. JSON stays as it is.
"""

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from ..drafts import MAX_EDITS, Edit
from .hosts import LOOKED_AT, Listed, leads_outside
from .regions import Regions, code_regions, is_data, is_source

IMAGE: Final = "sanitizer/outside-image"
LINK: Final = "sanitizer/outside-link"
_WHAT: Final = {IMAGE: "image left out", LINK: "link"}


class Reading(Enum):
    """How a text is going to be read."""

    MARKDOWN = auto()
    """Declared as such."""
    UNDECLARED = auto()
    """Plain text: it may be rendered, or be source code."""
    MARKUP = auto()
    """HTML, already cleaned of what loads; a host may render Markdown in its text all the same."""


_DESTINATION: Final = re.compile(
    r"\]\((?:[ \t]*+\n?[ \t>]*+)(?=[<&/\\\x00-\x1f\x7f-\U0010ffff]|[a-zA-Z][a-zA-Z0-9+.-]{0,31}[:&\\])"
)
_DEFINITION: Final = re.compile(r"\]:(?:[ \t]*+\n?[ \t>]*+)(?=\S)")
_LINE_OPENS: Final = re.compile(r"^[ \t>*+\-0-9.)]*+\[", re.MULTILINE)
_LABEL: Final = 1_100
"""Characters from the start of a definition's line to its colon: a label has 999 at most."""
_AUTOLINK: Final = re.compile(r"<([a-zA-Z][a-zA-Z0-9+.-]{1,31}:[^\s<>]{1,4096}+)>")
_LOADING: Final = re.compile(
    r"<(?:img|image|video|audio|source|iframe|frame|embed|object|link|input|track)(?=[\s/])([^<>]{0,4096}+)>",
    re.IGNORECASE,
)
_ADDRESS: Final = re.compile(r"(?:[a-zA-Z][a-zA-Z0-9+.-]{0,31}:|(?<=[\s\"'=,]))[/\\]{2}[^\s\"'<>]{1,512}")
_WITHIN: Final = rf"[^\s\x00-\x1f()\\]{{1,{LOOKED_AT}}}+|\\."
_BEGINNING: Final = re.compile(rf"(?:{_WITHIN}|\((?:{_WITHIN}){{0,16}}+\)){{0,16}}+[(\\]?")
"""Of a destination in parentheses. Where they nest deeper it ends with one, which no listed host has."""
_ANGLED: Final = re.compile(r"<(?:\\.|[^\n<>\\]){0,4096}+>")
_WORD: Final = re.compile(r"[^\s\x00-\x1f]{0,4096}+")
_BRACKET: Final = re.compile(r"\\.|[\[\]]")
_PARAGRAPH_ENDS: Final = re.compile(r"\n[ \t>]*\n")
_LONGEST_ALT: Final = 1_500
_TERMINAL: Final = re.compile(
    r"(?:\x1b\]|\x9d)8;[^;\x07\x1b\x9c\n]{0,256};([^\x07\x1b\x80-\x9f\n]{1,4096}+)(?:\x07|\x1b\\|\x9c)"
)
_REST: Final = re.compile(r"\](?=[(:])|<(?=[a-zA-Z][a-zA-Z0-9+.-]*+[:\s/])")


class _Page:
    """A text, and what of it is neither code nor, if nobody declared it, source or data. Looked at when first asked."""

    def __init__(self, text: str, listed: Listed, reading: Reading) -> None:
        self.text = text
        self.listed = listed
        self.reading = reading
        self._regions: Regions | None = None
        self._source = self._data = False

    def stays(self, position: int, rule: str) -> bool:
        """Whether what is at *position* is left alone, though it leads outside."""
        if self.reading is Reading.MARKUP:
            return rule == LINK
        if self._regions is None:
            self._regions = code_regions(self.text)
            if self.reading is Reading.UNDECLARED:
                self._data = is_data(self.text)
                self._source = not self._data and is_source(self.text)
        return self._data or (self._source and rule == LINK) or self._regions.hold(position)


def outside(text: str, listed: Listed, reading: Reading) -> Iterator[Edit]:
    """Edits that leave of each image and link to a host that is not *listed* its label and where it led."""
    page = _Page(text, listed, reading)
    done = 0
    for count, edit in enumerate(sorted(_all(page), key=lambda edit: (edit.start, edit.end))):
        if count >= MAX_EDITS:
            yield Edit(start=done, end=len(text), to=_REST.sub(r"\g<0> ", text[done:]), rule=edit.rule)
            return
        if edit.start >= done:
            done = edit.end
            yield edit


def terminal_links(text: str, listed: Listed) -> Iterator[Edit]:
    """Edits that put in place of a terminal's link outside where it led; the label it stood on stays."""
    for count, found in enumerate(_TERMINAL.finditer(text)):
        target = leads_outside(found[1], listed)
        if target is not None and count < MAX_EDITS:
            named = f"({_WHAT[LINK]}: {target.shown(query=False)}) "
            yield Edit(start=found.start(), end=found.end(), to=named, rule=LINK)


def _all(page: _Page) -> Iterator[Edit]:
    if "](" in page.text:
        yield from _inline(page)
    if "]:" in page.text:
        yield from _definitions(page)
    if "<" in page.text and page.reading is not Reading.MARKUP:
        yield from _autolinks(page)
        yield from _elements(page)


def _inline(page: _Page) -> Iterator[Edit]:
    text, at = page.text, 0
    while (found := _DESTINATION.search(text, at)) is not None:
        start, at = found.end(), found.start() + 2
        angled = _ANGLED.match(text, start)
        beginning = angled or _BEGINNING.match(text, start)
        if beginning is None or leads_outside(_bare(beginning[0]), page.listed) is None:
            continue
        rule = IMAGE if _may_be_image(text, found.start()) else LINK
        if page.stays(found.start(), rule):
            continue
        at = angled.end() if angled else _closing(text, start)
        target = leads_outside(_bare(text[start:at]), page.listed)
        named = target.shown(query=rule == LINK) if target else "`...`"
        yield Edit(start=found.start(), end=at, to=f"] ({_WHAT[rule]}: {named}", rule=rule)


def _definitions(page: _Page) -> Iterator[Edit]:
    text = page.text
    opens = [found.start() for found in _LINE_OPENS.finditer(text)]
    rule = IMAGE if "![" in text else LINK
    for found in _DEFINITION.finditer(text):
        before = bisect_left(opens, found.start()) - 1
        if before < 0 or found.start() - opens[before] > _LABEL:
            continue
        written = _ANGLED.match(text, found.end()) or _WORD.match(text, found.end())
        target = leads_outside(_bare(written[0]), page.listed) if written else None
        if written is not None and target is not None and not page.stays(found.start(), rule):
            named = f"] ({_WHAT[LINK]}: {target.shown(query=False)})"
            yield Edit(start=found.start(), end=written.end(), to=named, rule=rule)


def _autolinks(page: _Page) -> Iterator[Edit]:
    for found in _AUTOLINK.finditer(page.text):
        target = leads_outside(found[1], page.listed)
        if target is not None and not page.stays(found.start(), LINK):
            yield Edit(start=found.start(), end=found.end(), to=target.shown(query=True), rule=LINK)


def _elements(page: _Page) -> Iterator[Edit]:
    for found in _LOADING.finditer(page.text):
        addresses = _ADDRESS.findall(html.unescape(found[1]))
        target = next(filter(None, (leads_outside(one, page.listed) for one in addresses)), None)
        if target is not None and not page.stays(found.start(), IMAGE):
            named = f"({_WHAT[IMAGE]}: {target.shown(query=False)})"
            yield Edit(start=found.start(), end=found.end(), to=named, rule=IMAGE)


def _bare(destination: str) -> str:
    return destination.removeprefix("<").removesuffix(">")


def _closing(text: str, start: int) -> int:
    """Where the destination that begins at *start* ends: at the parenthesis that closes it, or at a space."""
    bare = _WORD.match(text, start)
    depth, end = 0, bare.end() if bare else start
    for index in range(start, end):
        depth += (text[index] == "(") - (text[index] == ")")
        if depth < 0 and text[index - 1] != "\\":
            return index
    return end


def _may_be_image(text: str, closing: int) -> bool:
    """Whether the bracket at *closing* may end the description of an image; no only where that is certain."""
    first = max(0, closing - _LONGEST_ALT)
    opening = text.rfind("![", first, closing)
    if opening < 0:
        return first > 0 and _PARAGRAPH_ENDS.search(text, first, closing) is None
    described = text[opening + 2 : closing]
    depth = 0
    for bracket in _BRACKET.finditer(described):
        depth += (bracket[0] == "[") - (bracket[0] == "]")
        if depth < 0:  # it ended before, unless that bracket is code or within an element
            return any(mark in described[: bracket.start()] for mark in "`<")
    return True
