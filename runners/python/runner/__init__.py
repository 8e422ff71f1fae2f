"""Runs one program in a fresh interpreter and tells what came of it. It protects nothing: the walls are outside.

A request: `{"code", "input"?, "files"?: {name: base64}, "keep"?, "output_bytes"}`; with `keep` the next one finds
what this one left behind, if its instance is kept. An answer has `stdout`, `stderr`, and

- `value`: `{"repr", "json"?}` of the last expression, unless it was None;
- `error`: `{"type", "message", "line"?, "traceback"}` when it ended with an exception;
- `exit`: the code it gave to `sys.exit`;
- `files`: `{name: base64}` of what it wrote;

A request for a tool: `{"source", "file", "function", "arguments", "clock", "output_bytes"}`, answered with `result` or
`error`; without `function` and `arguments`, with `described`: `{"tools": [{"name", "description", "input_schema"}],
"capabilities": [host function]}`, or `refused`: why the source is no tool, and its `line`. Ahead of a call the host
may say `{"touch": true}`, answered `{"touched":true}`: what a small call does is done once, and forgotten. Every answer
but that one may have

- `limit`: `output_bytes` or `memory_bytes`, when that is what ended it; nothing else is there then.
"""

from .answering import answer
from .preparing import prepare

__all__ = ["answer", "prepare"]
