"""For any bytes around any writing of a secret, what a guest is given holds it in no writing, and scrubbing ends."""

import base64
import json
import sys
from urllib.parse import quote, unquote_to_bytes

from holdfast.contracts import Secret
from holdfast.sandbox.egress.scrubbing import MARK, SecretScrubber

VALUE = b"sk-Zx81_kQ77aBcDeF/gH+jK=="
SCRUBBER = SecretScrubber([Secret(VALUE)])
BARE = (
    bytes,
    lambda text: text[::-1],
    base64.b64encode,
    lambda text: base64.urlsafe_b64encode(b"a" + text),
    lambda text: base64.encodebytes(b"ab" + text),
    lambda text: text.hex(" ").encode(),
    lambda text: json.dumps(list(text)).encode(),
    lambda text: text.decode().encode("utf-16-be"),
)
LAYERS = (
    bytes,
    lambda text: quote(text, safe="").encode(),
    lambda text: "".join(f"%{byte:02x}" for byte in text).encode(),
    lambda text: "".join(f"\\u{byte:04X}" for byte in text).encode(),
    lambda text: "".join(f"&#{byte};" for byte in text).encode(),
    lambda text: json.dumps(text.decode("latin-1")).encode(),
)


def check(data: bytes) -> None:
    """The first three bytes choose the writing; the others stand before it and after it, apart by a space."""
    bare, first, second, *_ = (*data[:3], 0, 0, 0)
    noise = data[3:]
    written = LAYERS[second % len(LAYERS)](LAYERS[first % len(LAYERS)](BARE[bare % len(BARE)](VALUE)))
    middle = len(noise) // 2
    before, after = noise[:middle] + b"\n", b"\n" + noise[middle:]
    said = SCRUBBER.scrub(before + written + after)
    assert MARK in said
    assert written not in said
    assert VALUE not in said
    assert VALUE not in unquote_to_bytes(said)
    assert len(said) <= len(before) + len(after) + len(written)
    alone = SCRUBBER.scrub(noise)
    assert SCRUBBER.scrub(alone) == alone
    assert VALUE not in alone


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
