"""A workspace under a folder with secrets, and a shell that runs in it, confined for real."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from holdfast.contracts import Completed, Outcome
from holdfast.contracts.limits import SHELL
from holdfast.sandbox.children import Launcher, Unavailable, probe
from holdfast.sandbox.shell import Shell

_KNOWN: set[str] = set()
"""What has been found out about this machine."""


@dataclass
class Place:
    root: Path
    outside: Path
    shell: Shell
    launcher: Launcher

    async def run(self, script: str, *, cwd: str = ".", wall_ms: int = 60_000, **limits: int) -> Outcome:
        return await self.argv("/bin/sh", "-c", script, cwd=cwd, wall_ms=wall_ms, **limits)

    async def argv(self, *argv: str, cwd: str = ".", wall_ms: int = 60_000, **limits: int) -> Outcome:
        return await self.shell.run(argv, cwd=cwd, wall_ms=wall_ms, limits=replace(SHELL, **limits))

    async def output(self, script: str, **limits: int) -> str:
        """Standard output and standard error of *script*, which must run to its end."""
        outcome = await self.run(script, **limits)
        assert isinstance(outcome, Completed), outcome
        structured = outcome.structured
        return structured["stdout"] + structured["stderr"]


@pytest.fixture
async def launcher() -> AsyncIterator[Launcher]:
    async with await Launcher.open() as one:
        if "proved" not in _KNOWN:
            found = await probe(one)
            if isinstance(found, Unavailable):
                # A child that cannot be started is this machine's affair; one that got something through is ours.
                (pytest.fail if found.probes else pytest.skip)(f"children cannot be confined here: {found.reason}")
            _KNOWN.add("proved")
        yield one


@pytest.fixture
def place(tmp_path: Path, launcher: Launcher) -> Place:
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder in (root / ".git" / "hooks", root / "sub" / ".git", outside):
        folder.mkdir(parents=True)
    (root / ".git" / "config").write_text("original")
    subprocess.run(["git", "init", "-q", str(root / "repo")], check=True, capture_output=True)
    (root / "file").write_text("inside")
    (outside / "secret").write_text("canary-7f3a")
    (root / "out").symlink_to(outside)
    (root / "secretlink").symlink_to(outside / "secret")
    (root / "gitlink").symlink_to(".git")
    return Place(root=root, outside=outside, shell=Shell(launcher, root), launcher=launcher)
