"""Whether a path lies within granted files and folders. Whole segments, no patterns; it resolves nothing."""

from collections.abc import Iterable


def within(path: str, granted: Iterable[str]) -> bool:
    """Whether *path*, from the root and without links, is one of *granted* or below one; `.` grants everything."""
    parts = _parts(path)
    return any(parts[: len(one)] == one for one in map(_parts, granted))


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part not in {"", "."})
