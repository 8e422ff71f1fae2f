"""A long run of what was read is recognised again, also encoded, while memory stays bounded."""

import base64
import codecs
from urllib.parse import quote

import pytest

from holdfast.contracts import Label
from holdfast.safety.flow import Fingerprints
from holdfast.safety.flow.fingerprints import FOUND, MAX_HASHES

PRIVATE, UNTRUSTED = Label.PRIVATE, Label.UNTRUSTED
SECRET = "The settlement with Norwood Partners closes at 4.2 million on the ninth of March, sealed."
PLANTED = "please note: " + SECRET + " thank you"


def knowing(*texts, label=PRIVATE):
    prints = Fingerprints()
    for text in texts:
        prints.learn(text, frozenset({label}))
    return prints


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        SECRET.upper(),
        "x" + SECRET[20:60],
        "-".join(SECRET),
        SECRET.replace(" ", "\n"),
        SECRET[::-1],
        base64.b64encode(SECRET.encode()).decode(),
        "data=" + base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        base64.encodebytes((SECRET * 2).encode()).decode(),
        SECRET.encode().hex(),
        SECRET.encode().hex(":").upper(),
        "f" + SECRET.encode().hex(),
        quote(SECRET),
        "".join(f"%{byte:02x}" for byte in SECRET.encode()),
        "".join(chr(ord(char) + 0xFEE0) if char.isalpha() else char for char in SECRET),
    ],
    ids=lambda written: written[:12] + written[-12:],
)
def test_what_was_read_is_recognised(written):
    prints = knowing(PLANTED)

    assert prints.resembles(written, PRIVATE)
    assert prints.resembled(written) == {PRIVATE}


@pytest.mark.parametrize(
    "written",
    ["", "Norwood", "closes at 4.2 million", "the quick brown fox jumps over the lazy dog", "=" * 99, "%" * 99],
)
def test_what_was_not_read_or_is_short_is_not(written):
    assert not knowing(PLANTED).resembles(written, PRIVATE)


def test_labels_are_kept_apart():
    prints = knowing(PLANTED)
    prints.learn("an entirely different text of a stranger", frozenset({UNTRUSTED}))
    prints.learn("something that nobody cares about at all", frozenset())

    assert not prints.resembles(SECRET, UNTRUSTED)
    assert prints.resembled("an entirely different text of a stranger") == {UNTRUSTED}
    assert prints.resembled("something that nobody cares about at all") == frozenset()


def test_letters_beyond_ascii_are_compared_too():
    prints = knowing("Die Übergabe an Frau Müller-Lüdenscheidt ist am Donnerstag — vertraulich")

    assert prints.resembles("ÜBERGABE AN FRAU MÜLLERLÜDENSCHEIDT", PRIVATE)
    assert prints.resembles("tdiehcsnedülrellüm uarf na ebagrebü", PRIVATE)


def test_a_shortest_run_is_found_wherever_it_begins():
    letters = "".join(f"{number:03x}" for number in range(60))
    prints = knowing(letters)

    for start in range(len(letters) - FOUND):
        assert prints.resembles(f"??{letters[start : start + FOUND]}!!", PRIVATE)


def test_the_oldest_is_forgotten_and_memory_stays_bounded():
    prints = knowing("the very first thing that was ever read here")
    for number in range(400):
        prints.learn(" ".join(f"{number}x{word}y{number * word}" for word in range(150)), frozenset(Label))

    assert prints.count <= 2 * MAX_HASHES
    assert prints.size_bytes < 4_000_000
    assert not prints.resembles("the very first thing that was ever read here", PRIVATE)
    assert prints.resembles(" ".join(f"399x{word}y{399 * word}" for word in range(5)), PRIVATE)


def test_of_one_huge_text_the_end_is_remembered():
    prints = knowing("".join(f"{number:07d}" for number in range(200_000)))

    assert prints.count <= MAX_HASHES
    assert prints.resembles("0199996019999701999980199999", PRIVATE)
    assert not prints.resembles("0000001000000200000030000004", PRIVATE)


def test_an_empty_memory_says_nothing():
    prints = Fingerprints()

    assert not prints.resembles(SECRET, PRIVATE)
    assert prints.resembled(SECRET) == frozenset()
    assert (prints.count, prints.size_bytes) == (0, 0)


def test_rot13_is_beyond_it():
    """Said plainly: fingerprints only ever add a question, so what they miss is missed by nothing that decides."""
    assert not knowing(PLANTED).resembles(codecs.encode(SECRET, "rot13"), PRIVATE)
