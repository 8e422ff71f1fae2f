"""Starts a program in a world of its own whose only name server writes down what it is asked. Linux; needs `unshare`.

Run in fresh network and mount name spaces: `name_server.py FOLDER COMMAND…`. Questions go to FOLDER/asked, one a line.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from pathlib import Path

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
MS_BIND, PR_SET_PDEATHSIG = 4096, 1


def main(folder: Path, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        (flags,) = struct.unpack("16xh", fcntl.ioctl(one, SIOCGIFFLAGS, struct.pack("16sh", b"lo", 0)))
        fcntl.ioctl(one, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    if libc.mount(os.fsencode(folder / "resolv.conf"), b"/etc/resolv.conf", None, MS_BIND, None):
        sys.exit(f"cannot bind resolv.conf: {os.strerror(ctypes.get_errno())}")
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("127.0.0.1", 53))
    if os.fork():
        os.execvp(command[0], command)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with (folder / "asked").open("a", buffering=1) as log:
        while True:
            question, peer = listener.recvfrom(512)
            log.write(f"{name_in(question)}\n")
            listener.sendto(question[:2] + b"\x81\x83" + question[4:], peer)  # no such name


def name_in(question: bytes) -> str:
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("latin-1"))
        at += 1 + question[at]
    return ".".join(labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
