"""For any text of any kind, cleaning ends, changes nothing the second time, and points into the original text."""

import re
import sys

from holdfast.contracts import Action, Rewrite
from holdfast.safety.sanitizer import Sanitizer

CLEAN = Sanitizer()
ACTIVE = re.compile(
    r"<\s*(?:script|style|iframe|object|embed|svg|img|!--)|<[a-z][^<>]*\s(?:on\w+|style|src)\s*=", re.IGNORECASE
)
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]|\r(?!\n)")


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
    assert once == text or any(finding.action is Action.REMOVE for finding in found)
    if kind == 1:
        assert ACTIVE.search(once) is None
    verdict = CLEAN.arguments({"a": text})
    if isinstance(verdict, Rewrite):
        assert not isinstance(CLEAN.arguments(verdict.to), Rewrite)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
