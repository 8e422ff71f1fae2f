"""Cleans HTML, and nothing else: the one place that calls bleach. It never sees text that may be something else.

1. Over 64 KB, over a nesting, element or attribute limit: every angle bracket is escaped, which is linear and inert.
2. Elements that run, load, embed or style go with their content; so do comments and nodes that do not show.
3. Other elements outside the list go, their text stays. Attributes outside the list go.
4. `href` keeps http, https, mailto and references without a scheme; judged after every entity and control is resolved,
   because bleach takes `javascript:123` for a host and a port.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bleach.sanitizer import Cleaner

MAX_BYTES: Final = 65_536
MAX_NESTING: Final = 200
"""Open elements. html5lib walks all of them for many tags, so deep nesting is quadratic."""
MAX_ELEMENTS: Final = 8_000
"""Elements made. Unclosed formatting is copied into every block that follows, which multiplies."""
MAX_ATTRIBUTES: Final = 64
"""In one tag. html5lib compares each with all before it."""

MAX_ROUNDS: Final = 4
"""Two are usual: one that cleans, and one that finds it clean."""
MAX_ALT: Final = 60
"""Characters. Images go in any case, because fetching one tells its server; a longer description is hidden text."""

# fmt: off
KEPT: Final = frozenset({
    "a", "abbr", "article", "aside", "b", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd",
    "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5",
    "h6", "header", "hr", "i", "ins", "kbd", "li", "main", "mark", "nav", "ol", "p", "pre", "q", "s", "samp",
    "section", "small", "span", "strong", "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "time", "tr", "u", "ul", "var",
})
DROPPED: Final = frozenset({
    "applet", "audio", "base", "canvas", "embed", "frame", "frameset", "iframe", "link", "math", "meta", "noembed",
    "noframes", "noscript", "object", "param", "plaintext", "script", "source", "style", "svg", "template", "title",
    "track", "video", "xmp",
})
# fmt: on
"""Go with their content."""
_ATTRIBUTES: Final = {
    "a": frozenset({"href"}),
    "ol": frozenset({"start"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
}
_HIDING: Final = frozenset({"hidden", "style", "aria-hidden"})
_SCHEMES: Final = frozenset({"http", "https", "mailto"})

HTML_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_DOCUMENT: Final = re.compile(
    r"\ufeff?\s*+(?:<\?xml[^<>?]*+\?>\s*+)?(?:<!--(?:[^-]|-(?!->))*+-->\s*+)*+<(?:!doctype\s+html|html|head|body)[\s>]",
    re.IGNORECASE,
)
_HIDING_STYLE: Final = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|content-visibility:hidden|opacity:0*\.?0*(?![.\d])"
    r"|(?:font-size|(?:max-)?(?:width|height)):0*\.?0*(?:px|r?em|%|pt)?(?![.\d\w%])|text-indent:-\d{3,}"
    r"|(?:left|top|right|bottom):-\d{3,}|clip(?:-path)?:(?:rect\(0|inset\((?:50|100)%)|transform:scale\(0"
    r"|(?<!-)color:transparent"
)
_STYLE_COLOURS: Final = re.compile(r"(?:^|;)(color|background(?:-color)?):([^;!]+)")
_CSS_NOISE: Final = re.compile(r"/\*.*?\*/|[\s\\\x00-\x1f]+", re.DOTALL)
_TAG_START: Final = re.compile(r"</?[a-zA-Z]")
_LONG_NAME: Final = re.compile(r"</?[a-zA-Z][^\s/>]{64}")
"""html5lib copies a tag's name for each of its characters."""
_ATTRIBUTE: Final = re.compile(r"[\s/]*+([^\s/>=][^\s/>=]*+)?\s*+(=\s*+)?")
_PLAIN_REFERENCE: Final = re.compile(r"&#(?:(\d{1,7})|[xX]([0-9a-fA-F]{1,6}));?")
_UNQUOTED: Final = re.compile(r"[^\s>]*+")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 .,:;!?()/_\-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """What became of a text."""

    text: str
    rules: tuple[str, ...]
    """What was found, in the order of the list above."""


class _TooMuch(Exception):
    """The document is over a limit that only shows while it is parsed."""


def is_document(text: str) -> bool:
    """Whether *text* begins as an HTML document does; a fragment, a README or a template does not."""
    return _DOCUMENT.match(text) is not None


def clean(text: str) -> Cleaned:
    """Clean *text* as HTML, or escape its angle brackets when it is over a limit.

    Cleans until nothing changes: what a parser makes of markup may parse differently when written out, which is how
    cleaned HTML has become active again elsewhere. Markup that is still changing after `MAX_ROUNDS` is escaped.
    """
    found: set[str] = set()
    if "<!-" in text:
        found.add("sanitizer/html-hidden")
    current = text
    for _ in range(MAX_ROUNDS):
        before = current
        try:
            current = _clean_once(before, found)
        except (_TooMuch, RecursionError):
            return _inert(text)
        if current == before:
            break
    else:
        return _inert(text)
    if not found and current != text:
        found.add("sanitizer/html-cleaned")
    return Cleaned(text=current, rules=tuple(sorted(found)) if current != text else ())


def _clean_once(text: str, found: set[str]) -> str:
    if "<" not in text:
        return text
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES or _has_wide_tag(text):
        raise _TooMuch
    watch = _Watch(found)
    cleaner = Cleaner(
        tags=KEPT | DROPPED | {"img"},
        attributes=watch.may_be_read,
        protocols=_SCHEMES,
        strip=True,
        strip_comments=True,
        filters=_loosely([watch.filter]),
        css_sanitizer=_loosely(_Styles()),
    )
    _limit(cleaner.parser.tree)
    return cleaner.clean(_PLAIN_REFERENCE.sub(_plainly, text))


def safe_href(value: str) -> bool:
    """Whether a link to *value* may stay: no scheme, or one that only fetches or writes a mail."""
    resolved = value
    for _ in range(3):
        resolved = html.unescape(resolved)
    plain = "".join(char for char in resolved if "!" <= char <= "~").lower()
    head = re.split(r"[/?#]", plain, maxsplit=1)[0]
    scheme, colon, _ = head.partition(":")
    return not colon or scheme in _SCHEMES


def hides(style: str) -> bool:
    """Whether a `style` attribute keeps its element from being seen."""
    plain = _CSS_NOISE.sub("", html.unescape(style)).lower()
    if _HIDING_STYLE.search(plain):
        return True
    colours = {name.partition("-")[0]: value for name, value in _STYLE_COLOURS.findall(plain)}
    return "color" in colours and colours.get("background") == colours["color"]


def _loosely(part: Any) -> Any:
    """*part* without its type: bleach's stubs name classes where any callable, or any object with one method, does."""
    return part


def _inert(text: str) -> Cleaned:
    """Without angle brackets there is no markup. Ampersands stay, so that doing it twice changes nothing more."""
    escaped = text.replace("<", "&lt;").replace(">", "&gt;")
    return Cleaned(text=escaped, rules=("sanitizer/html-too-large",))


class _Styles:
    """Hands style to our filter unchanged; the filter takes it away."""

    def sanitize_css(self, style: str) -> str:
        return style


class _Watch:
    """The filter over what bleach lets through, and what it met."""

    def __init__(self, found: set[str]) -> None:
        self.found = found

    def may_be_read(self, tag: str, name: str, _value: str) -> bool:
        """Answer bleach, before the filter sees the attributes; those that hide are let through for the filter only."""
        if name.startswith("on"):
            self.found.add("sanitizer/html-active")
        return name in _HIDING or name in _ATTRIBUTES.get(tag, ()) or (tag, name) == ("img", "alt")

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
        hidden = "hidden" in attributes or attributes.get("aria-hidden", "").strip().lower() == "true"
        return "sanitizer/html-hidden" if hidden or hides(attributes.get("style", "")) else None

    def _kept_attributes(self, token: Mapping[str, Any]) -> dict[Any, Any]:
        kept: dict[Any, Any] = {}
        for (namespace, name), value in token["data"].items():
            if name == "href" and not safe_href(value):
                self.found.add("sanitizer/html-active")
            elif name not in _HIDING:
                kept[namespace, name] = value
        return kept


def _limit(tree: Any) -> None:
    """Make the tree builder stop at the limits: it knows the nesting exactly, a scan of the text would guess."""
    create, made = tree.elementClass, 0

    def limited(*names: Any) -> Any:
        nonlocal made
        made += 1
        if made > MAX_ELEMENTS or len(tree.openElements) > MAX_NESTING:
            raise _TooMuch
        return create(*names)

    tree.elementClass = limited


def _has_wide_tag(text: str) -> bool:
    """Whether a tag may have a long name or more than `MAX_ATTRIBUTES`, whatever state a parser would be in there."""
    if _LONG_NAME.search(text):
        return True
    return any(_attributes_from(text, found.end()) > MAX_ATTRIBUTES for found in _TAG_START.finditer(text))


def _attributes_from(text: str, at: int) -> int:
    count = 0
    while count <= MAX_ATTRIBUTES and at < len(text) and text[at] != ">":
        found = _ATTRIBUTE.match(text, at)
        if found is None or found.end() == at:
            at += 1
            continue
        at = found.end()
        count += 1
        if found[2] and text[at : at + 1] in ("'", '"'):
            at = text.find(text[at], at + 1) + 1
            if at == 0:
                break
        elif found[2]:
            at = _end_of_unquoted(text, at)
    return count


def _end_of_unquoted(text: str, at: int) -> int:
    found = _UNQUOTED.match(text, at)
    return found.end() if found else at


def _plainly(found: re.Match[str]) -> str:
    """A character reference to an ordinary letter, digit or mark, as that character; any other as it stands."""
    point = int(found[1]) if found[1] else int(found[2], 16)
    char = chr(point) if point < 0x80 else ""  # noqa: PLR2004 -- ASCII
    return char if _PLAIN.fullmatch(char) else found[0]
