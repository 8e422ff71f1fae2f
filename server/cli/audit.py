"""`holdfast audit`: look at the record, check it, take its signed head away."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from holdfast.contracts import Json, OperatorError

from ..audit import ChainReport, Checkpoint, newest, read_checkpoint, verify
from ..data_dir import DataDir, find_data_dir
from ..terminal import OUT, counted, plain
from .options import ConfigOption, DataDirOption, Format, FormatOption, ask
from .rendering import show, show_json

group = typer.Typer(no_args_is_help=True)
COLUMNS = ("seq", "at", "kind", "call_id", "principal", "tool", "status", "reason")


@group.command()
def tail(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000, help="How many records.")] = 20,
    data_dir: DataDirOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Show the newest records of every chain, while a server writes them or not. Unchecked: see `verify`."""
    show(list[Json](newest(_audit_of(find_data_dir(data_dir)), count)), output, COLUMNS)
    return 0


@group.command("verify")
def verify_chains(
    head: Annotated[Path | None, typer.Option(help="A signed head held elsewhere.")] = None,
    data_dir: DataDirOption = None,
    output: FormatOption = Format.TEXT,
) -> int:
    """Check every record of every chain. Exit 1 when one does not hold."""
    root = find_data_dir(data_dir)
    _audit_of(root)
    data = DataDir.open(root)
    checkpoint = None if head is None else read_checkpoint(_bytes(head), data.key("audit-sign"))
    reports = _reports(data, checkpoint)
    rows: list[Json] = [
        {
            "chain": report.chain,
            "records": report.records,
            "calls": report.calls,
            "head": None if report.head is None else str(report.head),
            "holds": report.broken is None,
            "broken": report.broken,
        }
        for report in reports
    ]
    if output is Format.JSON:
        show_json(rows)
    for report in reports if output is Format.TEXT else ():
        verdict = "[green]holds[/]" if report.broken is None else f"[red]broken[/]: {plain(report.broken)}"
        OUT.print(
            f"chain {report.chain}: {counted(report.records, 'record')} of {counted(report.calls, 'call')}: {verdict}"
        )
    if output is Format.TEXT:
        OUT.print(_reach(checkpoint is not None))
    return 1 if any(report.broken for report in reports) else 0


def _reports(data: DataDir, checkpoint: Checkpoint | None) -> list[ChainReport]:
    """A check of every chain there is, and of the one that *checkpoint* says there was."""
    reports = [
        verify(
            folder,
            data.key("audit"),
            head=(checkpoint.seq, checkpoint.hash) if checkpoint and checkpoint.chain == folder.name else None,
        )
        for folder in sorted(data.audit.iterdir())
        if folder.is_dir()
    ]
    if checkpoint is not None and checkpoint.chain not in {report.chain for report in reports}:
        gone = f"record {checkpoint.seq} of the checkpoint is gone, and its whole chain"
        reports.append(ChainReport(chain=checkpoint.chain, records=0, calls=0, head=None, broken=gone))
    return reports


@group.command()
def export(
    head: Annotated[bool, typer.Option("--head", help="The signed head, to be kept elsewhere.")] = False,  # noqa: FBT002 -- a flag
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> int:
    """Print the signed head of the chain; without --head, every record of the chain."""
    if head:
        answer = ask("audit.export", {}, data_dir=data_dir, config=config)
        sys.stdout.write(str(answer["head"]) if isinstance(answer, dict) else "")
        return 0
    for segment in sorted(_audit_of(find_data_dir(data_dir)).glob("*/*.jsonl")):
        sys.stdout.write(_bytes(segment).decode("utf-8", "backslashreplace"))
    return 0


def _audit_of(root: Path) -> Path:
    if not (root / "audit").is_dir():
        raise OperatorError(f"there is no record in `{root}`")
    return root / "audit"


def _reach(checked: bool) -> str:  # noqa: FBT001 -- private, one use
    if checked:
        return "[dim]checked up to the head you gave; records cut after it cannot be seen[/]"
    return "[dim]without a head held elsewhere (--head), records cut from the end cannot be seen[/]"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise OperatorError(f"cannot read `{path}`: {error.strerror}") from None
