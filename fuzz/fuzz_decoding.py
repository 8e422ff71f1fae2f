"""For any bytes, decoding ends within its budget and leads back inside; a token in any two encodings is found."""

import base64
import gzip
import html
import sys
import zlib
from functools import cache
from pathlib import Path

import holdfast.safety
from holdfast.contracts import Finding, Where
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.leaks.encodings import Sign, decode
from holdfast.safety.leaks.mirrored import Mirror
from holdfast.safety.leaks.rules import LeakRule
from holdfast.safety.leaks.runs import FREE, SHARE, Allowance, Unread
from holdfast.safety.leaks.specimens import expand

TOKEN = expand("ghp_{crc:30}")
REACH = 2048
AROUND = "word " * 2000 + "\n"


def base64_of(text: bytes) -> bytes:
    return base64.b64encode(b"~" + text)


ENCODINGS = (
    bytes,
    base64_of,
    lambda text: base64.urlsafe_b64encode(b"~~" + text),
    lambda text: base64.encodebytes(b"some words come before " + text + b" and some after"),
    lambda text: text.hex().encode(),
    lambda text: "".join(f"%{byte:02x}" for byte in text).encode(),
    lambda text: "".join(f"\\u{byte:04X}" for byte in text).encode(),
    lambda text: "".join(f"\\x{byte:02x}" for byte in text).encode(),
    lambda text: "".join(f"&#{byte};" for byte in text).encode(),
    lambda text: "".join(f"={byte:02X}" for byte in text).encode(),
    lambda text: base64.b64encode(gzip.compress(text, mtime=0)),
    lambda text: base64.b64encode(zlib.compress(text)),
    lambda text: html.escape(text.decode("latin-1")).encode("latin-1"),
)


@cache
def rules() -> tuple[LeakRule, ...]:
    folder = Path(holdfast.safety.__file__).parent / "rules"
    return load_rules({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")})


@cache
def detector() -> LeakDetector:
    return LeakDetector.build(rules())


@cache
def mirror() -> Mirror:
    return Mirror(rules())


def check(data: bytes) -> None:
    """The first two bytes choose the encodings, the third where chunks end; the others stand around a token."""
    outer, inner, size, *_ = (*data[:3], 0, 0, 0)
    noise = data[3:]
    _decodes(noise)
    written = ENCODINGS[outer % len(ENCODINGS)](ENCODINGS[inner % len(ENCODINGS)](TOKEN.encode()))
    middle = len(noise) // 2
    text = b" ; ".join((noise[:middle], written, noise[middle:])).decode("utf-8", "surrogateescape")
    token = len(noise[:middle].decode("utf-8", "surrogateescape")) + 3
    for before, found in ((0, detector().scan((text,), Where.ARGUMENTS)), (len(AROUND), _in_chunks(text, size))):
        assert any(one.start < before + token + len(written) and one.end > before + token for one in found)


def _decodes(data: bytes) -> None:
    """Every run lies in *data*, and so does what each part of it was made of, in order."""
    allowance, made = Allowance(len(data)), 0
    for one in (*decode(data, frozenset(Sign), allowance), *mirror().backwards(data, allowance)):
        if isinstance(one, Unread):
            assert 0 <= one.start < one.end <= len(data)
            continue
        made += len(one.text)
        for low in range(0, len(one.text), 1 + len(one.text) // 16):
            start, end = one.origin(low, low + 1)
            first, last = one.origin(0, len(one.text))
            assert 0 <= first <= start <= end <= last <= len(data)
    assert made <= FREE + SHARE * len(data) + 64


def _in_chunks(text: str, size: int) -> list[Finding]:
    """What is found when *text* comes in chunks, with much around it."""
    stream, text = detector().stream(Where.ARGUMENTS, reach=REACH), f"{AROUND}{text}{AROUND}"
    step = 97 * (size + 1)
    found = [one for at in range(0, len(text), step) for one in stream.feed(text[at : at + step])]
    return [*found, *stream.close()]


if __name__ == "__main__":
    import atheris

    detector()
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
