"""The scenes of the tour, in order: what runs, what is cleaned, what is refused, who approves, and the record."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from holdfast.contracts import ApprovalId, HoldfastError, Json, ToolName

from ..audit import verify
from ..principals import OPERATOR
from ..store import Ruling
from ..terminal import counted, plain
from .stage import GRANTED_HOST, LETTER, SERVER, Stage, fuel_bomb, open_stage, word_count


async def run_demo(console: Console) -> int:
    """Run it; answers the exit code: 0 when every part that can run here did what it should."""
    with tempfile.TemporaryDirectory(prefix="holdfast-demo-") as folder:
        console.print("[bold]Holdfast[/] decides, runs where it can do no harm, cleans, and keeps the record.")
        console.print("[dim]All of this is real: processes, files, a WASM module, an MCP server. Nothing is kept.[/]")
        async with open_stage(Path(folder), console) as stage:
            await _runs(stage)
            await _cleans(stage)
            await _refuses(stage)
            await _asks(stage)
            held = await _remembers(stage)
            for name, why in stage.house.off.items():
                stage.say(f"\n[yellow]off on this machine[/]: {plain(name)}: {plain(why.remedy or why.message)}")
    _next(console)
    return 0 if held else 1


async def _runs(stage: Stage) -> None:
    stage.scene("1  It runs: a built-in tool, a sandboxed module, an MCP server")
    await stage.call("file_list", {"path": "."})
    if "wasm" not in stage.house.off:
        manifest, module = await word_count()
        await stage.register(manifest, module, "word_count_wat")
        await stage.call("word_count_wat", {"text": stage.readme})
    try:
        await stage.house.upstreams.approve(SERVER, ())
    except HoldfastError as error:
        stage.say(f"    [yellow]off on this machine[/]: {plain(error.message)}")
        return
    await stage.call(f"{SERVER}__convert", {"value": 20000, "unit": "league", "into": "kilometre"})
    stage.say(
        "    [dim]it hid one text behind a terminal escape, now in sight, and one in invisible letters, now gone[/]"
    )


async def _cleans(stage: Stage) -> None:
    stage.scene("2  It cleans: a secret in a file does not reach the model")
    await stage.call("file_read", {"path": "deploy.log"})


async def _refuses(stage: Stage) -> None:
    stage.scene("3  It refuses, says why, and says what an operator would change")
    await stage.call("file_read", {"path": "../data/keys/audit"})
    if "wasm" not in stage.house.off:
        manifest, module = await fuel_bomb()
        await stage.register(manifest, module, "spinner")
        await stage.call("spinner", {})
    fresh = await stage.clean_session()
    await stage.call("http_fetch", {"url": "https://collector.example/?q=1"}, session=fresh)
    stage.say(f"    [dim]only {GRANTED_HOST} is granted here; no name was looked up, no packet left[/]")
    if stage.house.registry.get(stage_tool("peek")) is not None:
        await stage.call(f"{SERVER}__peek", {"path": str(stage.house.data.root / "keys" / "audit")})
        stage.say("    [dim]the server itself tried; its process cannot see that folder[/]")


async def _asks(stage: Stage) -> None:
    stage.scene("4  It asks: a stranger's letter gives orders, and what it wants done waits for somebody")
    await stage.call("file_read", {"path": LETTER})
    stage.say("    [dim]the session has now read a stranger's text, and never forgets it[/]")
    command: dict[str, Json] = {"argv": ["wc", "-w", "README.md"]}
    asked = await stage.call("shell", command)
    if asked.approval is None:
        return
    await stage.house.desks.approvals.decide(ApprovalId(asked.approval.id), Ruling.APPROVE, by=OPERATOR)
    stage.say(f"  [cyan]>[/] [dim]operator:[/] holdfast approvals approve {asked.approval.id}")
    await stage.call("shell", command, approval=asked.approval.id)
    other: dict[str, Json] = {"argv": ["rm", "-r", "."]}
    await stage.call("shell", other, approval=asked.approval.id)
    stage.say("    [dim]an approval is for one call, once[/]")


async def _remembers(stage: Stage) -> bool:
    stage.scene("5  It remembers: two chained records a call, arguments only as keyed digests")
    chain = stage.house.audit.chain
    report = verify(stage.house.data.audit / chain.name, stage.house.data.key("audit"))
    held = report.broken is None
    verdict = "[green]holds[/]" if held else f"[red]broken[/]: {plain(report.broken or '')}"
    stage.say(
        f"  {counted(report.records, 'record')} of {counted(report.calls, 'call')}: {verdict} [dim]{report.head}[/]"
    )
    segment = next((stage.house.data.audit / chain.name).glob("*.jsonl"))
    copy = stage.workspace.parent / "copy" / chain.name
    copy.mkdir(parents=True)
    (copy / segment.name).write_text(segment.read_text().replace('"denied"', '"ok"', 1))
    edited = verify(copy, stage.house.data.key("audit"))
    stage.say(f"  one word changed in a copy: [red]broken[/]: {plain(edited.broken or 'not found')}")
    return held and edited.broken is not None


def stage_tool(name: str) -> ToolName:
    """The served name of a tool of the tour's MCP server."""
    return ToolName(f"{SERVER}__{name}")


def _next(console: Console) -> None:
    console.print("\n[bold]What to try next[/]")
    for line, why in (
        ("holdfast init", "configuration, policies you can edit, tokens, the entry for your MCP client"),
        ("holdfast serve", "HTTP at /v1, MCP at /mcp"),
        ("holdfast wrap -- some-mcp-server", "one MCP server behind the fence, as a drop-in"),
        ('holdfast explain shell \'{"script": "ls"}\'', "what each layer would say"),
        ("holdfast doctor", "live probes: what a confined process cannot do on this machine"),
    ):
        console.print(f"  {plain(line):<48} [dim]{plain(why)}[/]")
    sys.stdout.flush()
