"""WASI preview 2 by interface: what the engine answers, what needs a grant, what is never given. It runs nothing."""

from typing import Final

CLOCKS: Final = frozenset({"wasi:clocks/monotonic-clock", "wasi:clocks/wall-clock"})
"""Withheld without the grant `clock`. A sleep measures time, so it goes too."""
RANDOM: Final = frozenset({"wasi:random/random", "wasi:random/insecure", "wasi:random/insecure-seed"})
"""Withheld without the grant `random`."""
SOCKETS: Final = frozenset(
    {
        "wasi:sockets/instance-network",
        "wasi:sockets/ip-name-lookup",
        "wasi:sockets/tcp-create-socket",
        "wasi:sockets/udp-create-socket",
    }
)
"""Never given: without one of these there is no socket to call the others with."""
PROVIDED: Final = (
    CLOCKS
    | RANDOM
    | SOCKETS
    | {
        "wasi:cli/environment",
        "wasi:cli/exit",
        "wasi:cli/stderr",
        "wasi:cli/stdin",
        "wasi:cli/stdout",
        "wasi:cli/terminal-input",
        "wasi:cli/terminal-output",
        "wasi:cli/terminal-stderr",
        "wasi:cli/terminal-stdin",
        "wasi:cli/terminal-stdout",
        "wasi:filesystem/preopens",
        "wasi:filesystem/types",
        "wasi:io/error",
        "wasi:io/poll",
        "wasi:io/streams",
        "wasi:sockets/network",
        "wasi:sockets/tcp",
        "wasi:sockets/udp",
    }
)
"""All that is linked, empty: no folder, no argument but a name, no variable."""


def is_wasi(name: str) -> bool:
    """Whether *name* is an interface of WASI preview 2 that is linked."""
    return "@0.2." in name and interface_name(name) in PROVIDED


def interface_name(name: str) -> str:
    """`wasi:clocks/wall-clock` of `wasi:clocks/wall-clock@0.2.9`."""
    return name.split("@", 1)[0]


def withheld(*, clock: bool, random: bool) -> dict[str, str]:
    """The interfaces that stop a guest with these grants, and what they say."""
    said = dict.fromkeys(SOCKETS, "sockets are never given")
    if not clock:
        said |= dict.fromkeys(CLOCKS, "the clock is not granted")
    if not random:
        said |= dict.fromkeys(RANDOM, "randomness is not granted")
    return said
