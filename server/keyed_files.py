"""Keeps compiled artifacts under a keyed digest: a file that somebody else wrote is not taken. It compiles nothing."""

import os
from pathlib import Path

import structlog

from holdfast.contracts import Digest

from .data_dir import DataDir, user_cache

_log = structlog.get_logger("holdfast.assembly")
_DIGEST_BYTES = 32


class KeyedFiles:
    """Files of one folder, each after its own keyed BLAKE3 digest."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key

    def load(self, name: str) -> bytes | None:
        """What `save` kept under *name*, or None when there is none or it is not ours."""
        try:
            data = (self._folder / f"{name}.bin").read_bytes()
        except OSError:
            return None
        tag, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
        return body if len(tag) == _DIGEST_BYTES and Digest(tag.hex()) == self._tag(name, body) else None

    def has(self, name: str) -> bool:
        """Whether there is a file under *name*; whether it is ours shows when it is loaded."""
        return (self._folder / f"{name}.bin").is_file()

    def save(self, name: str, body: bytes) -> None:
        """Keep *body* under *name*, whole or not at all. Without room or right it is not kept: it can be made again."""
        path = self._folder / f"{name}.bin"
        draft = path.with_suffix(f".{os.getpid()}")
        try:
            draft.write_bytes(bytes.fromhex(self._tag(name, body).hex) + body)
            draft.replace(path)
        except OSError as error:
            _log.warning("artifact.not_kept", name=name, why=error.strerror)

    def _tag(self, name: str, body: bytes) -> Digest:
        return Digest.keyed(self._key, name.encode() + b"\0" + body)


def shared_artifacts(data: DataDir | None) -> KeyedFiles | None:
    """The user's cache, or else *data*'s own folder: compiling anew takes seconds."""
    shared = user_cache()
    if shared is not None:
        return KeyedFiles(*shared)
    return None if data is None else KeyedFiles(data.native, data.key("native"))
