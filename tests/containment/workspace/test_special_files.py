"""Pipes, devices and sockets neither hold a call up nor get spoken to; sizes are bounded."""

import os
import resource
import socket
import stat
from pathlib import Path

import pytest

from holdfast.contracts import InvalidRequest, Refusal, TooLarge
from holdfast.sandbox.workspace import Caps, WorkspaceBroker


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _refused(attempt) -> None:
    with pytest.raises(Refusal) as refused:
        attempt()
    assert refused.value.reason.code == "workspace/not-a-file"


@pytest.mark.timeout(20)
def test_a_pipe_answers_at_once_and_stays_a_pipe(place) -> None:
    os.mkfifo(place.root / "pipe")

    _refused(lambda: place.broker.read("pipe"))
    _refused(lambda: place.broker.write("pipe", b"x"))

    assert stat.S_ISFIFO((place.root / "pipe").lstat().st_mode)


def test_a_socket_is_refused(place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.root)  # the name of a socket may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")

        _refused(lambda: place.broker.read("socket"))
        _refused(lambda: place.broker.write("socket", b"x"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_refused(place) -> None:
    try:
        os.mknod(place.root / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("devices cannot be made here")

    _refused(lambda: place.broker.read("zero"))
    _refused(lambda: place.broker.write("zero", b"x"))


def test_a_folder_is_no_file(place) -> None:
    for path in ("docs", "", ".", "docs/"):
        with pytest.raises(InvalidRequest):
            place.broker.read(path)
        with pytest.raises(InvalidRequest):
            place.broker.write(path, b"x")
    with pytest.raises(InvalidRequest):
        place.broker.write("new/", b"x")


def test_a_huge_file_is_read_in_pieces_only(place) -> None:
    with (place.root / "huge").open("wb") as huge:
        huge.truncate(1 << 40)

    with pytest.raises(TooLarge):
        place.broker.read("huge")
    assert place.broker.read("huge", offset=(1 << 40) - 3) == (b"\0\0\0", 1 << 40)
    data, size = place.broker.read("huge", limit=1 << 40)

    assert (len(data), size) == (Caps().read_bytes, 1 << 40)


def test_a_write_over_the_cap_leaves_nothing_behind(tmp_path: Path) -> None:
    with WorkspaceBroker(tmp_path, caps=Caps(write_bytes=4)) as broker:
        broker.write("small", b"four")
        with pytest.raises(TooLarge):
            broker.write("folder/large", b"fives")

    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_other(place) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="large"):
            place.broker.write("notes.txt", b"x" * 8192)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert (place.root / "notes.txt").read_bytes() == b"inside"
    assert sorted(path.name for path in place.root.iterdir()) == ["docs", "notes.txt"]


def test_no_descriptor_is_left_open_whatever_happens(place) -> None:
    os.mkfifo(place.root / "pipe")
    (place.root / "away").symlink_to(place.outside)
    before = _open_descriptors()

    for path in ("notes.txt", "pipe", "away/x", "docs", "docs/none", "docs/page.md/x", "../x", "docs/new"):
        for attempt in (
            lambda path=path: place.broker.read(path),
            lambda path=path: place.broker.write(path, b"x"),
            lambda path=path: place.broker.entries(path, depth=3, limit=2),
        ):
            try:
                attempt()
            except (Refusal, Exception):  # noqa: BLE001 -- only what stays open is asked here
                continue

    assert _open_descriptors() == before
