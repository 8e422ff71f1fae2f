"""Reads numbers and names from WebAssembly bytes. It never reads past its end and never raises but `ModuleRefused`."""

from typing import Final

from .report import ModuleRefused

_NAME_BYTES: Final = 100_000  # wasmparser's own limit


class Cursor:
    """A place in *data*, up to *end*."""

    __slots__ = ("_data", "at", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self._data = data
        self.at = at
        self.end = end

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= self.end

    def byte(self) -> int:
        """The next byte."""
        if self.at >= self.end:
            raise ModuleRefused("the module is cut short")
        value = self._data[self.at]
        self.at += 1
        return value

    def u32(self) -> int:
        """An unsigned LEB128 number of 32 bits."""
        value = 0
        for shift in (0, 7, 14, 21, 28):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 -- LEB128: the high bit says that more follows
                if value >> 32:
                    break
                return value
        raise ModuleRefused("a number in the module is out of range")

    def skip_leb(self, most: int) -> None:
        """Pass a LEB128 number of at most *most* bytes."""
        for _ in range(most):
            if self.byte() < 0x80:  # noqa: PLR2004 -- as above
                return
        raise ModuleRefused("a number in the module is out of range")

    def skip(self, count: int) -> None:
        """Pass *count* bytes."""
        if count > self.end - self.at:
            raise ModuleRefused("the module is cut short")
        self.at += count

    def part(self, count: int) -> "Cursor":
        """A cursor over the next *count* bytes, which this one passes."""
        start = self.at
        self.skip(count)
        return Cursor(self._data, start, start + count)

    def name(self) -> str:
        """A name: a length and that much UTF-8."""
        length = self.u32()
        if length > _NAME_BYTES:
            raise ModuleRefused("a name in the module is too long")
        start = self.at
        self.skip(length)
        try:
            return self._data[start : self.at].decode("utf-8")
        except UnicodeDecodeError:
            raise ModuleRefused("a name in the module is not UTF-8") from None

    def count_of(self, byte: int) -> int:
        """How often *byte* occurs in what is left."""
        return self._data.count(byte, self.at, self.end)

    def rest(self, most: int | None = None) -> bytes:
        """What is left, or the next *most* bytes of it."""
        start = self.at
        self.skip(self.end - start if most is None else most)
        return self._data[start : self.at]
