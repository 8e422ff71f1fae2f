"""The calling conventions this version runs, by name, and what it says to the others. It runs nothing."""

from typing import Final

WASI_COMMAND: Final = "wasi-command"
"""Exports `_start` and `memory`; JSON on standard input, answer on standard output."""
CORE_JSON: Final = "core-json"
"""Exports `memory`, `alloc(len: i32) -> i32`, `run(ptr: i32, len: i32) -> i64` with `ptr << 32 | len` of the answer."""
EXTISM: Final = "extism"
"""Imports `extism:host/env`; functions without parameters, whose input and output lie in a kernel's memory."""
COMPONENT: Final = "component"
"""A component of whatever world: its exported functions, their types as JSON."""
NEAR_AGENT: Final = "near-agent"
"""A component that exports `near:agent/tool` of 0.3 or 0.4; JSON in, JSON or a failure out."""
PYTHON: Final = "python"
"""Source text, run by an interpreter of ours: the functions of a tool, or the program that `python` is handed."""
JAVASCRIPT: Final = "javascript"
"""The same in another language, for the tool `javascript`."""
SOURCES: Final = (PYTHON, JAVASCRIPT)
"""Whose modules are source text in UTF-8."""
ASKING: Final = "asking"
"""A probe of ours: its `run` hands its arguments to the host and answers what that says. No manifest can name it."""
RUNNABLE: Final = (WASI_COMMAND, CORE_JSON, EXTISM, COMPONENT, NEAR_AGENT, *SOURCES)

ASK: Final = ("holdfast", "ask", "i32 i32 i32 i32 -> i32")
"""What a probe imports, by module, name and type: bytes of a question, and where its answer has room."""
WASI_MODULE: Final = "wasi_snapshot_preview1"
UNSUPPORTED: Final = "this version runs wasi-command, core-json, component, near-agent, extism, python and javascript"
