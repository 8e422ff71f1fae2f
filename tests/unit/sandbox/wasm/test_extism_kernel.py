"""The kernel of an Extism call hands out blocks that never meet, and lets nothing be read or written outside."""

import struct
from contextlib import suppress

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.sandbox.wasm.extism.interface import KERNEL, signature
from holdfast.sandbox.wasm.extism.kernel import ROOT, TEXT

ENGINE = wasmtime.Engine()
MODULE = wasmtime.Module(ENGINE, TEXT)
PAGE = 65536
FAR = [0, 1, ROOT - 1, PAGE, PAGE - 7, 2**31, 2**32 - 1, 2**32, 2**32 + 64, 2**63, 2**64 - 1, 2**64 - 8, 2**64 - 80]


def teardown_module():
    MODULE.close()
    ENGINE.close()


class Kernel:
    """One kernel, with its functions as attributes that speak unsigned numbers."""

    def __init__(self, most: int = 1 << 20) -> None:
        self.store = wasmtime.Store(ENGINE)
        self.exports = wasmtime.Instance(self.store, MODULE, []).exports(self.store)
        self.memory = self.exports["memory"]
        self.bound(most)

    def __getattr__(self, name: str):
        function = self.exports[name]
        return lambda *given: self._unsigned(function(self.store, *(_signed(number) for number in given)))

    def _unsigned(self, answer):
        return answer if answer is None else answer & (1 << 64) - 1

    @property
    def size(self) -> int:
        return self.memory.data_len(self.store)

    @property
    def short(self) -> int:
        return self.exports["short"].value(self.store)

    def write(self, at: int, data: bytes) -> None:
        for place, byte in enumerate(data):
            self.store_u8(at + place, byte)

    def read(self, at: int, length: int) -> bytes:
        return bytes(self.load_u8(at + place) for place in range(length))


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number


def test_its_functions_have_the_types_of_the_interface():
    found = {item.name: item.type for item in MODULE.exports if isinstance(item.type, wasmtime.FuncType)}

    for name in KERNEL:
        kind = found[name]
        assert f"{' '.join(map(str, kind.params))} -> {' '.join(map(str, kind.results))}" == signature(name)
    assert set(found) - set(KERNEL) == {"bound"}


def test_a_block_holds_what_was_stored_and_knows_its_length():
    kernel = Kernel()

    block = kernel.alloc(13)
    kernel.write(block, b"hello, kernel")

    assert kernel.length(block) == kernel.length_unsafe(block) == 13
    assert kernel.read(block, 13) == b"hello, kernel"
    assert kernel.load_u64(block) == struct.unpack("<Q", b"hello, k")[0]
    kernel.store_u64(block, 0x4141414141414141)
    assert kernel.read(block, 9) == b"AAAAAAAAe"


@pytest.mark.parametrize("at", FAR)
def test_nothing_outside_is_read_or_written(at):
    kernel = Kernel()
    block = kernel.alloc(8)
    kernel.store_u64(block, 7)
    before = bytes(kernel.memory.read(kernel.store))

    kernel.store_u64(at, 2**64 - 1)
    if at != PAGE - 7:  # one byte there is inside; eight are not
        kernel.store_u8(at, 255)
        assert kernel.load_u8(at) == 0

    assert kernel.load_u64(at) == 0
    assert bytes(kernel.memory.read(kernel.store)) == before


@pytest.mark.parametrize("at", [*FAR, 81, 88])
def test_what_is_no_block_has_no_length_and_cannot_be_freed(at):
    kernel = Kernel()
    block = kernel.alloc(32)

    kernel.free(at)

    assert kernel.length(at) == 0
    assert kernel.length(block) == 32
    assert kernel.alloc(32) != block


@pytest.mark.parametrize("at", FAR)
@pytest.mark.parametrize("length", [0, 1, 8, PAGE, 2**32, 2**64 - 1])
def test_output_input_and_error_are_never_said_to_lie_outside(at, length):
    kernel = Kernel()

    kernel.output_set(at, length)
    kernel.input_set(at, length)
    kernel.error_set(at)

    assert kernel.output_offset() + kernel.output_length() <= kernel.size
    assert kernel.input_offset() + kernel.input_length() <= kernel.size
    assert kernel.error_get() < kernel.size


def test_the_input_is_read_to_its_end_and_not_beyond():
    kernel = Kernel()
    block = kernel.alloc(12)
    kernel.write(block, b"0123456789ab")
    kernel.input_set(block, 10)

    assert kernel.input_length() == 10
    assert kernel.input_offset() == block
    assert kernel.input_load_u8(9) == ord("9")
    assert kernel.input_load_u8(10) == 0
    assert kernel.input_load_u64(2) == struct.unpack("<Q", b"23456789")[0]
    assert kernel.input_load_u64(3) == 0
    for at in (2**63, 2**64 - 1, 2**64 - 8):
        assert kernel.input_load_u8(at) == 0
        assert kernel.input_load_u64(at) == 0


def test_a_freed_input_is_empty():
    kernel = Kernel()
    block = kernel.alloc(4)
    kernel.input_set(block, 4)

    kernel.free(block)

    assert kernel.input_length() == 0


def test_a_freed_block_is_used_again_and_a_large_one_is_divided():
    kernel = Kernel()
    block = kernel.alloc(4096)
    kernel.free(block)
    size = kernel.size

    parts = [kernel.alloc(500) for _ in range(8)]

    assert all(block <= part < block + 4096 for part in parts[:7])
    assert kernel.size == size


def test_memory_beyond_the_bound_is_refused_and_said():
    kernel = Kernel(2 * PAGE)

    assert kernel.alloc(PAGE) > 0
    assert kernel.short == 0
    assert kernel.alloc(PAGE) == 0
    assert kernel.short == 1
    assert kernel.size <= 2 * PAGE


@pytest.mark.parametrize("size", [2**20 + 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1])
def test_a_size_that_is_too_large_is_refused(size):
    kernel = Kernel()

    assert kernel.alloc(size) == 0
    assert kernel.size == PAGE


def test_nothing_is_a_block_of_no_bytes():
    assert Kernel().alloc(0) == 0


def test_reset_forgets_everything():
    kernel = Kernel()
    block = kernel.alloc(5)
    kernel.write(block, b"words")
    kernel.input_set(block, 5)
    kernel.output_set(block, 5)
    kernel.error_set(block)

    kernel.reset()

    assert (kernel.input_length(), kernel.output_length(), kernel.error_get()) == (0, 0, 0)
    assert not any(kernel.memory.read(kernel.store))
    assert kernel.alloc(5) == block


@settings(deadline=None, max_examples=60)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["alloc", "free"]), st.integers(1, 3000), st.integers(0, 50)), max_size=60)
)
def test_blocks_never_meet_and_keep_what_they_hold(steps):
    kernel, held = Kernel(4 * PAGE), {}
    for number, (what, size, which) in enumerate(steps):
        if what == "alloc" and (block := kernel.alloc(size)):
            assert all(block + size <= other or other + len(data) <= block for other, data in held.items())
            held[block] = bytes((number + place) % 251 for place in range(size))
            kernel.memory.write(kernel.store, held[block], block)
        elif what == "free" and held:
            del held[block := sorted(held)[which % len(held)]]
            kernel.free(block)
            assert kernel.length(block) == 0
    for block, data in held.items():
        assert kernel.length(block) == len(data)
        assert bytes(kernel.memory.read(kernel.store, block, block + len(data))) == data
    assert kernel.size <= 4 * PAGE


@settings(deadline=None, max_examples=100)
@given(
    stores=st.lists(st.tuples(st.integers(ROOT, 1000), st.integers(0, 2**64 - 1)), max_size=20),
    calls=st.lists(st.tuples(st.sampled_from(["alloc", "free", "length"]), st.integers(0, 1200)), max_size=20),
)
def test_a_plugin_that_writes_over_the_heads_of_blocks_stays_inside(stores, calls):
    """It may confuse its own kernel; the kernel still ends every call, and within its bound."""
    kernel = Kernel(2 * PAGE)
    for size in (8, 200, 500):
        kernel.free(kernel.alloc(size))
    for at, word in stores:
        kernel.store_u64(at, word)
    for name, number in calls:
        with suppress(wasmtime.Trap):  # the engine's own wall, at the end of this memory
            getattr(kernel, name)(number)
    assert kernel.size <= 2 * PAGE
