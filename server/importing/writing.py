"""Writes planned entries as the configuration has them, and adds them to one. What stood there stays, to the letter."""

import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import tomli_w

from holdfast.contracts import Json, OperatorError

from ..config import checked_settings
from ..terminal import escaped
from .planning import Planned

MAX_CONFIG_BYTES: Final = 4 << 20


def as_toml(planned: Sequence[Planned]) -> str:
    """*planned* as `[[upstreams]]` tables, each with what there is to say of it as comments."""
    return "\n".join(_table(one) for one in planned)


def add_to(config: Path, planned: Sequence[Planned]) -> None:
    """Add *planned* at the end of *config*, in one step, if the whole is valid then.

    Raises: OperatorError when it cannot be read or written, or would not be valid; nothing is changed then.
    """
    path = Path(os.path.realpath(config))
    try:
        before = path.read_bytes()
        if len(before) > MAX_CONFIG_BYTES:
            raise OperatorError(f"`{config}` is over {MAX_CONFIG_BYTES} bytes")
        after = before.decode("utf-8").rstrip("\n") + "\n\n" + as_toml(planned)
        _check(config, tomllib.loads(before.decode("utf-8")), after)
        _replace(path, after.encode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise OperatorError(f"`{config}` is not TOML, and was not changed") from None
    except OSError as error:
        raise OperatorError(f"cannot change `{config}`: {error.strerror}") from None


def _table(one: Planned) -> str:
    lines = [f"# {escaped(note)}" for note in one.notes]
    lines += ["[[upstreams]]", *_pairs({key: value for key, value in one.entry.items() if not isinstance(value, dict)})]
    for key, value in one.entry.items():
        if isinstance(value, dict):
            lines += _section(f"upstreams.{key}", value)
    return "\n".join(lines) + "\n"


def _section(path: str, table: Mapping[str, Json]) -> list[str]:
    """*table* under its header; a table in it stands in one line, but for `grants.env`, which is one of its own."""
    below = {key: value for key, value in table.items() if isinstance(value, dict) and path.endswith(".grants")}
    lines = [f"[{path}]", *_pairs({key: value for key, value in table.items() if key not in below})]
    for key, value in below.items():
        lines += _section(f"{path}.{key}", value)
    return lines


def _pairs(table: Mapping[str, Json]) -> list[str]:
    return [f"{_key(key)} = {_written(value)}" for key, value in table.items()]


def _key(key: str) -> str:
    return tomli_w.dumps({key: 0}).removesuffix(" = 0\n")


def _written(value: Json) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(_pairs(value)) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_written(one) for one in value) + "]"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").removesuffix("\n")


def _check(config: Path, before: Mapping[str, Any], after: str) -> None:
    """Whether *after* is a configuration that says all that *before* says. Raises: OperatorError."""
    try:
        values = tomllib.loads(after)
    except tomllib.TOMLDecodeError:
        raise OperatorError(
            f"`{config}` has its servers in one value, to which none can be added",
            remedy="write them as `[[upstreams]]` tables",
        ) from None
    kept = len(before.get("upstreams", ()))
    if {**values, "upstreams": values["upstreams"][:kept]} != {"upstreams": [], **before}:
        raise OperatorError(f"`{config}` would say something else then, and was not changed")
    checked_settings(values)


def _replace(path: Path, data: bytes) -> None:
    """Put *data* in place of *path*, with its rights, in one step."""
    before = path.stat()
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, stat.S_IMODE(before.st_mode))  # noqa: PTH101 -- beside chown, which Path has not by number
        if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
            os.chown(draft, before.st_uid, before.st_gid)
        os.replace(draft, path)  # noqa: PTH105 -- as above
    except BaseException:
        os.unlink(draft)  # noqa: PTH108 -- as above
        raise
