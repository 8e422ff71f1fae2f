"""What HTML may keep, what goes with its content, and what hides; the same for every library. It parses nothing."""

import html
import re
from collections.abc import Mapping
from typing import Final

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
ATTRIBUTES: Final = {
    "a": frozenset({"href"}),
    "ol": frozenset({"start"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan"}),
}
HIDING: Final = frozenset({"hidden", "style", "aria-hidden", "class", "id"})
"""Attributes that are read to see whether an element shows, and never kept."""
SCHEMES: Final = frozenset({"http", "https", "mailto"})
MAX_ALT: Final = 60
"""Characters. Images go in any case, because fetching one tells its server; a longer description is hidden text."""

_HIDING_STYLE: Final = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|content-visibility:hidden|opacity:0*\.?0*(?![.\d])"
    r"|(?:font-size|(?:max-)?(?:width|height)):0*\.?0*(?:px|r?em|%|pt)?(?![.\d\w%])|text-indent:-\d{3,}"
    r"|(?:left|top|right|bottom):-\d{3,}|clip(?:-path)?:(?:rect\(0|inset\((?:50|100)%)|transform:scale\(0"
    r"|(?<!-)color:transparent"
)
_STYLE_COLOURS: Final = re.compile(r"(?:^|;)(color|background(?:-color)?):([^;!]+)")
_CSS_NOISE: Final = re.compile(r"/\*(?:.*?\*/|.*\Z)|[\s\\\x00-\x1f]+", re.DOTALL)
"""An open comment reaches to the end, which also keeps a search for its end from being made twice."""
_SHEET: Final = re.compile(r"<style\b[^>]*>(.*?)(?:</style|\Z)", re.IGNORECASE | re.DOTALL)
_CSS_COMMENT: Final = re.compile(r"/\*(?:.*?\*/|.*\Z)", re.DOTALL)
_CSS_ESCAPE: Final = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([^0-9a-fA-F\n]))")
_CONDITION: Final = re.compile(r"@[^{};@]*+(?:;|\{(?:[^{}]*+\{[^{}]*+\})*+[^{}]*+\})")
_SIMPLE: Final = re.compile(r"(?:\*|[a-zA-Z][a-zA-Z0-9]*)?([.#][^\s.#:\[>+~*()]+)|[a-zA-Z][a-zA-Z0-9]*")
_NAMES: Final = re.compile(r"[.#][^\s.#:\[>+~*()]+|^[a-zA-Z][a-zA-Z0-9]*$")
_SHOWS: Final = re.compile(r"display|visibility|opacity|font-size|height|width", re.IGNORECASE)


def safe_href(value: str) -> bool:
    """Whether a link to *value* may stay: no scheme, or one that only fetches or writes a mail."""
    resolved = value
    for _ in range(3):
        resolved = html.unescape(resolved)
    plain = "".join(char for char in resolved if "!" <= char <= "~").lower()
    head = re.split(r"[/?#]", plain, maxsplit=1)[0]
    scheme, colon, _ = head.partition(":")
    return not colon or scheme in SCHEMES


def hides(style: str) -> bool:
    """Whether a `style` attribute keeps its element from being seen."""
    plain = _CSS_NOISE.sub("", html.unescape(style)).lower()
    if _HIDING_STYLE.search(plain):
        return True
    colours = {name.partition("-")[0]: value for name, value in _STYLE_COLOURS.findall(plain)}
    return "color" in colours and colours.get("background") == colours["color"]


def hidden_names(text: str) -> frozenset[str]:
    """Elements, classes (`.name`) and ids (`#name`) that the style sheets within *text* hide whatever else holds.

    Only rules of one simple selector outside of conditions count, and only where no rule shows the name again: what a
    tab, a menu or a narrow screen hides for the moment is read as what shows.
    """
    hidden, shown = set[str](), set[str]()
    for sheet in _SHEET.findall(text):
        plain = _CONDITION.sub("", _CSS_COMMENT.sub("", sheet))
        for rule in plain.split("}"):
            before, _, declarations = rule.rpartition("{")
            selectors = before.rpartition("{")[2]
            names = [_CSS_ESCAPE.sub(_meant, name.strip()) for name in selectors.split(",")]
            if hides(declarations):
                hidden.update(name for name in map(_simple, names) if name)
            elif _SHOWS.search(declarations):
                shown.update(found for name in names for found in _NAMES.findall(name))
    return frozenset(hidden - shown)


def is_hidden(tag: str, attributes: Mapping[str, str], names: frozenset[str]) -> bool:
    """Whether an element *tag* with *attributes* does not show, where style sheets hide *names*."""
    aria = attributes.get("aria-hidden", "").strip().lower() == "true"
    if "hidden" in attributes or aria or hides(attributes.get("style", "")):
        return True
    if not names:
        return False
    own = {tag, f"#{attributes.get('id', '').strip()}", *(f".{one}" for one in attributes.get("class", "").split())}
    return not names.isdisjoint(own)


def _simple(selector: str) -> str | None:
    found = _SIMPLE.fullmatch(selector)
    return None if found is None else found[1] or found[0].lower()


def _meant(found: re.Match[str]) -> str:
    point = int(found[1], 16) if found[1] else 0
    return found[2] or (chr(point) if 0 < point < 0x110000 else "\ufffd")  # noqa: PLR2004 -- the last of Unicode
