"""What an Extism plugin may import and how it is spoken to, as data. It runs nothing and links nothing.

The names and types are the interface that Extism's plugin kits are compiled against; what answers them is ours:
`kernel` in WebAssembly, `host` in the worker. A function of the embedder's own (`USER`) traps when it is called,
unless it is a notice.
"""

from collections.abc import Iterable
from enum import StrEnum, unique
from typing import Final

ENV: Final = "extism:host/env"
USER: Final = "extism:host/user"

_P, _W = "i64", "i32"

KERNEL: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "alloc": ((_P,), (_P,)),
    "free": ((_P,), ()),
    "length": ((_P,), (_P,)),
    "length_unsafe": ((_P,), (_P,)),
    "load_u8": ((_P,), (_W,)),
    "load_u64": ((_P,), (_P,)),
    "store_u8": ((_P, _W), ()),
    "store_u64": ((_P, _P), ()),
    "input_set": ((_P, _P), ()),
    "input_length": ((), (_P,)),
    "input_offset": ((), (_P,)),
    "input_load_u8": ((_P,), (_W,)),
    "input_load_u64": ((_P,), (_P,)),
    "output_set": ((_P, _P), ()),
    "output_length": ((), (_P,)),
    "output_offset": ((), (_P,)),
    "error_set": ((_P,), ()),
    "error_get": ((), (_P,)),
    "reset": ((), ()),
    "memory_bytes": ((), (_P,)),
}
"""Parameters and results of what the kernel answers."""

HOST: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "config_get": ((_P,), (_P,)),
    "var_get": ((_P,), (_P,)),
    "var_set": ((_P, _P), ()),
    "http_request": ((_P, _P), (_P,)),
    "http_status_code": ((), (_W,)),
    "http_headers": ((), (_P,)),
    "get_log_level": ((), (_W,)),
    "log_trace": ((_P,), ()),
    "log_debug": ((_P,), ()),
    "log_info": ((_P,), ()),
    "log_warn": ((_P,), ()),
    "log_error": ((_P,), ()),
}
"""Parameters and results of what the worker answers."""

STARTERS: Final = ("hs_init", "__wasm_call_ctors", "_initialize")
"""Exports that begin a plugin's language runtime, before the first function is called."""

_COMMAND: Final = "_start"
_NOT_FUNCTIONS: Final = frozenset({*STARTERS, _COMMAND, "main", "hs_exit"})
_NOT_PREFIXES: Final = ("__", "asyncify_")
"""What compilers export for themselves: TinyGo's scheduler is the second."""
_CALLABLE: Final = (" -> ", " -> i32")


@unique
class Style(StrEnum):
    """How a plugin's functions are found and called."""

    PLAIN = "plain"
    """Each export without parameters is a function: bytes in, bytes out."""
    V1 = "v1"
    """hyper-mcp 1 and mcp.run: `describe` lists tools, `call` calls one."""
    V2 = "v2"
    """hyper-mcp 2: `list_tools` and `call_tool`."""


DESCRIBE: Final = {Style.V1: "describe", Style.V2: "list_tools"}
CALL: Final = {Style.V1: "call", Style.V2: "call_tool"}


def signature(name: str) -> str | None:
    """The type that the import *name* of `ENV` must have, as the scan writes it, or None when there is no such."""
    found = KERNEL.get(name) or HOST.get(name)
    return None if found is None else f"{' '.join(found[0])} -> {' '.join(found[1])}"


def callables(functions: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The exports among *functions*, names and types, that a caller may call.

    A plugin made as a program, which older Go could only make, has its `_start` and nothing else.
    """
    found = dict(functions)
    named = tuple(
        name
        for name, written in found.items()
        if written in _CALLABLE and name not in _NOT_FUNCTIONS and not name.startswith(_NOT_PREFIXES)
    )
    return named or ((_COMMAND,) if found.get(_COMMAND) in _CALLABLE else ())


def style_of(names: Iterable[str]) -> Style:
    """How a plugin whose callable exports are *names* is spoken to. As hyper-mcp does, 1 before 2."""
    offered = frozenset(names)
    for style in (Style.V1, Style.V2):
        if {DESCRIBE[style], CALL[style]} <= offered:
            return style
    return Style.PLAIN


def is_notice(name: str, written: str) -> bool:
    """Whether the import *name* of `USER`, of the type *written*, is a notice of hyper-mcp: it has no answer.

    Progress, log messages, changes of a list: nobody here listens, and a plugin that sends one goes on.
    """
    parameters, _, results = written.partition(" -> ")
    return name.startswith("notify_") and not results and set(parameters.split()) <= {_P}


def capabilities(imports: Iterable[str]) -> tuple[str, ...]:
    """What a plugin that imports *imports* from `ENV` can ask the broker for, by the broker's names."""
    names = frozenset(imports)
    asked = {"http"} if "http_request" in names else set[str]()
    if any(name.startswith("log_") for name in names):
        asked.add("log")
    return tuple(sorted(asked))
