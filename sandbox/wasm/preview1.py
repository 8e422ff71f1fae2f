"""WASI preview 1 as types, and the two small modules of ours that count and withhold its calls. It runs nothing.

A tool's WASI imports are bound to a *meter*: it counts every call, stops the guest when the count is spent, answers
"not capable" for what the manifest withholds, and passes the rest on. Wasmtime's WASI reads the memory of whichever
instance calls it, so the calls go through a *relay* that exports the tool's memory as its own. The tool must exist
before the relay and the meter before the tool; the meter's table, which the relay fills, is what breaks the circle.
"""

from collections.abc import Iterable
from typing import Final

from .abi import WASI_MODULE
from .settings import WASI_CALLS

_NOT_CAPABLE: Final = 76

CLOCK: Final = frozenset({"clock_res_get", "clock_time_get", "poll_oneoff"})
"""Withheld without the grant `clock`. A sleep measures time, so it goes too."""
RANDOM: Final = frozenset({"random_get"})
"""Withheld without the grant `random`."""

_I, _L = "i32", "i64"


def _takes(*parameters: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return parameters, (_I,)


# github.com/WebAssembly/WASI, legacy/preview1: the flattened signatures.
SIGNATURES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "args_get": _takes(_I, _I),
    "args_sizes_get": _takes(_I, _I),
    "clock_res_get": _takes(_I, _I),
    "clock_time_get": _takes(_I, _L, _I),
    "environ_get": _takes(_I, _I),
    "environ_sizes_get": _takes(_I, _I),
    "fd_advise": _takes(_I, _L, _L, _I),
    "fd_allocate": _takes(_I, _L, _L),
    "fd_close": _takes(_I),
    "fd_datasync": _takes(_I),
    "fd_fdstat_get": _takes(_I, _I),
    "fd_fdstat_set_flags": _takes(_I, _I),
    "fd_fdstat_set_rights": _takes(_I, _L, _L),
    "fd_filestat_get": _takes(_I, _I),
    "fd_filestat_set_size": _takes(_I, _L),
    "fd_filestat_set_times": _takes(_I, _L, _L, _I),
    "fd_pread": _takes(_I, _I, _I, _L, _I),
    "fd_prestat_dir_name": _takes(_I, _I, _I),
    "fd_prestat_get": _takes(_I, _I),
    "fd_pwrite": _takes(_I, _I, _I, _L, _I),
    "fd_read": _takes(_I, _I, _I, _I),
    "fd_readdir": _takes(_I, _I, _I, _L, _I),
    "fd_renumber": _takes(_I, _I),
    "fd_seek": _takes(_I, _L, _I, _I),
    "fd_sync": _takes(_I),
    "fd_tell": _takes(_I, _I),
    "fd_write": _takes(_I, _I, _I, _I),
    "path_create_directory": _takes(_I, _I, _I),
    "path_filestat_get": _takes(_I, _I, _I, _I, _I),
    "path_filestat_set_times": _takes(_I, _I, _I, _I, _L, _L, _I),
    "path_link": _takes(_I, _I, _I, _I, _I, _I, _I),
    "path_open": _takes(_I, _I, _I, _I, _I, _L, _L, _I, _I),
    "path_readlink": _takes(_I, _I, _I, _I, _I, _I),
    "path_remove_directory": _takes(_I, _I, _I),
    "path_rename": _takes(_I, _I, _I, _I, _I, _I),
    "path_symlink": _takes(_I, _I, _I, _I, _I),
    "path_unlink_file": _takes(_I, _I, _I),
    "poll_oneoff": _takes(_I, _I, _I, _I),
    "proc_exit": ((_I,), ()),
    "proc_raise": _takes(_I),
    "random_get": _takes(_I, _I),
    "sched_yield": _takes(),
    "sock_accept": _takes(_I, _I, _I),
    "sock_recv": _takes(_I, _I, _I, _I, _I, _I),
    "sock_send": _takes(_I, _I, _I, _I, _I),
    "sock_shutdown": _takes(_I, _I),
}


def meter(imports: Iterable[str], withheld: frozenset[str]) -> tuple[str, str]:
    """The texts of the meter and of the relay for a tool that imports *imports* and is denied *withheld*.

    The meter exports each import by name, its table as `calls` and the count left as `left`. The relay imports
    `tool.memory` and `meter.calls`.
    """
    names = sorted(set(imports))
    passed = [name for name in names if name not in withheld]
    slots = {name: slot for slot, name in enumerate(passed)}
    return _meter(names, slots), _relay(slots)


def _meter(names: list[str], slots: dict[str, int]) -> str:
    functions = "\n".join(_counted(name, slots.get(name)) for name in names)
    return (
        f'(module (table (export "calls") {len(slots)} {len(slots)} funcref)'
        f' (global $left (export "left") (mut i32) (i32.const {WASI_CALLS}))\n{functions})'
    )


def _counted(name: str, slot: int | None) -> str:
    if slot is None:
        body = f"i32.const {_NOT_CAPABLE}"
    else:
        body = f"{_arguments(name)} i32.const {slot} call_indirect {_types(name)}"
    spend = "global.get $left i32.eqz (if (then unreachable)) global.get $left i32.const 1 i32.sub global.set $left"
    return f'(func (export "{name}") {_types(name)} {spend} {body})'


def _relay(slots: dict[str, int]) -> str:
    imported = "\n".join(f'(import "{WASI_MODULE}" "{name}" (func $wasi_{name} {_types(name)}))' for name in slots)
    relayed = "\n".join(f"(func ${name} {_types(name)} {_arguments(name)} call $wasi_{name})" for name in slots)
    elements = " ".join(f"${name}" for name in slots)
    return (
        f'(module {imported} (import "tool" "memory" (memory 0))'
        f' (import "meter" "calls" (table {len(slots)} funcref))'
        f' (export "memory" (memory 0)) {relayed} (elem (i32.const 0) func {elements}))'
    )


def _types(name: str) -> str:
    parameters, results = SIGNATURES[name]
    taken = f"(param {' '.join(parameters)})" if parameters else ""
    given = f"(result {' '.join(results)})" if results else ""
    return f"{taken} {given}"


def _arguments(name: str) -> str:
    return " ".join(f"local.get {index}" for index in range(len(SIGNATURES[name][0])))
