"""Reads a path as a tool gives it into names under the root; never resolves anything."""

from typing import Final

from holdfast.contracts import InvalidRequest

from .refusals import outside_root

MAX_PATH_BYTES: Final = 4096
"""Linux's PATH_MAX."""
MAX_NAME_BYTES: Final = 255
"""Linux's NAME_MAX."""
MAX_PARTS: Final = 64
"""Folders deep; far beyond any real tree, and the most descriptors a walk needs one after the other."""


def parts_of(path: str, *, root: str) -> tuple[str, ...]:
    """The names on the way from the root; empty for the root itself. *root* is its real path, for the remedy only.

    Raises: Refusal `workspace/outside-root` for an absolute path or one with `..`; InvalidRequest for NUL, text
    that is not Unicode, and lengths over the caps above.
    """
    if path.startswith("/"):
        raise outside_root("`path` is absolute; give it relative to the workspace root", remedy=_absolute(path, root))
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise outside_root("`path` holds `..`; give the way down from the workspace root")
    _check_size(path, parts)
    return parts


def _check_size(path: str, parts: tuple[str, ...]) -> None:
    if "\0" in path:
        raise InvalidRequest("`path` holds a NUL character")
    try:
        encoded = path.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequest("`path` is not valid Unicode") from None
    if len(encoded) > MAX_PATH_BYTES or len(parts) > MAX_PARTS:
        raise InvalidRequest(f"`path` is longer than {MAX_PATH_BYTES} bytes or {MAX_PARTS} folders")
    if any(len(part.encode("utf-8")) > MAX_NAME_BYTES for part in parts):
        raise InvalidRequest(f"a name in `path` is longer than {MAX_NAME_BYTES} bytes")


def _absolute(path: str, root: str) -> str:
    if path == root or path.startswith(root.rstrip("/") + "/"):
        return "the file is in the workspace: leave out the part that `[workspace] root` in holdfast.toml names"
    return 'set `[workspace] root = "…"` in holdfast.toml to a folder that holds the file'
