"""The tables of docs/detection.md over a labelled set.

    python -m bench.detection DIR [TABLE ...] [--json] [--misses LINE]

DIR holds files named like `secrets_positive.jsonl.xz`, one JSON object a line. It prints figures and numbers of rows,
never a text of the set.
"""

import argparse
import json
import sys
from pathlib import Path

from . import hidden, injection, markup, pii, secrets
from .rows import written

TABLES = {"secrets": secrets, "injection": injection, "hidden": hidden, "markup": markup, "pii": pii}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", nargs="*", help=f"of {', '.join(TABLES)}; all of them without one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", metavar="LINE", help="name the rows that a line of a table gets wrong")
    asked = parser.parse_args()
    if not asked.folder.is_dir():
        parser.error(f"there is no folder {asked.folder}")
    if unknown := sorted(set(asked.table) - set(TABLES)):
        parser.error(f"there is no table {unknown[0]}")
    made = [table for name in asked.table or TABLES for table in TABLES[name].tables(asked.folder)]
    if asked.misses:
        wrong = {table.title: table.misses[asked.misses] for table in made if asked.misses in table.misses}
        print(json.dumps(wrong, indent=1))
    elif asked.json:
        print(json.dumps({table.title: {"columns": table.columns, "lines": table.lines} for table in made}))
    else:
        print("\n\n".join(written(table) for table in made if table.lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
