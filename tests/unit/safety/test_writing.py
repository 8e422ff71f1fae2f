"""What people write survives cleaning byte for byte, alone, in a sentence, and as an argument of a call."""

import unicodedata

from holdfast.contracts import Pass
from holdfast.safety.sanitizer import Sanitizer

from .writing import ALL

CLEAN = Sanitizer(hosts=())


def test_every_habit_of_writing_survives_byte_for_byte():
    changed = {ascii(text): found for text in ALL for left, found in (CLEAN.text(text),) if (left, found) != (text, ())}

    assert changed == {}
    assert len(set(ALL)) >= 150


def test_it_survives_between_other_words_and_lines_as_well():
    for text in ALL:
        for around in (f"Note: {text} (end)", f"a\n\n{text}\n\nb", f'{{"k": "{text}"}}'):
            assert CLEAN.text(around) == (around, ()), ascii(around)


def test_composed_writing_survives_in_arguments():
    for text in ALL:
        composed = unicodedata.normalize("NFC", text)
        assert CLEAN.arguments({"text": composed}) == Pass(), ascii(text)
