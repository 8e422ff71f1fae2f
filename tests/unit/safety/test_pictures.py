"""Pictures lose what nobody sees in them, and what is no picture is left out."""

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Blob, Text
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.sanitizer.pictures import plain_picture

SECRET = b"where and when it was taken"


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
PIXELS = chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND")
PNG = SIGNATURE + HEAD + PIXELS


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


JFIF = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
FRAME = segment(0xDB, bytes(65)) + segment(0xC0, b"\x08\0\x01\0\x01\x01\x01\x11\0") + segment(0xC4, bytes(20))
SCAN = segment(0xDA, b"\x01\x01\0\0\x3f\0") + b"\x12\xff\0\x34\xff\xd0\x56"
JPEG = b"\xff\xd8" + JFIF + FRAME + SCAN + b"\xff\xd9"
GIF_HEAD = b"GIF89a\x01\0\x01\0\x80\0\0" + bytes(6)
GIF_IMAGE = b"\x2c" + bytes(4) + b"\x01\0\x01\0\0" + b"\x02\x02\x4c\x01\0"
CONTROL = b"\x21\xf9\x04" + bytes(4) + b"\0"
LOOP = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
GIF = GIF_HEAD + LOOP + CONTROL + GIF_IMAGE + b"\x3b"


def riff(*chunks):
    body = b"".join(kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


WEBP = riff((b"VP8X", bytes(10)), (b"VP8L", b"\x2f\0\0\0\0"))
PLAIN = {"image/png": PNG, "image/jpeg": JPEG, "image/gif": GIF, "image/webp": WEBP}
TOLD = {
    "image/png": [
        SIGNATURE + HEAD + chunk(b"tEXt", SECRET) + PIXELS,
        SIGNATURE + HEAD + chunk(b"eXIf", SECRET) + chunk(b"iTXt", SECRET) + PIXELS,
        PNG + SECRET,
    ],
    "image/jpeg": [
        b"\xff\xd8" + JFIF + segment(0xE1, b"Exif\0\0" + SECRET) + FRAME + SCAN + b"\xff\xd9",
        b"\xff\xd8" + JFIF + segment(0xFE, SECRET) + segment(0xE2, SECRET) + FRAME + SCAN + b"\xff\xd9",
        JPEG + SECRET,
    ],
    "image/gif": [
        GIF_HEAD + LOOP + b"\x21\xfe" + bytes([len(SECRET)]) + SECRET + b"\0" + CONTROL + GIF_IMAGE + b"\x3b",
        GIF_HEAD + LOOP + CONTROL + GIF_IMAGE + b"\x21\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0\x3b",
        GIF + SECRET,
    ],
    "image/webp": [
        riff((b"VP8X", b"\x2c" + bytes(9)), (b"ICCP", SECRET), (b"VP8L", b"\x2f\0\0\0\0"), (b"EXIF", SECRET)),
        WEBP + SECRET,
    ],
}


@pytest.mark.parametrize("media_type", PLAIN)
def test_a_plain_picture_stays_as_it_is(media_type):
    assert plain_picture(PLAIN[media_type], media_type) == PLAIN[media_type]


@pytest.mark.parametrize(("media_type", "data"), [(kind, data) for kind, several in TOLD.items() for data in several])
def test_what_nobody_sees_in_a_picture_is_taken_out(media_type, data):
    assert plain_picture(data, media_type) == PLAIN[media_type]


def test_a_real_picture_stays_as_it_is():
    real = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
    )
    assert plain_picture(real, "image/png") == real


@pytest.mark.parametrize("media_type", PLAIN)
def test_what_is_no_picture_of_its_type_is_left_out_with_a_note(media_type):
    assert all(plain_picture(data, media_type) is None for kind, data in PLAIN.items() if kind != media_type)
    for data in (b"", b"text", PLAIN[media_type][:-1], PLAIN[media_type][:20]):
        blocks, _structured, found = Sanitizer().output((Blob(data=data, media_type=media_type),), None)
        if media_type == "image/webp" and data == PLAIN[media_type][:-1]:
            continue  # its last byte is padding
        assert isinstance(blocks[0], Text), data
        assert found


def test_that_something_was_taken_out_is_a_finding():
    blocks, _structured, found = Sanitizer().output((Blob(data=PNG + SECRET, media_type="image/png"),), None)

    assert blocks == (Blob(data=PNG, media_type="image/png"),)
    assert [one.rule for one in found] == ["sanitizer/picture-metadata"]


@given(st.sampled_from(sorted(PLAIN)), st.binary(max_size=200), st.integers(0, 100))
def test_any_bytes_are_a_plain_picture_or_none(media_type, noise, at):
    whole = PLAIN[media_type]
    for data in (noise, whole[:at] + noise + whole[at:], whole[:at] + noise):
        plain = plain_picture(data, media_type)
        assert plain is None or plain_picture(plain, media_type) == plain
