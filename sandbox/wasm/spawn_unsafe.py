"""Starts the children: a fresh interpreter with an empty environment, no site, and only the descriptors it is given.

Never a fork of this process: it has threads, and a child must not inherit its memory.
"""

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_CHILD_PACKAGES: Final = ("holdfast", "wasmtime")


class SpawnError(Exception):
    """A child could not be started."""


@dataclass(frozen=True, slots=True)
class Child:
    """A started child and this side's ends of its two pipes."""

    process: subprocess.Popen[bytes]
    requests: int
    replies: int

    @property
    def pid(self) -> int:
        """Its process id; valid until it is waited for."""
        return self.process.pid

    def kill(self) -> None:
        """End it now, if it has not ended."""
        self.process.kill()

    def ended_within(self, seconds: float) -> int | None:
        """Its status when it ends within *seconds*, else None. Does not close the pipes."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def wait(self) -> int:
        """Wait for its end and close this side's pipes; answers its status, negative for a signal."""
        status = self.process.wait()
        for descriptor in (self.requests, self.replies):
            os.close(descriptor)
        return status


def start(module: str, leading: tuple[str | int, ...], source: int, *, entry: str = "main") -> Child:
    """Start `entry(*leading, source, requests, replies)` of *module*, one of ours, in a child.

    *source* is inherited and stays open here. Raises: SpawnError.
    """
    child_requests, requests = os.pipe()
    replies, child_replies = os.pipe()
    arguments = (*leading, source, child_requests, child_replies)
    code = f"import sys; sys.path += {list(_roots())!r}; from {module} import {entry}; {entry}(*{arguments!r})"
    try:
        process = subprocess.Popen(
            (_interpreter(), "-I", "-S", "-c", code),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={},
            pass_fds=(source, child_requests, child_replies),
            start_new_session=True,  # the terminal's Ctrl-C is ours to act on
        )
    except OSError as error:
        os.close(requests)
        os.close(replies)
        raise SpawnError(f"a worker process cannot be started: {error.strerror}") from error
    finally:
        os.close(child_requests)
        os.close(child_replies)
    return Child(process, requests, replies)


def _interpreter() -> str:
    if not sys.executable:
        raise SpawnError("this Python does not know its own executable")
    return sys.executable


@cache
def _roots() -> tuple[str, ...]:
    """The folders that hold our package and wasmtime's, in that order."""
    found: list[str] = []
    for package in _CHILD_PACKAGES:
        spec = importlib.util.find_spec(package)
        places = None if spec is None else spec.submodule_search_locations
        if not places:
            raise SpawnError(f"the package `{package}` is not installed")
        root = str(Path(next(iter(places))).parent)
        if root not in found:
            found.append(root)
    return tuple(found)
