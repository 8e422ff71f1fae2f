"""Time zones without a file system: every zone of the package `tzdata`, read when the interpreter is built."""

import io
import zoneinfo
from pathlib import Path
from zoneinfo import _common, _tzpath

_MAGIC = b"TZif"
_zones: dict[str, bytes] = {}


def keep() -> None:
    """Read every zone there is, and answer from that from now on. Raises: ImportError without the package."""
    import tzdata

    root = Path(tzdata.__file__).parent / "zoneinfo"
    for path in root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if data.startswith(_MAGIC):
                _zones[path.relative_to(root).as_posix()] = data
    if "Europe/Paris" not in _zones:
        raise ImportError("the package `tzdata` has no zones")
    _common.load_tzdata = _load
    _tzpath.find_tzfile = _no_file
    zoneinfo.available_timezones = lambda: set(_zones)
    zoneinfo.ZoneInfo("Europe/Paris").utcoffset(None)


def _load(key: str) -> io.BytesIO:
    data = _zones.get(key)
    if data is None:
        raise zoneinfo.ZoneInfoNotFoundError(f"No time zone found with key {key}")
    return io.BytesIO(data)


def _no_file(_key: str) -> None:
    return None
