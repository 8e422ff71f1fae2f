"""For any text, unwrapping gives back what was wrapped, and nothing inside the envelope reads as its tag."""

import re
import sys
import xml.etree.ElementTree as ET

from holdfast.safety.envelope import spelled_back, unwrap, unwrap_strict, wrap, wrap_strict
from holdfast.safety.sanitizer.lookalikes import read_as

LABELS = {"name": "t", "call": "c", "status": "ok", "boundary": "9f2c41d07b3e5a68"}
TAG = re.compile(r"<[/\\]*tool[_\\]*output")


def check(data: bytes) -> None:
    text = (
        data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")
        if _decodes(data)
        else data.decode("latin-1")
    )

    wrapped = wrap(text, **LABELS)
    assert unwrap(wrapped) == text
    assert TAG.search(read_as(wrapped.partition("\n")[2].rpartition("\n")[0])) is None

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
