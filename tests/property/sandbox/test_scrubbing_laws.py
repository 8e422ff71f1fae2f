"""No writing of a secret, however its layers are put together, leaves it in what a guest is given."""

import gzip
import zlib

from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.writings import BARE, LAYERS, found

from holdfast.contracts import Secret
from holdfast.sandbox.egress.scrubbing import MARK, SecretScrubber

PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)
TOKEN_CHARACTERS = st.sampled_from("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~+/=")
secrets = st.one_of(
    st.text(TOKEN_CHARACTERS, min_size=8, max_size=60),
    st.text(PRINTABLE, min_size=8, max_size=40).map(str.strip).filter(lambda text: len(text) >= 8),
).filter(lambda text: len(set(text)) > 3 and text.lower() not in MARK.decode().lower())
around = st.sampled_from(
    (b"", b" ", b'{"token": "', b"Authorization: Bearer ", b"?key=", b"<td>", b"\xc3\xa9 ", b"\x00\xff,")
)
layers = st.lists(st.sampled_from(sorted(LAYERS)), max_size=3)


def written(value: bytes, bare: str, names: list[str]) -> bytes:
    text = BARE[bare](value)
    for name in names:
        text = LAYERS[name](text)
    return text


@settings(max_examples=600, deadline=None)
@given(secrets, st.sampled_from(sorted(BARE)), layers, around, around)
@example("ghp_0123456789abcdef", "base64 in lines", ["JSON"], b'"', b'"')
@example("p&ss\\w%41rd", "plain", ["percent", "HTML, decimal", "\\u"], b"", b"")
@example("aaaaaaab", "backwards", [], b"aaaa", b"aaaa")
@example("two words here", "plain", [], b"", b"")
@example("npm_abcdefgh", "plain", [], b"C:\\\\", b"")
def test_no_writing_lets_the_value_through(
    value: str, bare: str, names: list[str], before: bytes, after: bytes
) -> None:
    secret = value.encode()
    answer = before + written(secret, bare, names) + after

    said = SecretScrubber([Secret(secret)]).scrub(answer)

    assert MARK in said
    assert not found(said, secret)


@settings(max_examples=100, deadline=None)
@given(secrets, st.sampled_from(sorted(BARE)), around, st.sampled_from((gzip.compress, zlib.compress)))
def test_no_compression_lets_the_value_through(value: str, bare: str, before: bytes, compress) -> None:
    packed = compress(before + BARE[bare](value.encode()))

    assert SecretScrubber([Secret(value.encode())]).scrub(packed) == MARK


@settings(max_examples=200, deadline=None)
@given(secrets, st.binary(max_size=400), st.lists(st.sampled_from(sorted(BARE)), max_size=5), st.data())
def test_what_was_scrubbed_is_not_scrubbed_again_and_the_rest_stays(value: str, noise: bytes, names, data) -> None:
    secret = value.encode()
    scrubber = SecretScrubber([Secret(secret)])
    pieces = [noise, *(BARE[name](secret) for name in names)]
    answer = b" | ".join(data.draw(st.permutations(pieces)))

    said = scrubber.scrub(answer)

    assert scrubber.scrub(said) == said
    if noise and not scrubber.holds(noise):
        assert noise in said or said == MARK or len(names) > 0
    if not names and not scrubber.holds(noise):
        assert said == answer


@settings(max_examples=200, deadline=None)
@given(secrets, st.binary(max_size=2000))
def test_an_answer_without_the_value_is_not_changed(value: str, answer: bytes) -> None:
    assert value.encode() in answer or SecretScrubber([Secret(value.encode())]).scrub(answer) == answer
