"""For any text of any kind, cleaning ends, is done after once, leaves nothing active, and points into the original."""

import re
import sys

from bleach._vendor import html5lib

from holdfast.contracts import Action, Rewrite, Text
from holdfast.safety.sanitizer import Sanitizer

CLEAN = Sanitizer()
NH3 = Sanitizer(html_cleaner="nh3")
ACTIVE = re.compile(
    r"<\s*(?:script|style|iframe|object|embed|svg|img|!--)"
    r"""|<[a-z](?:[^<>"']|"[^"]*"|'[^']*')*?\s(?:on\w+|style|src)\s*=""",  # what a quoted value says runs nothing
    re.IGNORECASE,
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]|\r(?!\n)")

_FORBIDDEN = "script style iframe object embed applet base link meta form input button svg math frame noscript template"
FORBIDDEN = frozenset(_FORBIDDEN.split())
LINKS = frozenset(("href", "src", "action", "formaction", "background", "poster", "data", "srcset"))
SCRIPT = re.compile(r"(?:java|vb|live)script:|data:(?!image/(?:png|gif|jpe?g|webp))", re.IGNORECASE)


def check(data: bytes) -> None:
    kind, body = (data[0] % 3, data[1:]) if data else (0, b"")
    text = body.decode("utf-8", "surrogateescape")
    media_type = ("text/plain", "text/html", "application/json")[kind]

    once, found = CLEAN.text(text, media_type)
    again, left = CLEAN.text(once, media_type)

    assert CONTROLS.search(once) is None
    assert again == once
    assert all(finding.action is not Action.REMOVE for finding in left)
    assert all(0 <= finding.start <= finding.end <= len(text) for finding in found)
    told = any(finding.action is Action.REMOVE for finding in found)
    assert once == text or told or "\x1b[" in text or "\x9b" in text  # colours go without a word
    if kind == 1:
        assert ACTIVE.search(once) is None
        assert not _active(once)
        other = NH3.text(text, media_type)[0]
        assert NH3.text(other, media_type)[0] == other
        assert ACTIVE.search(other) is None
        assert not _active(other)
    delivered, _, _ = CLEAN.output((Text(text=text, media_type=media_type),), None)
    assert delivered == (Text(text=once, media_type=media_type),)
    verdict = CLEAN.arguments({"a": text})
    if isinstance(verdict, Rewrite):
        assert not isinstance(CLEAN.arguments(verdict.to), Rewrite)


def _active(text: str) -> bool:
    """Whether a browser's parser finds in *text*, or in what that reads as once more, anything that may run or load."""
    for _ in range(2):
        tree = html5lib.parseFragment(text, namespaceHTMLElements=False)
        for node in tree.iter():
            if isinstance(node.tag, str) and (
                node.tag.rpartition("}")[2].lower() in FORBIDDEN or any(map(_runs, node.attrib.items()))
            ):
                return True
        text = html5lib.serialize(tree)
    return False


def _runs(attribute: tuple[object, str]) -> bool:
    name = str(attribute[0]).rpartition("}")[2].lower()
    bare = re.sub(r"[\x00-\x20\x7f]", "", attribute[1])
    return name.startswith("on") or name == "style" or (name in LINKS and SCRIPT.match(bare) is not None)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
