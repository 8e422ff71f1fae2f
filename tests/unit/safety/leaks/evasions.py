"""Every way of writing a secret that the evasion matrix tries, and the cells of the matrix that are open."""

import base64
import codecs
import gzip
import html
import json
import quopri
import zlib
from collections.abc import Callable
from urllib.parse import quote

from holdfast.safety.leaks.specimens import expand

PASSWORD = expand("{base62:13}7#{digits:3}x")
TIERS = {
    "deny": expand("ghp_{crc:30}"),
    "redact": f'db_password = "{PASSWORD}"',
    "note": expand("age1{bech32:58}"),
    "ours": "words that nobody would take for one",
}
"""One text of each tier; `ours` is what Holdfast holds itself."""


def b64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def backslash_u(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def wide(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def lookalikes(text: str) -> str:
    return text.translate(str.maketrans("acehopxy", "\u0430\u0441\u0435\u04bb\u043e\u0440\u0445\u0443"))


def in_lines(text: str) -> str:
    return base64.encodebytes(f"these words come before {text} and these come after".encode()).decode()


ENCODED: dict[str, Callable[[str], str]] = {
    "plain": str,
    "base64": b64,
    "base64 after one byte": lambda text: b64(f"~{text}"),
    "base64 after two bytes": lambda text: b64(f"~~{text}"),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(f"<?>{text}".encode()).decode().rstrip("="),
    "base64 in lines": in_lines,
    "base64 in a JSON string": lambda text: json.dumps(in_lines(text)),
    "base64 of UTF-16": lambda text: b64(text.encode("utf-16-le")),
    "base64 of UTF-16 after a mark": lambda text: b64(f"\ufeff~{text}".encode("utf-16-be")),
    "base64 of UTF-16 in lines": lambda text: base64.encodebytes(
        f"these words before {text}".encode("utf-16-le")
    ).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "base85": lambda text: base64.b85encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with spaces": lambda text: text.encode().hex(" "),
    "percent": percent,
    "percent where needed": lambda text: quote(text, safe=""),
    "JSON string": json.dumps,
    "JSON string in another": lambda text: json.dumps(json.dumps(text)),
    "JSON string with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "backslash u": backslash_u,
    "backslash x": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "octal": lambda text: "".join(f"\\{ord(char):03o}" for char in text),
    "decimal entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "decimal entities, escaped": lambda text: html.escape("".join(f"&#{ord(char)};" for char in text)),
    "named entities": html.escape,
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    "soft line breaks": lambda text: quopri.encodestring(f"{'word ' * 12}{text}".encode()).decode(),
    "gzip in base64": lambda text: b64(gzip.compress(text.encode())),
    "zlib in base64": lambda text: b64(zlib.compress(text.encode())),
    "zero-width": "\u200b".join,
    "struck through": "\u0336".join,
    "fullwidth": wide,
    "look-alike letters": lookalikes,
    "backwards": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "spaced out": " ".join,
    "base64 of base64": lambda text: b64(b64(text)),
    "base64 of percent": lambda text: b64(percent(text)),
    "base64 of backslash u": lambda text: b64(backslash_u(text)),
    "hex of base64": lambda text: b64(text).encode().hex(),
    "base64 of hex": lambda text: b64(text.encode().hex()),
    "percent of base64": lambda text: percent(b64(text)),
    "gzip of backslash u": lambda text: b64(gzip.compress(backslash_u(text).encode())),
    "base64 of what is backwards": lambda text: b64(text[::-1]),
    "zero-width in base64": lambda text: "\u200b".join(b64(text)),
    "base64 of fullwidth": lambda text: b64(wide(text)),
    "three layers": lambda text: b64(b64(b64(text))),
}
"""Writings of one text. What stands around it is put there by the test."""

ALL = frozenset(TIERS)
RULES = ALL - {"ours"}
OPEN = {
    "base32": (RULES, "nobody writes credentials so; one time passwords are, and look alike"),
    "base85": (ALL, "its letters are those of any text: nothing shows where it begins"),
    "hex with spaces": (RULES, "columns of numbers look alike in every log"),
    "backwards": (RULES - {"deny"}, "words around a secret say nothing backwards; a prefix does"),
    "base64 of what is backwards": (RULES - {"deny"}, "as backwards"),
    "rot13": (ALL, "any text could be rot13; trying it doubles the work on all of them"),
    "spaced out": (ALL, "single letters in a row are tables and diagrams"),
    "base64 of fullwidth": (ALL, "letters are folded before decoding, not after"),
    "three layers": (RULES, "two are undone; what is held is known in base64 besides"),
}
"""Cells that are open: for which tiers, and why."""
