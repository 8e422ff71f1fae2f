"""Files in memory: what `open` and the usual functions of `os` and `pathlib` see. There are no others."""

import builtins
import errno
import io
import os
import posixpath
import stat
import time
import weakref
from collections.abc import Iterator
from typing import Self

_contents: dict[str, bytes] = {}
_folders: set[str] = set()
_written: set[str] = set()
_times: dict[str, float] = {}
_open: "weakref.WeakSet[MemoryFile]" = weakref.WeakSet()
_real_open = io.open
_clock = [True]


def put(name: str, data: bytes) -> None:
    """Make the file *name*; it counts as given, not as written."""
    _contents[_key(name)] = data


def written() -> dict[str, bytes]:
    """What the program wrote, by name without the leading slash."""
    for file in list(_open):
        file.flush()
    return {name: _contents[name] for name in sorted(_written) if name in _contents}


def begin() -> None:
    """A call of a kept instance begins: what it writes is told, what is there stays."""
    _written.clear()


def stamp(clock: bool) -> None:  # noqa: FBT001 -- as the request says it
    """Whether files have times: without the clock they are all of the beginning."""
    _clock[:] = [clock]


def forget() -> None:
    """Let go of everything."""
    for kept in (_contents, _written, _times, _folders):
        kept.clear()


def take_over() -> None:
    """Put these files in the place of the system's."""
    builtins.open = io.open = open_file
    for name, ours in {
        "listdir": _listdir,
        "scandir": _scandir,
        "stat": _stat,
        "lstat": _stat,
        "remove": _remove,
        "unlink": _remove,
        "rename": _rename,
        "replace": _rename,
        "mkdir": _mkdir,
        "rmdir": _rmdir,
        "access": _access,
        "getcwd": lambda: "/",
        "getcwdb": lambda: b"/",
        "utime": lambda *_args, **_more: None,
        "chmod": lambda *_args, **_more: None,
    }.items():
        setattr(os, name, ours)
    os.supports_fd = os.supports_dir_fd = os.supports_follow_symlinks = frozenset()


class MemoryFile(io.BytesIO):
    """One open file. What was written is there for others after `flush` and `close`."""

    def __init__(self, key: str, mode: str) -> None:
        super().__init__(b"" if "w" in mode else _contents.get(key, b""))
        self._key = key
        self._reads = "r" in mode or "+" in mode
        self._writes = mode.strip("bt") != "r"
        self._appends = "a" in mode
        self.name = f"/{key}"
        self.mode = mode
        _open.add(self)
        if self._writes:
            _written.add(key)
            _keep(key, self.getvalue())
        if self._appends:
            self.seek(0, io.SEEK_END)

    def readable(self) -> bool:
        """As opened."""
        return self._reads

    def writable(self) -> bool:
        """As opened."""
        return self._writes

    def write(self, data: bytes) -> int:
        """Write at the position, or at the end of a file opened for appending."""
        if not self._writes:
            raise io.UnsupportedOperation("not writable")
        if self._appends:
            self.seek(0, io.SEEK_END)
        return super().write(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read from the position on."""
        if not self._reads:
            raise io.UnsupportedOperation("not readable")
        return super().read(size)

    def flush(self) -> None:
        """Let others see what was written."""
        if self._writes and not self.closed:
            _keep(self._key, self.getvalue())

    def close(self) -> None:
        """Flush and close."""
        self.flush()
        super().close()


def open_file(
    file: "str | bytes | os.PathLike[str] | int",
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,  # noqa: FBT001, FBT002 -- the built-in's
    opener: object = None,  # noqa: ARG001 -- the built-in's
) -> "io.TextIOWrapper | MemoryFile":
    """The built-in `open`, over these files."""
    if isinstance(file, int):
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd)
    kinds = set(mode) & set("rwax")
    if len(kinds) != 1 or set(mode) - set("rwaxbt+") or ("b" in mode and "t" in mode):
        raise ValueError(f"invalid mode: {mode!r}")
    key = _key(file)
    if key in _folders or key == "" or _is_implied(key):
        raise IsADirectoryError(errno.EISDIR, "Is a directory", os.fspath(file))
    if "r" in mode and key not in _contents:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", os.fspath(file))
    if "x" in mode and key in _contents:
        raise FileExistsError(errno.EEXIST, "File exists", os.fspath(file))
    raw = MemoryFile(key, mode.replace("x", "w"))
    if "b" in mode:
        return raw
    if encoding == "locale":
        encoding = None
    return io.TextIOWrapper(raw, encoding or "utf-8", errors, newline, write_through="r" not in mode)


def _keep(key: str, data: bytes) -> None:
    if _contents.get(key) != data:
        _times[key] = time.time() if _clock[0] else 0.0
    _contents[key] = data


def _key(path: "str | bytes | os.PathLike[str]") -> str:
    text = os.fsdecode(path)
    if "\0" in text:
        raise ValueError("embedded null byte")
    return posixpath.normpath(posixpath.join("/", text)).lstrip("/")


def _is_implied(key: str) -> bool:
    return any(name.startswith(f"{key}/") for name in (*_contents, *_folders))


def _is_folder(key: str) -> bool:
    return key == "" or key in _folders or _is_implied(key)


def _children(path: "str | bytes | os.PathLike[str]") -> list[str]:
    key = _key(path)
    if not _is_folder(key):
        kind, code = (NotADirectoryError, errno.ENOTDIR) if key in _contents else (FileNotFoundError, errno.ENOENT)
        raise kind(code, os.strerror(code), os.fspath(path))
    lead = f"{key}/" if key else ""
    names = {name[len(lead) :].split("/")[0] for name in (*_contents, *_folders) if name.startswith(lead)}
    return sorted(names - {""})


def _listdir(path: "str | bytes | os.PathLike[str]" = ".") -> list[str]:
    return _children(path)


class _Entry:
    def __init__(self, folder: str, name: str) -> None:
        self.name = name
        self.path = posixpath.join(folder, name)

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 -- there are no links
        return _is_folder(_key(self.path))

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002 -- as above
        return _key(self.path) in _contents

    def is_symlink(self) -> bool:
        return False

    def is_junction(self) -> bool:
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 -- as above
        return _stat(self.path)


class _Scan:
    def __init__(self, entries: Iterator[_Entry]) -> None:
        self._entries = entries

    def __iter__(self) -> "_Scan":
        return self

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _scandir(path: "str | os.PathLike[str]" = ".") -> _Scan:
    folder = os.fspath(path)
    return _Scan(iter([_Entry(folder, name) for name in _children(folder)]))


def _stat(path: "str | bytes | os.PathLike[str]", **_more: object) -> os.stat_result:
    key = _key(path)
    if key in _contents:
        mode, size = stat.S_IFREG | 0o644, len(_contents[key])
    elif _is_folder(key):
        mode, size = stat.S_IFDIR | 0o755, 0
    else:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", os.fspath(path))
    when = int(_times.get(key, 0))
    return os.stat_result((mode, hash(key) & 0xFFFF_FFFF, 1, 1, 0, 0, size, when, when, when))


def _access(path: "str | bytes | os.PathLike[str]", mode: int, **_more: object) -> bool:
    key = _key(path)
    return (key in _contents or _is_folder(key)) and not (mode & os.X_OK and key in _contents)


def _remove(path: "str | bytes | os.PathLike[str]", **_more: object) -> None:
    if _contents.pop(_key(path), None) is None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", os.fspath(path))


def _rename(source: "str | os.PathLike[str]", target: "str | os.PathLike[str]", **_more: object) -> None:
    before, after = _key(source), _key(target)
    moved = [name for name in _contents if name == before or name.startswith(f"{before}/")]
    if not moved and before not in _folders:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", os.fspath(source))
    for name in moved:
        new = after + name[len(before) :]
        _contents[new] = _contents.pop(name)
        _written.add(new)
    if before in _folders:
        _folders.discard(before)
        _folders.add(after)


def _mkdir(path: "str | os.PathLike[str]", mode: int = 0o777, **_more: object) -> None:  # noqa: ARG001 -- the system's
    key = _key(path)
    if key in _contents or _is_folder(key):
        raise FileExistsError(errno.EEXIST, "File exists", os.fspath(path))
    if not _is_folder(posixpath.dirname(key)):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", os.fspath(path))
    _folders.add(key)


def _rmdir(path: "str | os.PathLike[str]", **_more: object) -> None:
    if _children(path):
        raise OSError(errno.ENOTEMPTY, "Directory not empty", os.fspath(path))
    _folders.discard(_key(path))
