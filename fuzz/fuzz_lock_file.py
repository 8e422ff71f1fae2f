"""For any text as a lock file, what is approved writes back and reads the same, or it is refused in words of ours."""

import sys

from holdfast.contracts import OperatorError
from holdfast.server.catalogue.lockfile import read_lock, write_lock


def check(data: bytes) -> None:
    try:
        lock = read_lock(data.decode("utf-8", "replace"))
    except OperatorError as refused:
        _one_line(refused)
        return
    assert read_lock(write_lock(lock.servers)).servers == lock.servers
    for why in lock.refused.values():
        assert "\n" not in why


def _one_line(refused: OperatorError) -> None:
    assert "\n" not in refused.message


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
