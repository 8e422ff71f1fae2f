"""Swapping folders and files for links while they are used never brings out a byte from outside."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.contracts import CallerError, Refusal

from .conftest import Place

ROUNDS = 1000
MOST_ROUNDS = 100_000


@contextmanager
def _meanwhile(swap: Callable[[], None]) -> Iterator[None]:
    done = threading.Event()

    def keep_on() -> None:
        while not done.is_set():
            swap()

    thread = threading.Thread(target=keep_on)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _taking_turns(spot: Path, *things: Path) -> Callable[[], None]:
    """Puts each of *things* at *spot* and back, over and over."""

    def swap() -> None:
        for thing in things:
            try:
                thing.rename(spot)
                spot.rename(thing)
            except OSError:  # somebody made a folder at the spot in between
                shutil.rmtree(spot, ignore_errors=True)

    return swap


def _folder_and_link(place: Place) -> Callable[[], None]:
    """`spot` is a folder with an innocent `secret.txt` and a link to the outside, in turns."""
    folder, link = place.root / "folder", place.root / "link"
    folder.mkdir()
    (folder / "secret.txt").write_bytes(b"innocent")
    link.symlink_to(place.outside)
    return _taking_turns(place.root / "spot", folder, link)


def _met(attempt: Callable[[], object]) -> set[object]:
    """What *attempt* answered over many rounds, as many as it takes to meet both turns of the swap."""
    answers: set[object] = set()
    refused = False
    for turn in range(MOST_ROUNDS):
        try:
            answers.add(attempt())
        except Refusal:
            refused = True
        except CallerError:
            continue  # between two turns there is nothing
        if turn >= ROUNDS and answers and refused:
            break
    assert refused, "the link was never met, so this proved nothing"
    return answers


def test_reading_while_a_folder_becomes_a_link_never_shows_the_outside(place) -> None:
    with _meanwhile(_folder_and_link(place)):
        assert _met(lambda: place.broker.read("spot/secret.txt")[0]) == {b"innocent"}


def test_listing_while_a_folder_becomes_a_link_never_names_the_outside(place) -> None:
    (place.root / "other").mkdir()
    (place.root / "other" / "tale").write_bytes(b"")
    (place.root / "link").symlink_to(place.outside)
    names: set[str] = set()

    with _meanwhile(_taking_turns(place.root / "spot", place.root / "other", place.root / "link")):
        for _ in range(ROUNDS):
            found, _cut = place.broker.entries("", depth=3, limit=100)
            names.update(Path(entry.path).name for entry in found)

    assert "tale" in names
    assert "secret.txt" not in names


def test_writing_while_a_folder_becomes_a_link_never_changes_the_outside(place) -> None:
    with _meanwhile(_folder_and_link(place)):
        assert _met(lambda: place.broker.write("spot/secret.txt", b"overwritten")) == {11}

    # the fixture looks at the outside: its file is whole and has no neighbour


def test_reading_while_a_file_becomes_a_link_never_shows_the_outside(place) -> None:
    plain, link = place.root / "plain", place.root / "link"
    plain.write_bytes(b"innocent")
    link.symlink_to(place.outside / "secret.txt")

    with _meanwhile(_taking_turns(place.root / "spot", plain, link)):
        assert _met(lambda: place.broker.read("spot")[0]) == {b"innocent"}


def test_two_writers_of_one_file_leave_one_of_the_two_whole(place) -> None:
    one, other = b"1" * 70_000, b"2" * 70_000

    with _meanwhile(lambda: (place.broker.write("both", one), None)[1]):
        for _ in range(50):
            place.broker.write("both", other)
            assert place.broker.read("both")[0] in {one, other}

    assert not [path for path in place.root.iterdir() if path.name.endswith(".part")]
