"""A secret is marked where it stands, what is around it stays, and what cannot be searched is withheld whole."""

import gzip
import json
import os
import zlib

import pytest
from tests.writings import BARE, LAYERS, found

from holdfast.contracts import Secret
from holdfast.sandbox.egress.scrubbing import MARK, MOST_PLACES, SecretScrubber
from holdfast.sandbox.egress.unescaping import MOST_ESCAPES

VALUE = b"Ab9xQz71LmN0pRsTu-VwX2yZ3kJ4h5G6f7D8"
PACKED = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "two members": lambda data: gzip.compress(b"first", mtime=0) + gzip.compress(data, mtime=0),
}
SCRUBBER = SecretScrubber([Secret(VALUE)])


@pytest.mark.parametrize("bare", sorted(BARE))
def test_each_writing_is_found_and_what_is_around_it_stays(bare):
    said = SCRUBBER.scrub(b'{"before": 1, "said": "' + BARE[bare](VALUE) + b'", "after": 2}')

    assert MARK in said
    assert not found(said, VALUE)
    assert said.startswith(b'{"before": 1, "said": "')
    assert said.endswith(b'"after": 2}')


@pytest.mark.parametrize("layer", sorted(LAYERS))
@pytest.mark.parametrize("bare", ["plain", "base64 after one byte", "HEX"])
def test_each_layer_is_undone_over_each_kind_of_writing(bare, layer):
    said = SCRUBBER.scrub(b"<p>before " + LAYERS[layer](BARE[bare](VALUE)) + b" after</p>")

    assert MARK in said
    assert not found(said, VALUE)
    assert said.startswith(b"<p>before ")
    assert said.endswith(b" after</p>")


def test_an_answer_stays_json_when_the_secret_stood_in_a_string():
    answer = json.dumps({"headers": {"Authorization": f"Bearer {VALUE.decode()}"}, "url": "https://a.example/"})

    said = json.loads(SCRUBBER.scrub(answer.encode()))

    assert said == {"headers": {"Authorization": f"Bearer {MARK.decode()}"}, "url": "https://a.example/"}


def test_each_of_several_secrets_is_found():
    other = b"another-secret-value"
    scrubber = SecretScrubber([Secret(VALUE), Secret(other)])

    said = scrubber.scrub(VALUE + b" and " + other.hex().encode())

    assert said == MARK + b" and " + MARK


def test_places_that_overlap_are_one():
    scrubber = SecretScrubber([Secret(b"abababab")])

    assert scrubber.scrub(b"xabababababababx") == b"x" + MARK + b"x"


@pytest.mark.parametrize("kind", ["gzip", "zlib", "two members"])
def test_a_compressed_body_with_the_secret_in_it_is_withheld(kind):
    compress = PACKED[kind]

    assert SCRUBBER.scrub(compress(b"before " + VALUE + b" after")) == MARK
    packed = compress(b"before and after")
    assert SCRUBBER.scrub(packed) == packed


def test_a_compressed_body_that_cannot_be_looked_at_is_withheld():
    packed = gzip.compress(b"before " + VALUE)

    assert SCRUBBER.scrub(packed[:-4] + b"\0\0\0\0") == MARK  # its checksum is wrong; what is inside can be read
    assert SCRUBBER.scrub(gzip.compress(gzip.compress(VALUE))) == MARK
    assert SCRUBBER.scrub(gzip.compress(bytes(11 << 20))) == MARK


def test_a_secret_all_over_the_answer_has_it_withheld():
    assert SCRUBBER.scrub((VALUE + b" ") * (MOST_PLACES + 1)) == MARK
    assert SCRUBBER.scrub((VALUE + b" ") * (MOST_PLACES // 2)).count(MARK) == MOST_PLACES // 2


def test_more_escapes_than_can_be_undone_have_the_answer_withheld():
    assert SCRUBBER.scrub(b"%41" * (MOST_ESCAPES + 1)) == MARK
    assert SCRUBBER.scrub(b"%41" * 1000) == b"%41" * 1000


@pytest.mark.parametrize(
    "piece", [b"%", b"\\", b"&", b"&#", b"%4", b"\\u00", b"ghp_", b"a", b"\0", b"61", b" ", b"=", b"Z2hw", b"\x1f\x8b"]
)
def test_ten_mebibytes_of_anything_come_to_an_end_as_they_were(piece):
    body = (piece * (10 << 20))[: 10 << 20]

    assert SCRUBBER.scrub(body) in {body, MARK}


def test_noise_is_not_taken_for_a_secret():
    noise = os.urandom(1 << 20)

    assert SCRUBBER.scrub(noise) == noise
    assert SCRUBBER.scrub(noise.hex().encode()) == noise.hex().encode()


def test_it_says_nothing_of_its_secrets():
    assert "ghp" not in repr(SCRUBBER)
