"""HTML payloads through the sanitizer, judged by a reading of its own. Dangerous is what a browser might run."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bleach._vendor import html5lib

from holdfast.contracts import Where
from holdfast.safety.sanitizer import Sanitizer

from .rows import Table, read

_FORBIDDEN = """
script style iframe object embed applet base link meta form input button textarea select svg math frame frameset
template noscript portal audio video source track marquee isindex xml xss bgsound layer ilayer
"""
FORBIDDEN = frozenset(_FORBIDDEN.split())
LINKS = frozenset(("href", "src", "action", "formaction", "background", "poster", "data", "xlink:href", "srcset"))
SCRIPT = re.compile(r"(?:java|vb|live)script:|data:(?!image/(?:png|gif|jpe?g|webp))", re.IGNORECASE)
STYLE = re.compile(r"expression|url\s*\(|@import|behaviou?r|-moz-binding|javascript", re.IGNORECASE)


def tables(folder: Path) -> Iterator[Table]:
    """How many payloads come out dangerous, or come out otherwise when they are cleaned again; one table a library."""
    for library in ("bleach", "nh3"):
        sanitizer = Sanitizer(html_cleaner=library)
        table = Table(title=f"HTML payloads, {library}", columns=("dangerous", "not stable"))
        for place, row in read(folder, "xss"):
            # Declared as HTML: a payload on its own need not look like a document.
            text, _found = sanitizer.text(row["payload"], "text/html", Where.OUTPUT)
            harmful = dangerous(text)
            moving = sanitizer.text(text, "text/html", Where.OUTPUT)[0] != text
            for line in ("all", row["source"]):
                table.count(line, (harmful, moving), wrong=place if harmful or moving else None)
        yield table


def dangerous(text: str) -> bool:
    """Whether *text*, read as HTML, or what that reads as once more, may run or load anything."""
    for _ in range(2):
        tree: Any = html5lib.parseFragment(text, namespaceHTMLElements=False)
        if any(_active(node) for node in tree.iter()):
            return True
        text = html5lib.serialize(tree)
    return False


def _active(node: Any) -> bool:
    if not isinstance(node.tag, str):
        return False
    if node.tag.rpartition("}")[2].lower() in FORBIDDEN:
        return True
    for name, value in node.attrib.items():
        plain = str(name).rpartition("}")[2].lower()
        bare = re.sub(r"[\x00-\x20\x7f]", "", value)
        if (
            plain.startswith("on")
            or (plain in LINKS and SCRIPT.match(bare))
            or (plain == "style" and STYLE.search(value))
        ):
            return True
    return False
