"""The calling conventions this version runs, by name, and what it says to the others. It runs nothing."""

from typing import Final

WASI_COMMAND: Final = "wasi-command"
"""Exports `_start` and `memory`; JSON on standard input, answer on standard output."""
CORE_JSON: Final = "core-json"
"""Exports `memory`, `alloc(len: i32) -> i32`, `run(ptr: i32, len: i32) -> i64` with `ptr << 32 | len` of the answer."""
RUNNABLE: Final = (WASI_COMMAND, CORE_JSON)

WASI_MODULE: Final = "wasi_snapshot_preview1"
UNSUPPORTED: Final = "this version runs wasi-command and core-json"
