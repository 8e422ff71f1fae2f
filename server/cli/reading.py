"""Reads what a person gives on the command line: JSON inline, `@file`, or `-` for standard input."""

import sys
from pathlib import Path

from holdfast.contracts import InvalidRequest, Json, OperatorError
from holdfast.contracts.json_values import parse

MAX_INPUT_BYTES = 16 << 20


def read_text(given: str | None) -> str:
    """A file's text, or standard input's for `-` or nothing.

    Raises: OperatorError when it cannot be read or is too large.
    """
    if given in (None, "-"):
        data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
    else:
        data = bounded(Path(str(given)), MAX_INPUT_BYTES)
    if len(data) > MAX_INPUT_BYTES:
        raise OperatorError(f"the input is over {MAX_INPUT_BYTES} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise OperatorError("the input is not UTF-8") from None


def bounded(path: Path, most: int) -> bytes:
    """The first *most* bytes of *path* and one more if there is one, whatever it claims to be: a device has no size.

    Raises: OperatorError when it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise OperatorError(f"cannot read `{path}`: {error.strerror}") from None


def whole(path: Path, most: int) -> bytes:
    """All of *path*. Raises: OperatorError when it cannot be read or is over *most* bytes."""
    data = bounded(path, most)
    if len(data) > most:
        raise OperatorError(f"`{path}` is over {most} bytes")
    return data


def read_object(given: str | None) -> dict[str, Json]:
    """The arguments of a call: `{}` when nothing is given.

    Raises: MalformedJson, or InvalidRequest when it is no object.
    """
    if given is None:
        return {}
    text = read_text(given.removeprefix("@")) if given.startswith("@") or given == "-" else given
    value = parse(text)
    if not isinstance(value, dict):
        raise InvalidRequest("arguments are a JSON object", remedy='for example \'{"text": "hello"}\', @file.json or -')
    return value


def read_value(given: str | None) -> Json:
    """One JSON value; standard input's when nothing is given. Raises: MalformedJson."""
    inline = given is not None and given != "-" and not given.startswith("@")
    return parse(
        given if given is not None and inline else read_text(None if given is None else given.removeprefix("@"))
    )
