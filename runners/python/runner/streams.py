"""Standard output and error of a program, kept in memory up to a number of characters that both share."""

import io


class OutputFull(BaseException):
    """More was written than is kept. No `except Exception` holds it up."""


class Room:
    """What is left for both streams."""

    def __init__(self, characters: int) -> None:
        self.left = characters
        self.over = False

    def take(self, wanted: int) -> None:
        """Use up *wanted* characters. Raises: OutputFull, from then on every time."""
        self.left -= wanted
        if self.left < 0:
            self.over = True
            raise OutputFull


class Written(io.TextIOBase):
    """One stream."""

    def __init__(self, room: Room, name: str) -> None:
        super().__init__()
        self._room = room
        self._parts: list[str] = []
        self.name = name
        self.buffer = _Bytes(self)

    encoding = "utf-8"
    errors = "backslashreplace"
    mode = "w"

    def writable(self) -> bool:
        """It is."""
        return True

    def isatty(self) -> bool:
        """It is none."""
        return False

    def write(self, text: str) -> int:
        """Keep *text*. Raises: OutputFull."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._room.take(len(text))
        self._parts.append(text)
        return len(text)

    def reconfigure(self, **_options: object) -> None:
        """Nothing to set."""

    def taken(self) -> str:
        """Everything written."""
        return "".join(self._parts)


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`: bytes are text in UTF-8."""

    def __init__(self, text: Written) -> None:
        super().__init__()
        self._text = text

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: bytes) -> int:
        """Keep *data*."""
        self._text.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)
