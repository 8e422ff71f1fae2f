"""Every bench, one after the other: `python -m bench`. Compare ratios within one run; a time belongs to its machine."""

import subprocess
import sys

BENCHES = (
    "calls",
    "wasm",
    "python",
    "javascript",
    "sandboxes",
    "policy",
    "leaks",
    "validator",
    "upstreams",
    "mcp_gateways",
    "gullible --sample 20",
)


def main() -> int:
    """Run them; the exit code is the worst of theirs."""
    worst = 0
    for name in BENCHES:
        print(f"\n== {name}", flush=True)
        worst = max(worst, subprocess.run([sys.executable, "-m", *f"bench.{name}".split()], check=False).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main())
