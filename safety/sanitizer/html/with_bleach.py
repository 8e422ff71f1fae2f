"""Cleans HTML once with bleach; the only file that calls it. It never sees text that may be something else."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bleach.sanitizer import Cleaner

from .limits import MAX_NESTING, Room, TooMuch
from .rules import ATTRIBUTES, DROPPED, HIDING, KEPT, MAX_ALT, SCHEMES, hidden_names, is_hidden, safe_href

_PLAIN_REFERENCE: Final = re.compile(r"&#(?:(\d{1,7})|[xX]([0-9a-fA-F]{1,6}));?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,:;!?()/_\-]")


def clean_once(text: str, room: Room, found: set[str]) -> str:
    """Parse and write *text* once; *found* learns what was taken out.

    Raises: TooMuch while it parses.
    """
    watch = _Watch(found, hidden_names(text))
    cleaner = Cleaner(
        tags=KEPT | DROPPED | {"img"},
        attributes=watch.may_be_read,
        protocols=SCHEMES,
        strip=True,
        strip_comments=True,
        filters=_loosely([watch.filter]),
        css_sanitizer=_loosely(_Styles()),
    )
    _limit(cleaner.parser.tree, room)
    return cleaner.clean(_PLAIN_REFERENCE.sub(_plainly, text))


def _loosely(part: Any) -> Any:
    """*part* without its type: bleach's stubs name classes where any callable, or any object with one method, does."""
    return part


class _Styles:
    """Hands style to our filter unchanged; the filter takes it away."""

    def sanitize_css(self, style: str) -> str:
        return style


class _Watch:
    """The filter over what bleach lets through, and what it met."""

    def __init__(self, found: set[str], hidden: frozenset[str]) -> None:
        self.found = found
        self.hidden = hidden

    def may_be_read(self, tag: str, name: str, _value: str) -> bool:
        """Answer bleach, before the filter sees the attributes; those that hide are let through for the filter only."""
        if name.startswith("on"):
            self.found.add("sanitizer/html-active")
        return name in HIDING or name in ATTRIBUTES.get(tag, ()) or (tag, name) == ("img", "alt")

    def filter(self, source: Any) -> Iterator[dict[str, Any]]:
        """Drop hidden and active nodes with their content, and attributes that are no longer needed."""
        inside = 0
        for token in source:
            kind = token["type"]
            if kind in ("StartTag", "EmptyTag") and token["name"] == "img":
                if len(token["data"].get((None, "alt"), "")) > MAX_ALT:
                    self.found.add("sanitizer/html-hidden")
                continue
            if inside:
                inside += (kind == "StartTag") - (kind == "EndTag")
                continue
            rule = self._dooms(token) if kind in ("StartTag", "EmptyTag") else None
            if rule is not None:
                self.found.add(rule)
                inside = 1 if kind == "StartTag" else 0
                continue
            if kind in ("StartTag", "EmptyTag"):
                token["data"] = self._kept_attributes(token)
            elif kind not in ("EndTag", "Characters", "SpaceCharacters", "Entity"):
                continue
            yield token

    def _dooms(self, token: Mapping[str, Any]) -> str | None:
        if token["name"] not in KEPT:
            return "sanitizer/html-active"
        attributes = {name: str(value) for (_, name), value in token["data"].items()}
        return "sanitizer/html-hidden" if is_hidden(token["name"], attributes, self.hidden) else None

    def _kept_attributes(self, token: Mapping[str, Any]) -> dict[Any, Any]:
        kept: dict[Any, Any] = {}
        for (namespace, name), value in token["data"].items():
            if name == "href" and not safe_href(value):
                self.found.add("sanitizer/html-active")
            elif name not in HIDING:
                kept[namespace, name] = value
        return kept


def _limit(tree: Any, room: Room) -> None:
    """Make the tree builder stop at the limits: it knows the nesting exactly, a scan of the text would guess."""
    create, made = tree.elementClass, 0

    def limited(*names: Any) -> Any:
        nonlocal made
        made += 1
        if made > room.elements or len(tree.openElements) > MAX_NESTING:
            raise TooMuch
        return create(*names)

    tree.elementClass = limited


def _plainly(found: re.Match[str]) -> str:
    """A character reference to an ordinary letter, digit or mark, as that character; any other as it stands."""
    point = int(found[1]) if found[1] else int(found[2], 16)
    char = chr(point) if point < 0x80 else ""  # noqa: PLR2004 -- ASCII
    return char if _PLAIN.fullmatch(char) else found[0]
