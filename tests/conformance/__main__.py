"""The table of `make conformance`: every target on every revision, what passed and what did not.

python -m tests.conformance [TARGET ...] [--revision REVISION] [--scenario NAME]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from . import suite, targets


def main() -> int:
    """Run what was asked for; 1 when anything that counts failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance")
    parser.add_argument("targets", nargs="*", help=", ".join(targets.ALL))
    parser.add_argument("--revision", choices=suite.REVISIONS)
    parser.add_argument("--scenario", help="this one alone")
    parser.add_argument("--keep", type=Path, help="leave results and logs here")
    given = parser.parse_args()
    if unknown := set(given.targets) - targets.ALL.keys():
        parser.error(f"there is no target {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        home = given.keep or Path(folder)
        reports = [
            (name, targets.ALL[name](home / f"{name}-{revision}", revision, given.scenario))
            for name in given.targets or targets.ALL
            for revision in ((given.revision,) if given.revision else suite.REVISIONS)
        ]
    for name, report in reports:
        print(report.row(name))
        for failure in report.failures:
            print(f"    {failure}")
    return int(any(report.failures or report.exit_code for name, report in reports if name in targets.MUST_PASS))


if __name__ == "__main__":
    sys.exit(main())
