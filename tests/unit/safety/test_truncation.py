"""Cutting: never inside a character, never more than allowed, and the note says how much is missing."""

import pytest

from holdfast.safety.truncation import note, truncate


def test_what_fits_is_not_cut():
    assert truncate("hello", limit_bytes=5) == ("hello", 0)
    assert truncate("", limit_bytes=0) == ("", 0)


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("hello", 4, "hell"),
        ("aéb", 2, "a"),
        ("a\U0001f600b", 4, "a"),
        ("e\u0301e\u0301", 4, "e\u0301"),
        ("a\r\nb", 2, "a"),
        ("x\U0001f468\u200d\U0001f469", 8, "x"),
        ("x\U0001f44d\U0001f3fd", 6, "x"),
        ("\U0001f1eb\U0001f1f7\U0001f1e9\U0001f1ea", 12, "\U0001f1eb\U0001f1f7"),
        ("hello", 0, ""),
        ("hello", -1, ""),
    ],
    ids=ascii,
)
def test_a_cut_falls_between_characters_a_reader_sees(text, limit, kept):
    cut, missing = truncate(text, limit_bytes=limit)

    assert cut == kept
    assert missing == len(text.encode()) - len(kept.encode())


def test_a_character_without_end_is_cut_all_the_same():
    text = "a" + "\u0301" * 10_000

    cut, missing = truncate(text, limit_bytes=1_001)

    assert len(cut.encode()) == 1_001
    assert missing == 19_000


def test_an_unpaired_surrogate_does_not_break_the_cut():
    assert truncate("\ud800\ud800", limit_bytes=4) == ("\ud800", 3)


def test_the_note_names_the_size_and_the_tool_that_reads_the_rest():
    assert "4096 bytes" in note(4096, "c1")
    assert "output_read" in note(4096, "c1")
    assert '"c1"' in note(4096, "c1")
    assert "1 byte " in note(1, "c1")
