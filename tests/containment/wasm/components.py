"""Components for the tests: built from Python by componentize-py, kept by the digest of their sources, or as text."""

import fcntl
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import wasmtime

from holdfast.contracts import Digest, Grants, ToolName, ToolSpec, Wasm
from holdfast.contracts.limits import MIB, Limits

SOURCES = Path(__file__).parent / "built"
KEPT = Path(__file__).parents[3] / ".tools" / "components"
LIMITS = Limits(fuel=1_000_000_000, memory_bytes=64 * MIB, wall_ms=20_000, output_bytes=100_000, host_calls=20)


def built(name: str) -> bytes:
    """The component of `built/NAME`."""
    return built_from(SOURCES / name)


@cache
def built_from(folder: Path) -> bytes:
    """The component of `world.wit` and `app.py` in *folder*, built once for as long as they stay what they are."""
    sources = {name: (folder / name).read_bytes() for name in ("world.wit", "app.py")}
    kept = KEPT / f"{folder.name}-{Digest.of(b''.join(sources.values())).hex[:16]}.wasm"
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{kept.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes that test, one builds it
        if not kept.exists():
            _build(sources, kept)
    return kept.read_bytes()


def _build(sources: dict[str, bytes], kept: Path) -> None:
    with tempfile.TemporaryDirectory(dir=KEPT) as place:  # the interpreter leaves its caches beside what it reads
        for name, data in sources.items():
            (Path(place) / name).write_bytes(data)
        tool = Path(sys.executable).with_name("componentize-py")
        command = (str(tool), "-d", "world.wit", "componentize", "-p", ".", "app", "-o", "built.wasm")
        subprocess.run(command, check=True, capture_output=True, cwd=place)
        (Path(place) / "built.wasm").replace(kept)


@cache
def assembled(text: str) -> bytes:
    """A component in text as a binary."""
    return bytes(wasmtime.wat2wasm(text))


def tool(
    module: bytes, abi: str, *, function: str = "", grants: Grants | None = None, limits: Limits = LIMITS
) -> ToolSpec:
    """A tool of *module*."""
    return ToolSpec(
        name=ToolName("tool"),
        description="a component of the tests",
        input_schema={"type": "object"},
        effects=frozenset(),
        runtime=Wasm(module=Digest.of(module), abi=abi, function=function),
        limits=limits,
        grants=grants or Grants(),
    )


def component(body: str, *, lifted: str = "", before: str = "", memory: str = "1", extra: str = "") -> str:
    """A component with one core module of *body*, an allocator, and what *lifted* makes of it."""
    return f"""(component {before}
      (core module $m (memory (export "memory") {memory}) (global $free (mut i32) (i32.const 4096)) {extra}
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
          (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
          (global.set $free (i32.add (local.get $at) (local.get 3))) (local.get $at))
        {body})
      (core instance $i (instantiate $m))
      (alias core export $i "memory" (core memory $mem))
      (alias core export $i "realloc" (core func $realloc))
      {lifted})"""


def one(body: str, kind: str = '(func (export "run") (result u32)', **parts: str) -> str:
    """A component that exports `run`, whose core function is `run` of *body*."""
    lifted = f'{kind} (canon lift (core func $i "run") (memory $mem) (realloc $realloc)))'
    return component(body, lifted=lifted, **parts)
