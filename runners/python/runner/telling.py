"""What an exception looks like to whoever wrote the program: type, message, line, and the frames of the program."""

import traceback
from pathlib import Path
from typing import Any

_OURS = str(Path(__file__).parent)
_TRACE_CHARACTERS = 20_000


def told(error: BaseException, ours: tuple[str, ...]) -> dict[str, Any]:
    """*error* in a program whose texts are called *ours*, the newest last."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename not in ours:
        trace = trace.tb_next
    lines = [frame.lineno for frame in traceback.extract_tb(trace) if frame.filename == ours[-1]]
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == ours[-1] else None
    described = traceback.TracebackException(type(error), error, trace, compact=True)
    _leave_out_ours(described)
    text = "".join(described.format())
    if len(text) > _TRACE_CHARACTERS:
        half = _TRACE_CHARACTERS // 2
        text = f"{text[:half]}\n[{len(text) - _TRACE_CHARACTERS} characters are left out]\n{text[-half:]}"
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        message = "<no text>"
    said: dict[str, Any] = {
        "type": clean(type(error).__qualname__),
        "message": clean(message[:_TRACE_CHARACTERS]),
        "traceback": clean(text),
    }
    at = line if line is not None else (lines[-1] if lines else None)
    return said if at is None else {**said, "line": at}


def has_memory_error(error: BaseException) -> bool:
    """Whether memory ran out below *error*."""
    seen: BaseException | None = error
    for _ in range(16):
        if seen is None:
            return False
        if isinstance(seen, MemoryError):
            return True
        seen = seen.__cause__
    return False


def is_text(text: str) -> bool:
    """Whether *text* can be written as UTF-8."""
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def clean(text: str) -> str:
    """*text*, with what cannot be written as UTF-8 escaped."""
    return text if is_text(text) else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _leave_out_ours(described: "traceback.TracebackException | None") -> None:
    """Take the frames of this package out of *described* and whatever it came from."""
    waiting = [described]
    for one in waiting:  # grows
        if one is not None:
            one.stack[:] = [frame for frame in one.stack if not frame.filename.startswith(_OURS)]
            waiting += [one.__cause__, one.__context__, *(one.exceptions or ())]
