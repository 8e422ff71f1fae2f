"""Keeps compiled modules in a folder of ours. What is in it is native code, so only what we wrote there is taken.

1. A file's tag is a keyed BLAKE3 over the artifact and everything it depends on: the module's digest, wasmtime's
   version, the engine's settings, the processor. Another key, module, version, setting or processor: another tag.
2. The bytes that were checked are the bytes that are handed on; the file is not opened twice.
3. A file whose tag does not hold is removed and answered as `Altered`; the module is then compiled again.
"""

import os
import platform
import secrets
import stat
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

from blake3 import blake3

from holdfast.contracts.digests import KEY_BYTES, Digest
from holdfast.contracts.errors import OperatorError
from holdfast.contracts.json_values import canonical

from .frames import HEAD
from .report import ModuleReport, read_report, write_report
from .settings import ENGINE, MIB

ARTIFACT_BYTES: Final = 512 * MIB
_TAG_BYTES: Final = 32
_MINE_ALONE: Final = 0o700
_FILE_MODE: Final = 0o600
_FORMAT: Final = "holdfast artifact 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A module as native code, with what the scan said of it."""

    report: ModuleReport
    native: bytes


@dataclass(frozen=True, slots=True)
class Absent:
    """There is none yet."""


@dataclass(frozen=True, slots=True)
class Altered:
    """There was a file that we did not write. It is gone now."""


Stored: TypeAlias = Artifact | Absent | Altered


class ArtifactCache:
    """Artifacts in *directory*, under *key*.

    Raises: OperatorError when the folder is not only ours, or the key is not 32 bytes.
    """

    def __init__(self, directory: Path, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise OperatorError(f"the artifact key must be {KEY_BYTES} bytes")
        directory.mkdir(mode=_MINE_ALONE, parents=True, exist_ok=True)
        found = directory.stat(follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise OperatorError("the artifact folder must be a folder of this user's alone, mode 0700")
        self._directory = directory
        self._key = key

    def load(self, module: Digest) -> Stored:
        """The artifact of *module*, if it is exactly what was saved."""
        path = self._path(module)
        try:
            data = _read(path)
        except FileNotFoundError:
            return Absent()
        except OSError:
            data = b""
        tag, body = data[:_TAG_BYTES], memoryview(data)[_TAG_BYTES:]  # a view: an interpreter's artifact is 50 MB
        artifact = _opened(body) if self._tag(module, body) == _as_digest(tag) else None
        if artifact is None:
            path.unlink(missing_ok=True)
            return Altered()
        return artifact

    def save(self, module: Digest, artifact: Artifact) -> None:
        """Keep *artifact* for *module*. Raises: OSError."""
        report = write_report(artifact.report)
        body = b"".join((HEAD.pack(len(report)), report, artifact.native))
        fresh = self._directory / f".{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(bytes.fromhex(self._tag(module, body).hex))
                file.write(body)
            fresh.rename(self._path(module))
        except OSError:
            fresh.unlink(missing_ok=True)
            raise

    def _path(self, module: Digest) -> Path:
        return self._directory / Digest.keyed(self._key, _binding(module)).hex

    def _tag(self, module: Digest, body: bytes | memoryview) -> Digest:
        tag = blake3(key=self._key, max_threads=blake3.AUTO)
        tag.update(_binding(module))
        tag.update(body)
        return Digest(tag.hexdigest())


def fingerprint() -> str:
    """What an artifact depends on besides its module, as a digest: version, settings, processor."""
    parts = [version("wasmtime"), platform.machine(), _processor(), *(f"{name}={value}" for name, value in ENGINE)]
    return str(Digest.of(canonical(list(parts))))


def _binding(module: Digest) -> bytes:
    return canonical([_FORMAT, str(module), _fingerprint_once()]) + b"\n"


@cache
def _fingerprint_once() -> str:
    return fingerprint()


def _processor() -> str:
    """The features the kernel reports, which is what the compiler looks at; empty where it reports none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > ARTIFACT_BYTES:
            return b""
        return file.read()


def _as_digest(tag: bytes) -> Digest | None:
    return Digest(tag.hex()) if len(tag) == _TAG_BYTES else None


def _opened(body: memoryview) -> Artifact | None:
    (length,) = HEAD.unpack_from(body)
    end = HEAD.size + length
    return Artifact(report=read_report(bytes(body[HEAD.size : end])), native=bytes(body[end:]))
