"""Takes out of an image whatever is not the picture: texts, places, comments, profiles, what stands after its end.

It reads containers and never pixels, so what the picture itself shows stays. What is no whole image of its kind is
answered with None: what cannot be read cannot be cleaned. The way up that a camera noted goes with its notes.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_ANY_SIZE: Final = 1 << 31
_PNG_KEPT: Final = {
    **dict.fromkeys((b"IHDR", b"IDAT", b"IEND", b"fdAT"), _ANY_SIZE),
    b"PLTE": 768,
    b"tRNS": 256,
    b"gAMA": 4,
    b"cHRM": 32,
    b"sRGB": 1,
    b"sBIT": 4,
    b"bKGD": 6,
    b"pHYs": 9,
    b"acTL": 8,
    b"fcTL": 26,
}
"""What makes the picture, and how many bytes each may have: a palette as long as a letter is none."""
_LOWER: Final = 0x20
"""Set in the first letter of a chunk's name that a reader may skip."""

_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_PICTURE: Final = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF})
_JFIF: Final = b"JFIF\0"
_SOS, _EOI, _APP0, _APP14, _FILL = 0xDA, 0xD9, 0xE0, 0xEE, 0xFF

_GIF_END, _GIF_FRAME, _GIF_EXTRA, _GIF_TIMING, _GIF_APPLICATION = 0x3B, 0x2C, 0x21, 0xF9, 0xFF
_GIF_TIMING_SIZE: Final = 8
_LOOPS: Final = frozenset({b"NETSCAPE2.0", b"ANIMEXTS1.0"})

_WEBP_FRAME: Final = frozenset({b"ALPH", b"VP8 ", b"VP8L"})
_WEBP_KEPT: Final = _WEBP_FRAME | {b"VP8X", b"ANIM", b"ANMF"}
_WEBP_NOTES: Final = 0x20 | 0x08 | 0x04
"""The flags of a profile, EXIF and XMP."""
_ANMF_HEAD: Final = 16


class _OddError(Exception):
    """It is no whole image of its kind."""


def plain_picture(data: bytes, media_type: str) -> bytes | None:
    """*data* with nothing but the picture in it; None when it is no whole image of *media_type*."""
    read = _READERS.get(media_type)
    try:
        return None if read is None else read(data)
    except (_OddError, IndexError):
        return None


def _png(data: bytes) -> bytes:
    if not data.startswith(_PNG):
        raise _OddError
    kept, at, name = [_PNG], len(_PNG), b""
    while name != b"IEND":
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + size
        if end > len(data) or (len(kept) == 1) != (name == b"IHDR"):
            raise _OddError
        if size <= _PNG_KEPT.get(name, -1):
            kept.append(data[at:end])
        elif not name[0] & _LOWER:
            raise _OddError
        at = end
    return b"".join(kept)


def _jpeg(data: bytes) -> bytes:
    if data[:2] != b"\xff\xd8":
        raise _OddError
    kept, at, seen = [data[:2]], 2, False
    while at < len(data):
        if data[at] != _FILL:
            raise _OddError
        marker = data[at + 1]
        if marker == _FILL:  # a fill byte
            at += 1
            continue
        if marker == _EOI:
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or end > len(data):
            raise _OddError
        kept.append(_jpeg_segment(marker, data[at:end]))
        at = end
        if marker == _SOS:
            seen, following = True, _MARKER.search(data, at)
            end = len(data) if following is None else following.start()
            kept.append(data[at:end])
            at = end
    if not seen or at >= len(data):
        raise _OddError
    return b"".join([*kept, bytes((0xFF, _EOI))])


def _jpeg_segment(marker: int, segment: bytes) -> bytes:
    """*segment*, or what of it belongs to the picture."""
    body = segment[4:]
    if marker in _JPEG_PICTURE or (marker == _APP14 and body[:5] == b"Adobe" and len(body) == 12):  # noqa: PLR2004 -- its fixed size
        return segment
    if marker == _APP0 and body.startswith(_JFIF) and len(body) >= 14:  # noqa: PLR2004 -- as above
        return bytes((0xFF, _APP0, 0, 16)) + body[:12] + b"\0\0"  # without its thumbnail
    return b""


def _gif(data: bytes) -> bytes:
    if data[:6] not in (b"GIF87a", b"GIF89a"):
        raise _OddError
    at = 13 + _colours(data[10])
    kept, seen = [data[:at]], False
    while data[at] != _GIF_END:
        if data[at] == _GIF_FRAME:
            body = at + 10 + _colours(data[at + 9]) + 1
            end, seen = _past_blocks(data, body), True
            kept.append(data[at:end])
        elif data[at] == _GIF_EXTRA:
            end = _past_blocks(data, at + 2)
            kept.append(_gif_extension(data[at:end]))
        else:
            raise _OddError
        at = end
    if not seen:
        raise _OddError
    return b"".join([*kept, b"\x3b"])


def _gif_extension(block: bytes) -> bytes:
    """*block* where it is about when or how often frames are shown."""
    if block[1] == _GIF_TIMING:
        return block if len(block) == _GIF_TIMING_SIZE else b""
    if block[1] == _GIF_APPLICATION and block[3:14] in _LOOPS and block[14] == 3:  # noqa: PLR2004 -- a count of repeats
        return block[:18] + b"\0"
    return b""


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += data[at] + 1
    return at + 1


def _webp(data: bytes) -> bytes:
    size = int.from_bytes(data[4:8], "little") + 8
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or size > len(data):
        raise _OddError
    chunks = [(name, _webp_body(name, body)) for name, body in _chunks(data[12:size]) if name in _WEBP_KEPT]
    if not any(name in (b"VP8 ", b"VP8L", b"ANMF") for name, _body in chunks):
        raise _OddError
    written = b"WEBP" + b"".join(_chunk(name, body) for name, body in chunks)
    return b"RIFF" + len(written).to_bytes(4, "little") + written


def _webp_body(name: bytes, body: bytes) -> bytes:
    if name == b"VP8X":
        return bytes((body[0] & ~_WEBP_NOTES,)) + body[1:]
    if name == b"ANMF":
        inner = _chunks(body[_ANMF_HEAD:])
        return body[:_ANMF_HEAD] + b"".join(_chunk(one, more) for one, more in inner if one in _WEBP_FRAME)
    return body


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + size
        if at + 8 > len(data) or end > len(data):
            raise _OddError
        yield data[at : at + 4], data[at + 8 : end]
        at = end + size % 2


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


_READERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
}
