"""Cleans HTML once with nh3; the only file that calls it. It never sees text that may be something else.

nh3 takes no node out for what its attributes say, so it works twice: the first pass writes a tree whose hiding
attributes are still there, what hides is cut from that by its tags, which now all match, and the second pass takes the
attributes away. It cannot be stopped while it parses, so what formatting might be copied to is counted before.
"""

import html
import re
from typing import Final

import nh3

from .limits import MAX_NESTING, Costly, Room, TooMuch
from .rules import ATTRIBUTES, DROPPED, HIDING, KEPT, MAX_ALT, SCHEMES, hidden_names, is_hidden, safe_href

_START: Final = re.compile(r"<[a-zA-Z]")
_FORMATTING: Final = re.compile(r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE)
"""Elements that are opened again in every block that follows, until they are closed."""
_WRITTEN: Final = re.compile(r"<(/?)([a-z0-9]+)((?: [^\s=<>\"]+=\"[^\"]*\")*+)>")
_WRITTEN_ATTRIBUTE: Final = re.compile(r" ([^\s=<>\"]+)=\"([^\"]*)\"")
_ACTIVE: Final = re.compile(rf"<(?:{'|'.join(sorted(DROPPED))})(?=[\s/>])|[\s\"'/]on[a-z]+\s*=", re.IGNORECASE)
_ALT: Final = re.compile(r"<img\s[^>]{0,2000}?\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
_VOID: Final = frozenset({"br", "hr", "col"})
_LAST: Final = {tag: set(names) for tag, names in ATTRIBUTES.items()}
_FIRST: Final = _LAST | {"*": set(HIDING)}


def clean_once(text: str, room: Room, found: set[str]) -> str:
    """Parse and write *text*; *found* learns what was taken out.

    Raises: TooMuch, Costly.
    """
    starts = len(_START.findall(text))
    if starts > room.elements:
        raise TooMuch
    if starts * len(_FORMATTING.findall(text)) > room.copies:
        raise Costly
    if _ACTIVE.search(text):
        found.add("sanitizer/html-active")
    if any(len(alt[1] or alt[2] or "") > MAX_ALT for alt in _ALT.finditer(text)):
        found.add("sanitizer/html-hidden")
    shown = _without_hidden(_written(text, _FIRST, found), hidden_names(text), found)
    return _written(shown, _LAST, found)


def _written(text: str, attributes: dict[str, set[str]], found: set[str]) -> str:
    def kept(_tag: str, name: str, value: str) -> str | None:
        if name == "href" and not safe_href(value):
            found.add("sanitizer/html-active")
            return None
        return value

    return nh3.clean(
        text,
        tags=set(KEPT),
        clean_content_tags=set(DROPPED),
        attributes=attributes,
        attribute_filter=kept,
        strip_comments=True,
        link_rel=None,
        url_schemes=set(SCHEMES),
    )


def _without_hidden(text: str, names: frozenset[str], found: set[str]) -> str:
    """*text*, as nh3 wrote it, without elements that do not show. Raises: TooMuch when it nests too deep."""
    pieces: list[str] = []
    at = depth = hidden_from = 0
    for tag in _WRITTEN.finditer(text):
        if tag[2] not in _VOID:
            depth += -1 if tag[1] else 1
        if depth > MAX_NESTING:
            raise TooMuch
        if hidden_from:
            if depth < hidden_from:
                at, hidden_from = tag.end(), 0
        elif not tag[1] and (tag[3] or names) and is_hidden(tag[2], _attributes(tag[3]), names):
            found.add("sanitizer/html-hidden")
            pieces.append(text[at : tag.start()])
            at, hidden_from = tag.end(), 0 if tag[2] in _VOID else depth
    return "".join((*pieces, "" if hidden_from else text[at:]))


def _attributes(written: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _WRITTEN_ATTRIBUTE.findall(written)}
