"""Every setting of the WebAssembly engine and every number that bounds it, as data. It imports no engine.

One table, because a compiled artifact is only valid for exactly the settings it was compiled with.
"""

from typing import Final

KIB: Final = 1 << 10
MIB: Final = 1 << 20

ENGINE: Final[tuple[tuple[str, bool | int | str], ...]] = (
    # What stops a guest.
    ("consume_fuel", True),
    ("epoch_interruption", True),
    ("max_wasm_stack", 512 * KIB),
    # What a tool does not need, and what has had the advisories. Several are on by default in wasmtime 50.
    ("wasm_threads", False),
    ("shared_memory", False),
    ("wasm_memory64", False),
    ("wasm_multi_memory", False),
    ("wasm_gc", False),
    ("wasm_function_references", False),
    ("wasm_exceptions", False),
    ("wasm_tail_call", False),
    ("wasm_relaxed_simd", False),
    ("wasm_stack_switching", False),
    ("wasm_custom_page_sizes", False),
    ("wasm_wide_arithmetic", False),
    # What tools are compiled with.
    ("wasm_simd", True),
    ("wasm_bulk_memory", True),
    ("wasm_multi_value", True),
    ("wasm_reference_types", True),
    # How.
    ("strategy", "cranelift"),
    ("cranelift_opt_level", "speed"),
    ("parallel_compilation", False),  # one thread, so that confinement is complete before anything of a tool's is read
)

TICK_MS: Final = 10
PAGE_BYTES: Final = 64 * KIB
TABLE_ELEMENTS: Final = 100_000
"""Over all tables of a module together."""
WASI_CALLS: Final = 1_000_000
"""In one call; counted inside the guest's store, see `preview1.meter`."""
LOG_LINES: Final = 1000
LOG_LINE_BYTES: Final = 4 * KIB
DETAIL_CHARACTERS: Final = 500
"""What is kept of a trap's text, which the guest can choose."""
