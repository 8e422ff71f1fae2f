"""Cleans HTML until nothing changes, within limits; what is over them loses its angle brackets, and nothing else.

1. Over 64 KB the work is done elsewhere, where it can be stopped. Over 1 MB, over a nesting, element or attribute
   limit, or stopped: every angle bracket is escaped, which is linear and inert, and a finding says so.
2. Elements that run, load, embed or style go with their content; so do comments and nodes that do not show.
3. Other elements outside the list go, their text stays. Attributes outside the list go.
4. `href` keeps http, https, mailto and references without a scheme; judged after every entity and control is resolved,
   because bleach takes `javascript:123` for a host and a port.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from holdfast.contracts import OperatorError

from .limits import Costly, Room, TooMuch, check_size

MAX_BYTES: Final = 65_536
"""Longer HTML is cleaned elsewhere."""
LARGEST_BYTES: Final = 1 << 20
"""Longer HTML is escaped."""
SMALL: Final = Room(bytes=MAX_BYTES, elements=8_000, copies=400_000)
LARGE: Final = Room(bytes=LARGEST_BYTES, elements=60_000, copies=1 << 40)
"""Where it can be stopped, time and memory are the limit."""

MAX_ROUNDS: Final = 4
"""Two are usual: one that cleans, and one that finds it clean."""

HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_DOCUMENT: Final = re.compile(
    r"\ufeff?\s*+(?:<\?xml[^<>?]*+\?>\s*+)?(?:<!--(?:[^-]|-(?!->))*+-->\s*+)*+<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE,
)
_SCRIPT: Final = re.compile(r"(?:java|vb|live)script\s*(?::|&)", re.IGNORECASE)
"""Schemes that run: the libraries take such addresses out before our filters see them."""

CleanOnce: TypeAlias = Callable[[str, Room, set[str]], str]
"""Parse and write a text once, within a room; adds to a set what it took out. Raises: TooMuch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What became of a text."""

    text: str
    rules: tuple[str, ...]
    """What was found, in the order of the list above."""


Elsewhere: TypeAlias = Callable[[str], Cleaned | None]
"""Cleans a long text where that can be stopped; None when it was, or when there is no such place."""


def cleaner_named(library: str) -> CleanOnce:
    """The function that cleans with *library*.

    Raises: OperatorError when it is not installed.
    """
    try:
        match library:
            case "bleach":
                from .with_bleach import clean_once  # noqa: PLC0415 -- the one that is not configured is not loaded
            case "nh3":
                from .with_nh3 import clean_once  # noqa: PLC0415 -- as above
            case _:
                raise OperatorError(f"there is no `html_cleaner` called `{library}`", remedy="`bleach` or `nh3`")
    except ModuleNotFoundError:
        raise OperatorError(
            f"`html_cleaner` is `{library}`, which is not installed", remedy=f"`pip install {library}`"
        ) from None
    return clean_once


def is_html(text: str, media_type: str) -> bool:
    """Whether *text* is HTML: declared, or plain text that begins as a document does."""
    return media_type in HTML_TYPES or (media_type == "text/plain" and is_document(text))


def is_document(text: str) -> bool:
    """Whether *text* begins as an HTML document does; a fragment, a README or a template does not."""
    return _DOCUMENT.match(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaner:
    """Cleans here what is short, and elsewhere what is long."""

    once: CleanOnce
    elsewhere: Elsewhere | None = None

    def clean(self, text: str) -> Cleaned:
        """Clean *text* as HTML, or escape its angle brackets."""
        size = len(text.encode("utf-8", "surrogatepass"))
        if "<" not in text or size <= MAX_BYTES:
            try:
                return clean(text, self.once, SMALL)
            except Costly:
                pass
        if self.elsewhere is None or size > LARGEST_BYTES:
            return _inert(text, "sanitizer/html-too-large")
        return self.elsewhere(text) or _inert(text, "sanitizer/html-stopped")


def clean(text: str, once: CleanOnce, room: Room) -> Cleaned:
    """Clean *text* as HTML with *once*, or escape its angle brackets when it is over a limit of *room*.

    Cleans until nothing changes: what a parser makes of markup may parse differently when written out, which is how
    cleaned HTML has become active again elsewhere. Markup that is still changing after `MAX_ROUNDS` is escaped.

    Raises: Costly when it should rather be done where it can be stopped.
    """
    found: set[str] = set()
    if "<!-" in text:
        found.add("sanitizer/html-hidden")
    current = text
    for _ in range(MAX_ROUNDS):
        before = current
        if "<" not in before:
            break
        try:
            check_size(before, room)
            current = once(before, room, found)
        except Costly:
            raise
        except (TooMuch, RecursionError):
            return _inert(text, "sanitizer/html-too-large")
        if current == before:
            break
    else:
        return _inert(text, "sanitizer/html-too-large")
    if _SCRIPT.search(text) and current != text:
        found.add("sanitizer/html-active")
    if not found and current != text:
        found.add("sanitizer/html-cleaned")
    return Cleaned(text=current, rules=tuple(sorted(found)) if current != text else ())


def _inert(text: str, rule: str) -> Cleaned:
    """Without angle brackets there is no markup. Ampersands stay, so that doing it twice changes nothing more."""
    return Cleaned(text=text.replace("<", "&lt;").replace(">", "&gt;"), rules=(rule,))
