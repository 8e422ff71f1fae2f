"""For any bytes as a line on the admin socket, the answer is a request that writes back the same, or a CallerError."""

import sys

from holdfast.contracts import CallerError
from holdfast.server.admin.wire import read_request, write_request


def check(data: bytes) -> None:
    """Read *data* as a request; whatever is one survives being written and read again."""
    try:
        request = read_request(data)
    except CallerError:
        return
    try:
        line = write_request(request)
    except CallerError:
        return  # over the size of a line
    assert line.count(b"\n") == 1
    assert read_request(line) == request


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
