"""What a guest writes is kept within bounds, and cut only between characters."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.wasm.capture import Log, Output, cut
from holdfast.sandbox.wasm.settings import LOG_LINE_BYTES, LOG_LINES


@given(pieces=st.lists(st.binary(max_size=20)), limit=st.integers(0, 60))
def test_output_is_kept_to_its_limit_and_says_when_there_was_more(pieces, limit):
    output = Output(limit=limit)

    answers = [output.write(piece) for piece in pieces]

    written = b"".join(pieces)
    assert output.taken() == written[:limit]
    assert output.over == (len(written) > limit)
    assert any(answer < 0 for answer in answers) == output.over


@given(text=st.text(), limit=st.integers(0, 40))
def test_a_cut_never_splits_a_character(text, limit):
    data = text.encode()

    kept = cut(data, limit)

    assert len(kept) <= limit or kept == data
    assert text.startswith(kept.decode())


@given(pieces=st.lists(st.text(alphabet="aé\n", max_size=30), max_size=30))
def test_a_log_comes_back_line_by_line_however_it_was_written(pieces):
    log = Log()

    for piece in pieces:
        assert log.write(piece.encode()) == len(piece.encode())

    assert log.taken().decode() == "".join(pieces).removesuffix("\n")


def test_a_line_without_end_takes_no_more_room_than_a_line():
    log = Log()

    for _ in range(1000):
        log.write(b"x" * 4096)

    assert log.taken() == b"x" * LOG_LINE_BYTES


def test_lines_over_the_count_are_counted_and_dropped():
    log = Log()

    log.write(b"line\n" * (LOG_LINES + 7))

    assert log.taken().endswith(b"\n[7 more lines were dropped]")
    assert log.taken().count(b"\n") == LOG_LINES
