"""Lets a few of the suite's clients at a time go on: it starts all of them at once, and each opens a house.

    python -m tests.conformance.turns FOLDER MODULE ARGUMENTS...

Whoever waits has loaded nothing yet. Decides nothing.
"""

import fcntl
import os
import runpy
import sys
from pathlib import Path

AT_ONCE = 6
"""More than there are cores: some of them wait for a server that takes its time."""


def main() -> None:
    """Wait for a turn in the folder, keep it until the end, and be the module."""
    folder, module, *rest = sys.argv[1:]
    with (Path(folder) / str(os.getpid() % AT_ONCE)).open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        sys.argv = [module, *rest]
        runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
