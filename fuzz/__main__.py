"""Fuzzes targets one after the other and prints a table; it leaves what it found where it says, and changes no seed.

    python -m fuzz [--seconds N] [--folder DIR] [NAME ...]

Without names: the targets of the safety layers. What each grew stays in DIR (`.tools/fuzz`) for the next time.
Exit 1 when anything crashed, hung or broke its invariant; the inputs lie in DIR/NAME/found.
"""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
LAYERS = ("sanitizer", "links", "leaks", "credentials", "envelope", "schema", "decoding", "json", "injection", "pii")
_RUNS = re.compile(rb"Done (\d+) runs in (\d+) second")
_PULSE = re.compile(rb"#(\d+)\t\w+\s+(?:cov: (\d+) ft: (\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What fuzzing one target came to."""

    name: str
    executions: int
    coverage: int
    features: int
    seconds: int
    found: tuple[str, ...]


def fuzzed(name: str, folder: Path, seconds: int) -> Run:
    """Fuzz *name* for *seconds* of the clock, from its seeds and from what earlier runs grew."""
    grown, found = folder / name / "grown", folder / name / "found"
    for each in (grown, found):
        each.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    command = [sys.executable, str(HERE / f"fuzz_{name}.py"), str(grown), str(HERE / "corpus" / name)]
    limits = [
        f"-max_total_time={seconds}",
        "-timeout=60",
        "-report_slow_units=60",
        "-rss_limit_mb=3000",
        f"-artifact_prefix={found}/",
    ]
    done = subprocess.run(
        [*command, *limits],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": f"{HERE.parent / 'src'}:{HERE.parent}"},
        check=False,
    )
    (folder / name / "last.log").write_bytes(done.stdout)
    return _read(name, done.stdout, done.returncode, tuple(sorted(each.name for each in set(found.iterdir()) - before)))


def _read(name: str, said: bytes, code: int, found: tuple[str, ...]) -> Run:
    pulses = list(_PULSE.finditer(said))
    measured = [pulse for pulse in pulses if pulse[2]]
    ended = _RUNS.search(said)
    return Run(
        name=name,
        executions=int(ended[1]) if ended else int(pulses[-1][1]) if pulses else 0,
        coverage=int(measured[-1][2]) if measured else 0,
        features=int(measured[-1][3]) if measured else 0,
        seconds=int(ended[2]) if ended else 0,
        found=found or ((f"ended with {code}",) if code else ()),
    )


def main() -> int:
    """Fuzz what is asked for; the exit code says whether every invariant held."""
    options = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--folder", type=Path, default=HERE.parent / ".tools" / "fuzz")
    options.add_argument("names", nargs="*")
    chosen = options.parse_args()
    names = chosen.names or [name for name in LAYERS if (HERE / f"fuzz_{name}.py").exists()]
    print(f"{'target':<16}{'executions':>12}{'coverage':>10}{'features':>10}{'seconds':>9}  found", flush=True)
    broken = 0
    for name in names:
        run = fuzzed(name, chosen.folder, chosen.seconds)
        broken += bool(run.found)
        found = ", ".join(run.found) or "nothing"
        print(
            f"{name:<16}{run.executions:>12}{run.coverage:>10}{run.features:>10}{run.seconds:>9}  {found}", flush=True
        )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
