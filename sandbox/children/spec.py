"""What a confined child is given, and the checks that need no kernel; it starts nothing.

1. Paths are absolute and real: a link in a grant is resolved once, here, by us.
2. A writable folder that holds a Unix socket is refused: whoever listens behind it would act for the child.
3. Protected names are looked for in the writable folders themselves and three folders down; at the top of a writable
   folder they are protected whether they exist or not.
"""

import ipaddress
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.contracts import OperatorError
from holdfast.contracts.limits import MIB, SHELL

from ..workspace import PROTECTED_NAMES, ProtectedNames

LAYERS: Final = ("landlock", "seccomp", "sandlock")
"""What confines every child at the least; one that cannot have them is not started."""

SYSTEM_READABLE: Final[tuple[str, ...]] = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/dev/null",
    "/dev/urandom",
    "/dev/zero",
    "/proc",
)
"""What programs of the system need to start. `/proc` shows a child only itself: sandlock hides the rest."""

_SEARCHED_DEPTH: Final = 3
_SEARCHED_ENTRIES: Final = 50_000
"""About 100 ms of looking; a larger tree is refused rather than half protected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One TCP endpoint a child may dial itself, past the egress broker."""

    address: str
    """An IP address, never a name: names are resolved by nobody."""
    port: int

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            raise OperatorError("`network` takes IP addresses with a port, not names") from None
        if not 0 < self.port < 65536:  # noqa: PLR2004 -- the range of a TCP port
            raise OperatorError("`network` takes a port from 1 to 65535")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """A program and all it is given. What is not named here it does not get."""

    argv: tuple[str, ...]
    """The first is an absolute path, or a name looked up in the child's own `PATH`."""
    cwd: str
    """Absolute; inside a readable or writable folder."""
    env: Mapping[str, str] = field(default_factory=lambda: {"PATH": "/usr/local/bin:/usr/bin:/bin"})
    """All of its environment."""
    readable: tuple[str, ...] = SYSTEM_READABLE
    writable: tuple[str, ...] = ()
    """Folders it may read, change and run programs from."""
    scratch: tuple[str, ...] = ()
    """Folders like `writable`, in which no name is protected."""
    protected: frozenset[str] = PROTECTED_NAMES
    """Names that stay unwritten in `writable`, compared as the workspace compares them."""
    network: tuple[Endpoint, ...] = ()
    memory_bytes: int = SHELL.memory_bytes
    """Anonymous memory of the whole tree."""
    max_processes: int = 64
    """At one time, in the whole tree; threads do not count."""
    max_open_files: int = 1024
    file_bytes: int = 1024 * MIB
    """The largest file it may write."""

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise OperatorError("`argv` names a program")
        texts = (*self.argv, self.cwd, *self.env, *self.env.values(), *self.readable, *self.writable, *self.scratch)
        if any("\0" in text for text in texts):
            raise OperatorError("a NUL cannot be passed to a program; take it out")
        if any("=" in name or not name for name in self.env):
            raise OperatorError("`env` has a name that is empty or holds `=`")
        if any(not path.startswith("/") for path in (self.cwd, *self.readable, *self.writable, *self.scratch)):
            raise OperatorError("`cwd`, `readable`, `writable` and `scratch` are absolute paths")
        if min(self.memory_bytes, self.max_processes, self.max_open_files, self.file_bytes) < 1:
            raise OperatorError("limits of a confined child are positive; there is no `unlimited`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A spec with every path resolved: what the keeper is told."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    readable: tuple[str, ...]
    writable: tuple[str, ...]
    scratch: tuple[str, ...]
    guarded: tuple[str, ...]
    """Paths below `writable` that stay unwritten, existing or not."""
    protected: tuple[str, ...]
    """The names behind that, folded."""
    network: tuple[tuple[str, int], ...]
    memory_bytes: int
    max_processes: int
    max_open_files: int
    file_bytes: int


def plan(spec: ChildSpec) -> Plan:
    """Resolve *spec* against the file system as it is now. Readable paths that do not exist are left out.

    Raises: OperatorError when a writable folder is missing, holds a Unix socket, or is too large to protect, or when
    `cwd` is no folder inside the grants.
    """
    readable = tuple(dict.fromkeys(path for path in spec.readable if os.path.exists(path)))  # noqa: PTH110 -- may be a link
    writable = tuple(dict.fromkeys(map(_folder, spec.writable)))
    scratch = tuple(dict.fromkeys(map(_folder, spec.scratch)))
    cwd = _folder(spec.cwd)
    granted = (*writable, *scratch, *map(os.path.realpath, readable))
    if not any(_within(cwd, grant) for grant in granted):
        raise OperatorError("`cwd` is inside none of the readable and writable folders")
    names = ProtectedNames.of(added=spec.protected, released=PROTECTED_NAMES - spec.protected)
    guarded: dict[str, None] = {}
    for root in writable:
        guarded |= dict.fromkeys(f"{root}/{name}" for name in sorted(spec.protected))
        guarded |= dict.fromkeys(_existing(root, names))
    return Plan(
        argv=spec.argv,
        cwd=cwd,
        env=dict(spec.env),
        readable=readable,
        writable=writable,
        scratch=scratch,
        guarded=tuple(guarded),
        protected=tuple(sorted(names.folded)),
        network=tuple((one.address, one.port) for one in spec.network),
        memory_bytes=spec.memory_bytes,
        max_processes=spec.max_processes,
        max_open_files=spec.max_open_files,
        file_bytes=spec.file_bytes,
    )


def _existing(root: str, names: ProtectedNames) -> Iterator[str]:
    room = _SEARCHED_ENTRIES
    folders = [(root, 0)]
    while folders:
        folder, depth = folders.pop()
        for entry in _entries(folder):
            room -= 1
            if room < 0:
                raise OperatorError(
                    f"a writable folder has more than {_SEARCHED_ENTRIES} entries near its top; narrow it"
                )
            if entry.is_symlink():
                if names.covers(entry.name):
                    yield from _behind(entry.path, root)
                continue
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISSOCK(mode):
                raise OperatorError(
                    "a writable folder holds a Unix socket, a way out of confinement; remove or move it"
                )
            if names.covers(entry.name):
                yield entry.path
            elif stat.S_ISDIR(mode) and depth < _SEARCHED_DEPTH:
                folders.append((entry.path, depth + 1))


def _behind(link: str, root: str) -> tuple[str, ...]:
    """The link, and what is behind it if that is in *root* too."""
    real = os.path.realpath(link)
    return (link, real) if _within(real, root) and real != root and Path(real).exists() else (link,)


def _entries(folder: str) -> tuple["os.DirEntry[str]", ...]:
    try:
        with os.scandir(folder) as found:
            return tuple(found)
    except OSError:
        return ()  # not ours to read, or gone: then not the child's either


def _folder(path: str) -> str:
    real = os.path.realpath(path)
    if not Path(real).is_dir():
        raise OperatorError("`cwd` or a writable grant is not a folder that exists")
    return real


def _within(path: str, grant: str) -> bool:
    return path == grant or path.startswith(grant.rstrip("/") + "/")
