"""How servers write a value back, and what a reader who knows all of that finds. Shares no code with ours."""

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, unquote_to_bytes

Writing = Callable[[bytes], bytes]


def _some(text: bytes, form: str, *, every: int, always: bytes) -> bytes:
    """Some characters of *text* in *form*, and those that the form is made of."""
    escaped = (form.format(b) if n % every == 0 or b in always else chr(b) for n, b in enumerate(text))
    return "".join(escaped).encode("latin-1")


BARE: Mapping[str, Writing] = {
    "plain": lambda value: value,
    "capitals": bytes.upper,
    "backwards": lambda value: value[::-1],
    "base64": base64.b64encode,
    "base64 after one byte": lambda value: base64.b64encode(b":" + value + b"!"),
    "base64 after two bytes": lambda value: base64.b64encode(b"u:" + value),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(b"\xff" + value + b"\xff\xfe"),
    "base64 in lines": lambda value: base64.encodebytes(b"x" * 47 + value),
    "base64 of UTF-16": lambda value: base64.b64encode(value.decode().encode("utf-16-le")),
    "base32": lambda value: base64.b32encode(b"abc" + value),
    "hex": lambda value: value.hex().encode(),
    "HEX": lambda value: value.hex().upper().encode(),
    "hex with colons": lambda value: value.hex(":").encode(),
    "hex dump": lambda value: "\n".join(re.findall("..?.?.?", value.hex(" "))).encode(),
    "hex bytes of C": lambda value: ", ".join(f"0x{byte:02X}" for byte in value).encode(),
    "list of bytes": lambda value: json.dumps(list(value), indent=1).encode(),
    "UTF-16": lambda value: value.decode().encode("utf-16"),
    "over two lines": lambda value: value[:4] + b"\r\n " + value[4:],
}
"""Of the value itself."""

LAYERS: Mapping[str, Writing] = {
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text).encode(),
    "PERCENT": lambda text: "".join(f"%{byte:02X}" for byte in text).encode(),
    "percent where needed": lambda text: quote(text, safe="").encode(),
    "every other in percent": lambda text: _some(text, "%{:02x}", every=2, always=b"%"),
    "JSON": lambda text: json.dumps(text.decode("latin-1")).encode(),
    "JSON with slashes": lambda text: text.replace(b"/", b"\\/"),
    "\\u": lambda text: "".join(f"\\u{byte:04x}" for byte in text).encode(),
    "\\u, every third": lambda text: _some(text, "\\u{:04X}", every=3, always=b'\\"'),
    "\\x": lambda text: "".join(f"\\x{byte:02x}" for byte in text).encode(),
    "HTML where needed": lambda text: html.escape(text.decode("latin-1")).encode("latin-1"),
    "HTML, decimal": lambda text: "".join(f"&#{byte};" for byte in text).encode(),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{byte:X};" for byte in text).encode(),
    "HTML, with zeros": lambda text: "".join(f"&#{byte:05};" for byte in text).encode(),
}
"""Of any text."""


def found(answer: bytes, value: bytes, *, depth: int = 3) -> bool:
    """Whether a reader who undoes up to *depth* layers, and then any bare writing, finds *value* in *answer*."""
    seen, fresh = set[bytes](), {answer}
    for _ in range(depth + 1):
        if any(_read(text, value) for text in fresh):
            return True
        seen |= fresh
        fresh = {undone for text in fresh for undone in _undone(text)} - seen
    return False


def _read(text: bytes, value: bytes) -> bool:
    tight = re.sub(rb"[\s\0]", b"", text)
    wanted = re.sub(rb"[\s\0]", b"", value)
    numbers = bytes(int(one) for one in re.findall(rb"\d+", text) if int(one) < 256)
    pairs = b"".join(re.findall(rb"(?:0x)?([0-9a-f]{2})(?![0-9a-f])", text.lower()))
    whole = (tight.lower(), tight[::-1].lower(), numbers.lower(), *_hex(tight), *_hex(pairs))
    if any(wanted.lower() in one.lower() for one in whole):
        return True
    decoded = (*_decoded(tight, rb"[A-Za-z0-9+/_-]{8,}", 4), *_decoded(tight.upper(), rb"[A-Z2-7]{8,}", 8))
    return any(value in one or value.decode().encode("utf-16-le") in one for one in decoded)


def _hex(text: bytes) -> Iterator[bytes]:
    for run in re.findall(rb"[0-9a-fA-F]{16,}", text.replace(b":", b"")):
        for begin in range(2):
            cut = run[begin:]
            yield bytes.fromhex(cut[: len(cut) // 2 * 2].decode())


def _decoded(text: bytes, run: bytes, group: int) -> Iterator[bytes]:
    decode = base64.b64decode if group == 4 else base64.b32decode
    for one in re.findall(run, text.replace(b"-", b"+").replace(b"_", b"/")):
        for begin in range(group):
            cut = one[begin:]
            try:
                yield decode(cut[: len(cut) // group * group])
            except binascii.Error:
                continue


def _undone(text: bytes) -> Iterator[bytes]:
    yield unquote_to_bytes(text)
    yield html.unescape(text.decode("latin-1")).encode("utf-8")
    yield re.sub(
        rb"\\u00([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})", lambda at: bytes.fromhex((at[1] or at[2]).decode()), text
    )
    yield re.sub(rb"\\([\"\\/])", rb"\1", text).replace(b"\\r", b"\r").replace(b"\\n", b"\n")
