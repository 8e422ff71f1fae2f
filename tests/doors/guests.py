"""WebAssembly tools that somebody hands in: modules assembled here, and manifests that name them."""

import base64
from functools import cache

import wasmtime

from holdfast.contracts import Digest

from .callers import Answer, Caller
from .server import Server


@cache
def assembled(text: str) -> bytes:
    """The module that *text* is."""
    return bytes(wasmtime.wat2wasm(text))


def saying(text: str) -> bytes:
    """A core-json module that answers the JSON string *text*."""
    answer = f'\\"{text}\\"'
    return assembled(
        f"""(module (memory (export "memory") 1) (data (i32.const 512) "{answer}")
        (func (export "alloc") (param i32) (result i32) (i32.const 4096))
        (func (export "run") (param i32 i32) (result i64) (i64.const {(512 << 32) | (len(text) + 2)})))"""
    )


def manifest(name: str, module: bytes, *, abi: str = "core-json", schema: str = "", **limits: int) -> str:
    """A manifest for *module*, without effects."""
    lines = [
        "[tool]",
        f'name = "{name}"',
        'version = "1.0.0"',
        'description = "a guest of the tests"',
        f'abi = "{abi}"',
        f'module = "{name}.wasm"',
        f'digest = "{Digest.of(module)}"',
        "effects = []",
        schema or '[tool.input_schema]\ntype = "object"',
        "[limits]",
        *(f"{limit} = {value}" for limit, value in ({"output_bytes": 4096} | limits).items()),
    ]
    return "\n".join(lines) + "\n"


def hand_in(caller: Caller, written: str, module: bytes) -> Answer:
    """Register by HTTP."""
    return caller.post("/v1/tools", {"manifest": written, "module": base64.b64encode(module).decode()})


def install(server: Server, name: str, module: bytes, **more: object) -> None:
    """Register *module* by HTTP and have the operator approve it."""
    answer = hand_in(server.registrar, manifest(name, module, **more), module)
    assert answer.status == 201, answer.raw
    server.done("tools", "approve", name, "--definition", answer.body["definition"])
