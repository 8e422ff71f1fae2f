"""Reads from outside how a process is confined, thread by thread. It believes the kernel, never the process."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FILTERED: Final = 2
_FIELD: Final = re.compile(r"^(NoNewPrivs|Seccomp|CapEff|CapPrm|Uid|Name):\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadState:
    """What `/proc/PID/task/TID/status` says of one thread."""

    tid: int
    name: str
    seccomp: int
    no_new_privs: bool
    capabilities: int
    """Effective and permitted sets together, as bits."""
    uids: tuple[int, ...]
    """Real, effective, saved and file-system user id."""

    @property
    def flaw(self) -> str | None:
        """Why this thread is not confined, or None."""
        if self.seccomp != _FILTERED:
            return "a thread has no seccomp filter"
        if not self.no_new_privs:
            return "a thread may gain privileges"
        if self.capabilities:
            return "a thread holds capabilities"
        if 0 in self.uids:
            return "a thread runs as root"
        return None


def states(pid: int) -> tuple[ThreadState, ...]:
    """Every thread of *pid*, by thread id.

    Raises: OSError when the process is gone.
    """
    return tuple(_states(pid))


def unconfined(pid: int) -> str | None:
    """Why *pid* must not be given work, or None when every one of its threads is confined."""
    try:
        seen = states(pid)
    except (OSError, ValueError):
        return "its threads cannot be read"
    if not seen:
        return "it has no threads"
    return next((flaw for flaw in (thread.flaw for thread in seen) if flaw is not None), None)


def _states(pid: int) -> Iterator[ThreadState]:
    for task in sorted(Path(f"/proc/{pid}/task").iterdir(), key=lambda path: int(path.name)):
        fields = dict(_FIELD.findall((task / "status").read_text(encoding="utf-8", errors="replace")))
        yield ThreadState(
            tid=int(task.name),
            name=fields.get("Name", ""),
            seccomp=int(fields.get("Seccomp", 0)),
            no_new_privs=fields.get("NoNewPrivs") == "1",
            capabilities=int(fields.get("CapEff", "f"), 16) | int(fields.get("CapPrm", "f"), 16),
            uids=tuple(int(uid) for uid in fields.get("Uid", "0").split()),
        )


def own_thread_count() -> int:
    """How many threads this process has now, as the kernel counts them."""
    return sum(1 for _ in Path("/proc/self/task").iterdir())
