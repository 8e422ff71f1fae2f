"""For any bytes from a browser that comes back, each parameter is read once from a request for us, or nothing is."""

import sys
from urllib.parse import urlencode

from holdfast.sandbox.mcp.credentials.signing_in import PATH, read_callback

HOSTS = frozenset({"127.0.0.1:80"})


def check(data: bytes) -> None:
    found = read_callback(data, HOSTS)
    if found is None:
        return
    assert data.startswith(b"GET /callback")
    again = f"GET {PATH}?{urlencode(found)} HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n".encode()
    assert read_callback(again, HOSTS) == found


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
