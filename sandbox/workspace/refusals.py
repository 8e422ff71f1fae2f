"""What the workspace says when it refuses or cannot: reasons and errors; never a path, a name or a file's content."""

import errno
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Final

from holdfast.contracts import (
    CallerError,
    Conflict,
    InvalidRequest,
    NotFound,
    Overloaded,
    Reason,
    Refusal,
)

_LAYER = "workspace"
_ROOT_REMEDY = 'set `[workspace] root = "…"` in holdfast.toml to a folder that holds the file'


def outside_root(message: str, *, remedy: str = _ROOT_REMEDY) -> Refusal:
    """The path leads, or could lead, out of the workspace."""
    return Refusal(Reason(code="workspace/outside-root", layer=_LAYER, message=message, remedy=remedy))


def link_refused() -> Refusal:
    """A link on the way leads out, in a circle, or is not followed here."""
    return outside_root(
        "`path` goes through a link that leaves the workspace or is not followed; name the real file inside it"
    )


def protected_name() -> Refusal:
    """The name is one that other programs obey."""
    return Refusal(
        Reason(
            code="workspace/protected-name",
            layer=_LAYER,
            message="`path` has a write-protected name, because other programs act on that file; write another file",
            remedy='under `[workspace]` in holdfast.toml, drop it from `write_denied` or name it in `released = ["…"]`',
        )
    )


def outside_grant() -> Refusal:
    """The tool was granted pieces of the workspace, and the path leads to none of them."""
    return Refusal(
        Reason(
            code="workspace/not-granted",
            layer=_LAYER,
            message="`path` is in none of the files and folders that the tool was granted",
            remedy="add the folder to `[grants] workspace_read` in the tool's manifest",
        )
    )


def not_a_file() -> Refusal:
    """A pipe, device or socket."""
    return Refusal(
        Reason(
            code="workspace/not-a-file",
            layer=_LAYER,
            message="`path` names a pipe, device or socket; only regular files can be read or written",
            remedy="remove the special file from the folder named by `[workspace] root` in holdfast.toml",
        )
    )


def folder_named() -> CallerError:
    """A file was wanted."""
    return InvalidRequest("`path` names a folder; name a file in it")


@contextmanager
def explained() -> Generator[None]:
    """Turn the operating system's word into ours. What has no meaning for a caller goes on as OSError."""
    try:
        yield
    except OSError as error:
        meaning = _MEANINGS.get(error.errno or 0)
        if meaning is None:
            raise
        raise meaning() from None


def _missing() -> CallerError:
    return NotFound("`path` names nothing in the workspace; list the folder first")


def _through_file() -> CallerError:
    return InvalidRequest("`path` uses a file as if it were a folder")


def _too_long() -> CallerError:
    return InvalidRequest("`path` is longer than the file system allows")


def _not_permitted() -> CallerError:
    return InvalidRequest("the file system does not let this server do that at `path`")


def _read_only() -> CallerError:
    return InvalidRequest("the workspace is on a read-only file system")


def _changing() -> CallerError:
    return Conflict("the file is being changed by somebody else; try again")


def _no_room() -> CallerError:
    return Overloaded("the server has no room for the file now; try again later")


_MEANINGS: Final[Mapping[int, Callable[[], CallerError | Refusal]]] = {
    errno.EXDEV: link_refused,
    errno.ELOOP: link_refused,
    errno.ENOENT: _missing,
    errno.ENOTDIR: _through_file,
    errno.EISDIR: folder_named,
    errno.ENOTEMPTY: folder_named,
    errno.ENXIO: not_a_file,
    errno.ENODEV: not_a_file,
    errno.ENAMETOOLONG: _too_long,
    errno.EACCES: _not_permitted,
    errno.EPERM: _not_permitted,
    errno.EROFS: _read_only,
    errno.EAGAIN: _changing,
    errno.ENOSPC: _no_room,
    errno.EDQUOT: _no_room,
    errno.EMFILE: _no_room,
    errno.ENFILE: _no_room,
}
