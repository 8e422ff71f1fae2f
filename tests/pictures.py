"""Small whole images of every kind that is passed on, plain and with notes in every place that takes some."""

import struct
import zlib


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(note: bytes = b"") -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    notes = b""
    if note:
        notes += _chunk(b"tEXt", b"Comment\0" + note)
        notes += _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(note))
        notes += _chunk(b"iTXt", b"Comment\0\0\0\0\0" + note)
        notes += _chunk(b"eXIf", b"MM\0*" + note) + _chunk(b"iCCP", note[:70] + b"\0\0" + zlib.compress(note))
        notes += _chunk(b"prVt", note)
    whole = b"\x89PNG\r\n\x1a\n" + head + notes + _chunk(b"IDAT", zlib.compress(b"\0\x80")) + _chunk(b"IEND", b"")
    return whole + note


def _segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


def jpeg(note: bytes = b"") -> bytes:
    parts = [b"\xff\xd8", _segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1" + (b"\1\1" + note[:3] if note else b"\0\0"))]
    if note:
        parts += [_segment(0xE1, b"Exif\0\0" + note), _segment(0xE2, b"ICC_PROFILE\0" + note), _segment(0xFE, note)]
        parts += [_segment(0xEE, b"Adobe" + note), _segment(0xED, b"Photoshop 3.0\0" + note), b"\xff"]
    parts += [_segment(0xDB, bytes(65)), _segment(0xC0, b"\x08\0\1\0\1\1\1\x11\0"), _segment(0xC4, bytes(18))]
    parts += [_segment(0xDA, b"\1\1\0\0\x3f\0"), b"\x12\xff\x00\x34\xff\xd0\x56", b"\xff\xd9"]
    return b"".join(parts) + note


def _blocks(data: bytes) -> bytes:
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces) + b"\0"


def gif(note: bytes = b"") -> bytes:
    parts = [b"GIF89a", b"\1\0\1\0\x80\0\0", b"\0\0\0\xff\xff\xff", b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0\0"]
    if note:
        parts += [b"\x21\xfe" + _blocks(note), b"\x21\xff\x0bXMP DataXMP" + _blocks(note)]
        parts += [
            b"\x21\x01" + _blocks(b"x" * 12)[:-1] + _blocks(note),
            b"\x21\xff\x0bNETSCAPE2.0\3\1\0\0" + _blocks(note),
        ]
    parts += [b"\x21\xf9\4\0\0\0\0\0", b"\x2c\0\0\0\0\1\0\1\0\0", b"\2" + _blocks(b"\x44\1"), b"\x3b"]
    return b"".join(parts) + note


def _riff(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def webp(note: bytes = b"") -> bytes:
    picture = _riff(b"VP8L", b"\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07")
    chunks = _riff(b"VP8X", bytes((0x2C if note else 0, 0, 0, 0)) + bytes(6))
    if note:
        chunks += _riff(b"ICCP", note)
    chunks += picture
    if note:
        frame = bytes(16) + picture + _riff(b"note", note)
        chunks += _riff(b"EXIF", note) + _riff(b"XMP ", note) + _riff(b"ANMF", frame) + _riff(b"odd ", note)
    body = b"WEBP" + chunks
    return b"RIFF" + struct.pack("<I", len(body)) + body + note


PICTURES = {"image/png": png, "image/jpeg": jpeg, "image/gif": gif, "image/webp": webp}
