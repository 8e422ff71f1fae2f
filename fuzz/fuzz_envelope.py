"""For any text, unwrapping gives back what was wrapped, and nothing inside reads as its tag, decoded or not."""

import re
import sys
import unicodedata
import xml.etree.ElementTree as ET

from holdfast.safety.envelope import spelled_back, unwrap, unwrap_strict, wrap, wrap_strict
from holdfast.safety.sanitizer.lookalikes import read_as

LABELS = {"name": "t", "call": "c", "status": "ok", "boundary": "9f2c41d07b3e5a68"}
TAG = re.compile(r"<[/\\]*tool[_\\]*output")
ENTITY = re.compile(r"&(?:amp;)*(?:(lt|sol|lowbar)|#0*(\d{1,3})(?!\d)|#[xX]0*([0-9a-fA-F]{1,2})(?![0-9a-fA-F]));?")
NAMED = {"lt": "<", "sol": "/", "lowbar": "_"}


def _entity(found: re.Match[str]) -> str:
    point = int(found[2] or found[3] or "0", 16 if found[3] else 10)
    return NAMED[found[1]] if found[1] else chr(point) if point < 0x80 else found[0]


DECODED = (
    lambda text: ENTITY.sub(_entity, text),
    lambda text: re.sub(r"%(?:25)*([0-7][0-9a-fA-F])", lambda found: chr(int(found[1], 16)), text),
    lambda text: re.sub(r"\\+(?:u00|x)([0-7][0-9a-fA-F])", lambda found: chr(int(found[1], 16)), text),
)
"""A reader who takes character references, percent signs or backslashes for what they stand for."""


def check(data: bytes) -> None:
    text = (
        data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")
        if _decodes(data)
        else data.decode("latin-1")
    )

    wrapped = wrap(text, **LABELS)
    assert unwrap(wrapped) == text
    inside = wrapped.partition("\n")[2].rpartition("\n")[0]
    for reading in (inside, *(decoded(inside) for decoded in DECODED)):
        for folded in (reading, *(unicodedata.normalize(form, reading) for form in ("NFKC", "NFKD")), reading.upper()):
            assert TAG.search(read_as(folded)) is None

    strict = wrap_strict(text, **LABELS)
    assert unwrap_strict(strict) == text
    body = ET.fromstring(strict).text
    head = wrapped.partition("\n")[0]
    assert body is not None
    assert unwrap(f"{head}{spelled_back(body)}</tool_output_{LABELS['boundary']}>") == text


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
