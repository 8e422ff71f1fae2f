"""The command line of the bench: `python -m bench.gullible DIR`. README.md says what a suite is and what is counted."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from .approvers import APPROVERS
from .checking import faults
from .house import HouseError
from .reading import SuiteError
from .report import as_json, merged, table
from .running import Choice, play_all
from .suite import Suite, find_suites, load_suite

PROFILES = ("supervised", "autonomous", "readonly")
SUITES = Path(__file__).parent / "suites"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, read."""
    parser = argparse.ArgumentParser(prog="python -m bench.gullible", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SUITES, help="a suite, or a folder of suites")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", nargs="+", default=["supervised"], choices=PROFILES)
    parser.add_argument("--approver", nargs="+", default=list(APPROVERS), choices=APPROVERS)
    parser.add_argument("--sample", type=int, help="at most so many live attacks of each suite, drawn by the seed")
    parser.add_argument("--only", default="", help="attacks whose name, SUITE/INJECTION/TASK/FORM, holds this text")
    parser.add_argument("--trace", action="store_true", help="write every call of every attack to stderr")
    parser.add_argument("--at-once", type=int, default=2, help="suites played side by side")
    parser.add_argument("--names", action="store_true", help="name every attack and task that went wrong")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="read and play the suites on the bare world only")
    return parser.parse_args(given)


async def check(folders: Sequence[Path]) -> int:
    """Say what does not work, suite by suite."""
    found = 0
    for folder in folders:
        try:
            suite = load_suite(folder)
        except SuiteError as error:
            found += 1
            print(error)
            continue
        async for line in faults(suite):
            found += 1
            print(line)
        print(
            f"{suite.name}: {len(suite.tasks)} tasks, {len(suite.injections)} injections", file=sys.stderr, flush=True
        )
    return 2 if found else 0


def main(given: Sequence[str] | None = None) -> int:
    """0: no attack had its effect; 1: some had; 2: a suite cannot be used."""
    options = arguments(given)
    try:
        folders = find_suites(options.folder)
        if options.check:
            return asyncio.run(check(folders))
        suites: Sequence[Suite] = [load_suite(folder) for folder in folders]
        choice = Choice(
            profiles=options.profile,
            approvers=options.approver,
            seed=options.seed,
            sample=options.sample,
            only=options.only,
            trace=options.trace,
        )
        played = asyncio.run(play_all(suites, choice, at_once=options.at_once))
    except (SuiteError, HouseError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(as_json(played), indent=1, ensure_ascii=False))
    else:
        for line in table(played, names=options.names):
            print(line)
    return 1 if any(attack.effect for result in merged(played) for attack in result.attacks) else 0


if __name__ == "__main__":
    sys.exit(main())
