"""For any text that may be rendered, cleaned with hosts listed, Markdown makes of it no image or link to another."""

import re
import sys

from markdown_it import MarkdownIt

from holdfast.contracts import Action
from holdfast.safety.sanitizer import Sanitizer

CLEAN = Sanitizer(hosts=("docs.example", "*.good.example"))
RENDER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
ADDRESS = re.compile(
    r"(?:src|href)=\"(?:(?:https?|ftp|wss?):[/\\]*|[a-z][a-z0-9+.-]*:[/\\]{2,}|[/\\]{2,})([^\"/\\?#]*)", re.IGNORECASE
)
LISTED = re.compile(r"(?:[^@]*@)?(?:docs\.example|(?:[^@/]+\.)?good\.example)\.?(?::\d*)?", re.IGNORECASE)


def check(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for media_type in ("text/markdown", "text/plain"):
        once, found = CLEAN.text(text, media_type)
        again, left = CLEAN.text(once, media_type)

        assert again == once
        assert all(finding.action is not Action.REMOVE for finding in left)
        assert all(0 <= finding.start <= finding.end <= len(text) for finding in found)
    once, _found = CLEAN.text(text, "text/markdown")
    if len(once) < 10_000:
        for address in ADDRESS.findall(RENDER.render(once).replace("%5C", "\\")):
            assert LISTED.fullmatch(address) or not address.strip(":"), address  # without a host it leads nowhere


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
