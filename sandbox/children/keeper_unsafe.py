"""The process between the server and one confined child: gives up its own rights, starts the child, ends it all.

It never returns to the launching process, reads nothing from the child, and outlives nothing it started.

1. Its standard streams become the child's pipes; every other descriptor but the control channel is closed.
2. In a mount namespace of its own all but the writable folders becomes read-only, and so do protected names in them.
   As root it then becomes the owner of those folders. Every capability goes.
3. A seccomp filter keeps it and the child off the limits and priorities of other processes: Landlock only scopes
   signals. A Landlock layer of our own goes around both: sandlock acts for the child from here, and what acts for the
   child may reach no more than the child.
4. sandlock starts the child with these streams; ours are closed.
5. Whatever comes first, the child's end or the end of the control channel, everything below is killed and reaped.
6. A protected name that came to be all the same is set aside, and ends the child at once (see `tripwire_unsafe`).
"""

import json
import os
import resource
import select
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol, cast

import sandlock
from sandlock.sandbox import Process, StdioMode

from holdfast.contracts import OperatorError

from ..confinement.kernel_unsafe import clear_capabilities, forbid_new_privileges
from ..confinement.syscalls import machine
from ..workspace import ProtectedNames
from . import kernel_unsafe as kernel
from .others_unsafe import leave_others_alone
from .spec import LAYERS, Plan
from .tree import descendants
from .tripwire_unsafe import Tripwire

CONTROL: Final = 3
"""Where the control channel ends up."""

_UNMEDIATED: Final = (
    # Make a file by name without sandlock looking at the name (0.9).
    *("creat", "mknod", "mknodat"),
    # Memory that sandlock does not count.
    *("memfd_create", "memfd_secret"),
    # Nobody without privileges needs them, and they have had their bugs.
    *("open_tree", "open_tree_attr", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount", "fspick"),
)
_METADATA: Final = (
    # What Landlock does not know. Where mounts cannot be made read-only, they would reach every file of our user.
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "utimensat", "futimesat", "file_setattr"),
    *(
        "setxattr",
        "lsetxattr",
        "fsetxattr",
        "setxattrat",
        "removexattr",
        "lremovexattr",
        "fremovexattr",
        "removexattrat",
    ),
)


class _Result(Protocol):
    """What sandlock says of a child that has ended; it does not type this itself."""

    exit_code: int
    reason: int
    signal: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What confines the child in the end."""

    layers: tuple[str, ...]
    denied_paths: tuple[str, ...]
    """Left to sandlock to deny, reading included."""
    denied_calls: tuple[str, ...]


def keep(plan: Plan, streams: tuple[int, int, int], control: int) -> None:
    """Run *plan* to its end, then leave this process. Says how it went on *control*; never returns."""
    try:
        _take_streams(streams, control)
        wire = Tripwire(plan.writable, ProtectedNames(frozenset(plan.protected)))
        applied = _confine_self(plan)
        child = _start(plan, applied)
    except Exception as error:  # noqa: BLE001 -- whatever failed, the child has not started and the server must know
        _say({"failed": error.message if isinstance(error, OperatorError) else type(error).__name__.lower()})
        os._exit(1)
    _say({"started": child.pid, "isolation": applied.layers})
    _let_go_of_streams()
    watch = _Watch(wire)
    threading.Thread(target=watch.run, daemon=True).start()
    # pyright knows that sandlock does not type this; that is why it is cast.
    ended = cast("_Result", child.wait())  # pyright: ignore[reportUnknownMemberType] -- see above
    _end_all()
    tripped = wire.tripped() or wire.swept() or watch.tripped
    killed = watch.ended or ended.reason not in (sandlock.ExitReason.EXITED, sandlock.ExitReason.SIGNALED)
    _say({"code": ended.exit_code, "signal": max(ended.signal or 0, 0), "killed": killed, "tripped": tripped})
    os._exit(0)


class _Watch:
    """A thread that ends the child when the server says so or a protected name is made."""

    def __init__(self, wire: Tripwire) -> None:
        self._wire = wire
        self.ended = False
        """It ended the child."""
        self.tripped = False
        """Because of a name."""

    def run(self) -> None:
        """Wait for either."""
        while not self.ended:
            ready, _, _ = select.select([CONTROL, self._wire.descriptor], [], [])
            self.tripped = self._wire.descriptor in ready and self._wire.tripped()
            self.ended = self.tripped or (CONTROL in ready and not _said())
        _kill_below()


def _said() -> bytes:
    with suppress(OSError):
        return os.read(CONTROL, 1)
    return b""


def _take_streams(streams: tuple[int, int, int], control: int) -> None:
    os.setsid()
    kernel.become_subreaper()
    # Move everything above where it will land first: the numbers may overlap.
    high = [os.dup(one) for one in (*streams, control)]
    moved = [_above(one) for one in high]
    for number, one in enumerate(moved):
        os.dup2(one, number, inheritable=number != CONTROL)
    _close_above(CONTROL)


def _close_above(last: int) -> None:
    # The few that are open, not the 20 000 that might be: closing those takes 3 ms.
    for number in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 -- numbers, not paths
        if number > last:
            with suppress(OSError):  # the one the listing itself used
                os.close(number)


def _above(descriptor: int) -> int:
    while descriptor <= CONTROL:
        descriptor = os.dup(descriptor)
    return descriptor


def _confine_self(plan: Plan) -> Applied:
    here = machine()
    if here is None:
        raise OperatorError("there is no system call table for this processor")
    os.chdir("/")
    os.umask(0o022)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (plan.file_bytes, plan.file_bytes))
    applied = _frozen(plan)
    if os.geteuid() == 0:
        _leave_root(plan)
    clear_capabilities(here)
    forbid_new_privileges()
    leave_others_alone(here)
    kernel.landlock_beneath(_rights(plan), tcp=bool(plan.network))
    return applied if os.geteuid() == 0 else replace(applied, layers=(*applied.layers, "unprivileged"))


def _frozen(plan: Plan) -> Applied:
    """Freeze the mounts, or say what has to be denied instead."""
    layers = LAYERS
    existing = tuple(path for path in plan.guarded if os.path.lexists(path))
    mountable = tuple(path for path in existing if not os.path.islink(path))  # noqa: PTH114 -- as everywhere here
    if not kernel.own_mounts():
        return Applied(layers=layers, denied_paths=plan.guarded, denied_calls=_METADATA)
    kernel.freeze_mounts((*plan.writable, *plan.scratch), mountable)
    denied = tuple(path for path in plan.guarded if path not in mountable)
    return Applied(layers=(*layers, "mounts"), denied_paths=denied, denied_calls=())


def _leave_root(plan: Plan) -> None:
    owners = {(found.st_uid, found.st_gid) for found in map(os.stat, plan.writable)}
    owner = owners.pop() if len(owners) == 1 else (0, 0)
    for path in plan.scratch:
        os.chown(path, *owner)
    kernel.lock_out_root()
    if owner[0] != 0:
        kernel.become(*owner)


def _rights(plan: Plan) -> tuple[tuple[str, int], ...]:
    return (
        ("/proc", kernel.READ),
        ("/dev/null", kernel.DEVICE),
        *((path, kernel.READ) for path in plan.readable),
        *((path, kernel.WRITE) for path in (*plan.writable, *plan.scratch)),
    )


def _start(plan: Plan, applied: Applied) -> Process:
    denied = [*_UNMEDIATED, *applied.denied_calls]
    if not plan.network:
        denied.append("listen")
    sandbox = sandlock.Sandbox(
        fs_readable=list(plan.readable),
        fs_writable=[*plan.writable, *plan.scratch, "/dev/null"],
        fs_denied=list(applied.denied_paths),
        cwd=plan.cwd,
        clean_env=True,
        env=dict(plan.env),
        net_allow=[f"tcp://{_bracketed(address)}:{port}" for address, port in plan.network],
        max_memory=plan.memory_bytes,
        max_processes=plan.max_processes,
        max_open_files=plan.max_open_files,
        extra_deny_syscalls=denied,
    )
    try:
        return sandbox.popen(list(plan.argv), StdioMode.INHERIT, StdioMode.INHERIT, StdioMode.INHERIT)
    except RuntimeError:
        raise OperatorError(
            "sandlock could not start the child; its folder may be gone or the kernel too old"
        ) from None


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _let_go_of_streams() -> None:
    nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    for number in range(CONTROL):
        os.dup2(nothing, number)
    os.close(nothing)


def _end_all() -> None:
    """Kill and reap until nothing is below us. Ends: nobody can fork any more once sandlock's listener is gone."""
    with suppress(ChildProcessError):
        while True:
            while os.waitpid(-1, os.WNOHANG)[0] != 0:
                pass  # what has already ended
            _kill_below()
            os.waitpid(-1, 0)


def _kill_below() -> None:
    for process in descendants(os.getpid()):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _say(what: dict[str, object]) -> None:
    with suppress(OSError):  # nobody listens any more: then nobody needs to know
        os.write(CONTROL, json.dumps(what).encode() + b"\n")
