"""A program for inside a confined child: tries what must fail, from two threads, and says how it went. Harms nothing.

Arguments: a folder outside the grants with `canary` and `listener`, a TCP port somebody listens on, and the process
number of whoever must be out of reach.
"""

import ctypes
import json
import os
import resource
import socket
import sys
import threading
from collections.abc import Callable

_PTRACE_SEIZE = 0x4206
_NEW_USER_NAMESPACE = 0x1000_0000
_PATIENCE = 5.0


def attempts(outside: str, port: int, victim: int) -> dict[str, Callable[[], object]]:
    """Each attempt by name. It held if the call raises `OSError`; one that returns has got through."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(answer: int) -> None:
        if answer < 0:
            raise OSError(ctypes.get_errno(), "refused")

    def connect(family: int, address: tuple[str, int] | str) -> None:
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.settimeout(_PATIENCE)
            one.connect(address)

    def write(path: str) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))

    return {
        "read a file outside": lambda: os.close(os.open(f"{outside}/canary", os.O_RDONLY)),
        "read the password file": lambda: os.close(os.open("/etc/shadow", os.O_RDONLY)),
        "write a file outside": lambda: write(f"{outside}/new-{threading.get_ident()}"),
        "change a file's mode outside": lambda: os.chmod(f"{outside}/canary", 0o777),  # noqa: PTH101, S103 -- must fail
        "connect over tcp": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
        "connect to a unix socket outside": lambda: connect(socket.AF_UNIX, f"{outside}/listener"),
        "trace the server": lambda: call(libc.ptrace(_PTRACE_SEIZE, victim, 0, 0)),
        "signal the server": lambda: os.kill(victim, 0),
        "limit the server": lambda: resource.prlimit(victim, resource.RLIMIT_CORE),
        "make a user namespace": lambda: call(libc.unshare(_NEW_USER_NAMESPACE)),
    }


def main() -> None:
    """Try everything on the first thread and on a second one."""
    tried = attempts(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    _try(tried, "first thread")
    second = threading.Thread(target=_try, args=(tried, "second thread"))
    second.start()
    second.join()


def _try(tried: dict[str, Callable[[], object]], thread: str) -> None:
    for name, attempt in tried.items():
        try:
            attempt()
        except OSError as error:
            held, how = True, os.strerror(error.errno or 0).lower()
        else:
            held, how = False, "it got through"
        print(json.dumps({"name": name, "thread": thread, "held": held, "how": how}), flush=True)  # noqa: T201 -- its output


if __name__ == "__main__":
    main()
