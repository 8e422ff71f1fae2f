"""Starts the launching process, with an empty environment and one descriptor; never starts anything else."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Final

_WHERE_WE_ARE: Final = str(Path(sys.modules[__name__.partition(".")[0]].__path__[0]).parent)
_PROGRAM: Final = (
    "import sys; sys.argv[1] in sys.path or sys.path.insert(0, sys.argv[1]); "
    f"from {__package__}.launching_unsafe import main; main(int(sys.argv[2]))"
)
"""Isolated from the environment and the user's site, the interpreter must still find the code that runs here."""
_SEND_BUFFER: Final = 1 << 20


def start() -> tuple["subprocess.Popen[bytes]", socket.socket]:
    """The process and our end of its socket; closing that ends it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _PROGRAM, _WHERE_WE_ARE, str(theirs.fileno())],
            env={},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    return process, ours
