"""Measures how deep blocks nest in one function, by reading its instructions. It checks no types.

An instruction this version's engine has switched off is refused here already: its length is not known.
"""

from typing import Final

from .cursor import Cursor
from .report import ModuleRefused

_BLOCKS: Final = (0x02, 0x03, 0x04)  # block, loop, if
_END: Final = 0x0B
_BR_TABLE: Final = 0x0E
_SELECT_TYPED: Final = 0x1C
_PREFIX_MISC: Final = 0xFC
_PREFIX_SIMD: Final = 0xFD

# How many LEB128 numbers, and then how many plain bytes, follow an opcode (WebAssembly 2.0, section 5.4).
_PLAIN: Final[dict[int, tuple[int, int]]] = {
    **dict.fromkeys((0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1), (0, 0)),
    **dict.fromkeys((0x0C, 0x0D, 0x10, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD2), (1, 0)),
    **dict.fromkeys((0x11, *range(0x28, 0x3F)), (2, 0)),
    **dict.fromkeys(range(0x45, 0xC5), (0, 0)),
    0x43: (0, 4),
    0x44: (0, 8),
    0xD0: (1, 0),
}
_MISC: Final[dict[int, int]] = {
    **dict.fromkeys(range(8), 0),  # saturating truncation
    **dict.fromkeys((9, 11, 13, 15, 16, 17), 1),
    **dict.fromkeys((8, 10, 12, 14), 2),
}
_SIMD_LAST: Final = 0xFF  # relaxed SIMD begins beyond
_SIMD_CONSTANTS: Final = (12, 13)
_SIMD_LANES: Final = range(21, 35)
_SIMD_MEMORY: Final = (*range(12), 92, 93)
_SIMD_MEMORY_LANES: Final = range(84, 92)
_SIMD_CONSTANT_BYTES: Final = 16


def may_exceed(body: Cursor, limit: int) -> bool:
    """Whether *body* could nest deeper than *limit*, by counting bytes that may open a block. Never wrongly no."""
    return sum(body.count_of(opcode) for opcode in _BLOCKS) >= limit


def check(body: Cursor, limit: int) -> None:
    """Read the function *body*.

    Raises: ModuleRefused when blocks nest deeper than *limit*, or an instruction is unknown.
    """
    for _ in range(body.u32()):  # runs of locals
        body.u32()
        body.skip_leb(5)
    depth = 1
    while not body.done:
        opcode = body.byte()
        if opcode in _BLOCKS:
            body.skip_leb(5)
            depth += 1
            if depth > limit:
                raise ModuleRefused(f"a function nests blocks deeper than {limit}")
        elif opcode == _END:
            depth -= 1
        else:
            _pass_operands(body, opcode)


def _pass_operands(body: Cursor, opcode: int) -> None:
    plain = _PLAIN.get(opcode)
    if plain is not None:
        numbers, count = plain
        for _ in range(numbers):
            body.skip_leb(10)
        body.skip(count)
    elif opcode == _BR_TABLE:
        for _ in range(body.u32() + 1):
            body.skip_leb(5)
    elif opcode == _SELECT_TYPED:
        for _ in range(body.u32()):
            body.skip_leb(5)
    elif opcode == _PREFIX_MISC:
        _pass_misc(body)
    elif opcode == _PREFIX_SIMD:
        _pass_simd(body)
    else:
        raise ModuleRefused("a function uses an instruction that is switched off")


def _pass_misc(body: Cursor) -> None:
    numbers = _MISC.get(body.u32())
    if numbers is None:
        raise ModuleRefused("a function uses an instruction that is switched off")
    for _ in range(numbers):
        body.skip_leb(5)


def _pass_simd(body: Cursor) -> None:
    opcode = body.u32()
    if opcode > _SIMD_LAST:
        raise ModuleRefused("a function uses an instruction that is switched off")
    if opcode in _SIMD_CONSTANTS:
        body.skip(_SIMD_CONSTANT_BYTES)
    elif opcode in _SIMD_LANES:
        body.skip(1)
    elif opcode in _SIMD_MEMORY or opcode in _SIMD_MEMORY_LANES:
        body.skip_leb(5)
        body.skip_leb(10)
        body.skip(1 if opcode in _SIMD_MEMORY_LANES else 0)
