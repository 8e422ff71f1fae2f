"""What is made of words is told from what is drawn, however the words are cut out of it."""

import random
from string import ascii_lowercase

import pytest

from holdfast.safety.placeholders import _covers, _known, is_made_of_words
from holdfast.safety.vocabulary import WORDS


def _plainly_known(text: str) -> int:
    """The same, one letter after the other and every word at each."""
    best = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        words = (best[end - size] + size for size in range(1, end + 1) if text[end - size : end] in WORDS)
        best[end] = max((best[end - 1], *words))
    return best[-1]


def test_the_best_cutting_into_words_is_found_and_given_up_only_where_it_falls_short() -> None:
    draw = random.Random(2)
    words = sorted(WORDS)
    for _ in range(400):
        pieces = [draw.choice((draw.choice(words), draw.choice(words)[1:], draw.choice(ascii_lowercase)))]
        pieces += (draw.choice(words)[: draw.randint(1, 9)] for _ in range(draw.randrange(8)))
        text = "".join(pieces)
        known = _plainly_known(text)
        assert _known(text) == known
        for least in (0.3 * len(text), 0.8 * len(text), float(known), known + 0.5, float(len(text))):
            assert _covers(text, least) == (known >= least)


@pytest.mark.parametrize("value", ["password", "the-secret-value", "accessToken12", "thevalueofthekey"])
def test_words_are_words(value: str) -> None:
    assert is_made_of_words(value)


@pytest.mark.parametrize("value", ["xq7Kdj2mPw0sLz", "8ASPM4g7vMsuFoOd6v1V", ""])
def test_what_is_drawn_or_nothing_is_not(value: str) -> None:
    assert not is_made_of_words(value)
