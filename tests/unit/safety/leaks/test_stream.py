"""A text in chunks gives the findings of the whole text, wherever it is cut, and what is kept of it does not grow."""

import base64
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.contracts import Finding, Secret, Where
from holdfast.safety.leaks import Held, LeakDetector
from holdfast.safety.leaks.detector import FLOOD
from holdfast.safety.leaks.specimens import expand

GITHUB = expand("ghp_{crc:30}")
OF_ANY_LENGTH = f"DB_TOKEN={expand('{base62:48}')}"
VALUE = "a value that nobody would take for one"
REACH = 640
PIECES = st.sampled_from(
    [
        GITHUB,
        GITHUB[:19],
        GITHUB[::-1],
        expand('db_password = "{base62:12}"'),
        expand("{pem:RSA }"),
        base64.b64encode(f"over there: {GITHUB}".encode()).decode(),
        "".join(f"\\u{ord(char):04x}" for char in GITHUB),
        "\u200b".join(GITHUB),
        VALUE,
        VALUE.encode().hex(),
        "100%25 \u00e9\n",
        "some ordinary words; " * 110,
        "\n",
    ]
)


def in_chunks(detector: LeakDetector, text: str, sizes: list[int]) -> list[Finding]:
    stream, found, at = detector.stream(Where.OUTPUT, reach=REACH), list[Finding](), 0
    for size in sizes:
        found += stream.feed(text[at : at + size])
        at += size
    return [*found, *stream.feed(text[at:]), *stream.close()]


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=25), st.lists(st.integers(0, 3000), max_size=12))
def test_wherever_a_text_is_cut_the_findings_are_those_of_the_whole(
    detector: LeakDetector, pieces: list[str], sizes: list[int]
) -> None:
    held = Held.of([Secret(VALUE.encode())])
    known = detector.holding(lambda: held)
    text = " ".join(pieces)

    assert set(in_chunks(known, text, sizes)) == set(known.scan([text], Where.OUTPUT))


def test_every_border_in_a_secret_is_none(detector: LeakDetector) -> None:
    first = 7 * REACH  # up to here is settled in the first round
    for before in range(first - 45, first + 5, 4):
        for secret in (GITHUB, OF_ANY_LENGTH):
            text = f"{'w' * (before - 1)} {secret} {'word ' * 1200}"

            for cut in (before + 9, before + 40, len(text)):
                assert tuple(in_chunks(detector, text, [cut])) == detector.scan([text], Where.OUTPUT), (before, cut)


def test_what_is_kept_does_not_grow(detector: LeakDetector) -> None:
    stream, most = detector.stream(Where.OUTPUT, reach=REACH), 0

    for _ in range(200):
        stream.feed("lorem ipsum " * 50)
        most = max(most, len(stream._text))
    stream.feed("x" * 1_000_000)

    assert max(most, len(stream._text)) <= 11 * REACH


def test_what_is_wider_than_can_be_kept_is_given_in_pieces_that_adjoin(detector: LeakDetector) -> None:
    text = f"{GITHUB} " * 10_000
    stream = detector.stream(Where.OUTPUT)

    found = [*stream.feed(text), *stream.close()]

    assert {one.rule for one in found} == {FLOOD}
    assert found[0].start == 0
    assert found[-1].end == len(text)
    assert all(one.end == two.start for one, two in pairwise(found))
