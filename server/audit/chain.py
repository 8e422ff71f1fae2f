"""Appends records to one hash chain on disk. It never changes or removes what is written.

A chain is a folder of segments, `<first seq>.jsonl`. Each line is one record with `seq`, `prev` and `hash`; `hash` is
keyed BLAKE3 over the canonical record without it, so a line cannot be edited, dropped or moved without the key.
"""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from holdfast.contracts import AuditReceipt, Digest, InternalError, Json
from holdfast.contracts.json_values import canonical

from .reading import Tail, genesis, read_tail

_HASH = "hash"
SEGMENT_BYTES = 64 << 20
"""A new segment is begun past this size, so that a start never reads more than two of them."""


class Durability(StrEnum):
    """What a record survives: a crash of the process, or a power cut (an fsync shared by all that wait)."""

    PROCESS = "process"
    POWER = "power"


class ChainWriter:
    """The only writer of one chain; a file lock holds that across processes."""

    def __init__(self, folder: Path, *, key: bytes, durability: Durability) -> None:
        self._folder = folder
        self._name = folder.name
        self._key = key
        self._durability = durability
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.recovered: Tail = read_tail(folder, key)
        except BaseException:
            os.close(self._lock)
            raise
        self._seq = self.recovered.seq
        self._head = self.recovered.head or genesis(key, folder.name)
        self._fd = -1
        self._size = 0
        self._open_segment(self.recovered.segment)
        self._synced = self._seq
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._syncing: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The chain's id."""
        return self._name

    @property
    def writable(self) -> bool:
        """Whether the next record can be written, as far as is known."""
        return self._fd >= 0

    @property
    def head(self) -> AuditReceipt:
        """The newest record's place and hash."""
        return AuditReceipt(chain=self.name, seq=self._seq, hash=self._head)

    def append(self, fields: Mapping[str, Json]) -> AuditReceipt:
        """Write one record to the operating system.

        Raises: InternalError when it cannot be written whole; the chain then refuses every further record.
        """
        if self._fd < 0:
            raise InternalError("the audit record cannot be written")
        record: dict[str, Json] = {**fields, "chain": self._name, "seq": self._seq + 1, "prev": str(self._head)}
        before = canonical({name: value for name, value in record.items() if name < _HASH})[:-1]
        after = canonical({name: value for name, value in record.items() if name > _HASH})[1:]
        digest = Digest.keyed(self._key, before + b"," + after)
        line = b'%b,"hash":"%b",%b\n' % (before, str(digest).encode("ascii"), after)
        try:
            written = os.write(self._fd, line)
        except OSError:
            written = -1
        if written != len(line):
            self._break(written)
            raise InternalError("the audit record cannot be written")
        self._seq, self._head, self._size = self._seq + 1, digest, self._size + written
        if self._size > SEGMENT_BYTES:
            with contextlib.suppress(OSError):  # no room for another file: this one goes on
                self._rotate()
        return AuditReceipt(chain=self._name, seq=self._seq, hash=digest)

    async def durable(self, seq: int) -> None:
        """Wait until record *seq* is as durable as configured.

        Raises: InternalError when the disk does not take it.
        """
        if self._durability is Durability.PROCESS or seq <= self._synced:
            return
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((seq, done))
        if self._syncing is None:
            self._syncing = loop.create_task(self._sync())
        await done

    async def aclose(self) -> None:
        """Sync what is written and give up the lock."""
        if self._syncing is not None:
            await self._syncing
        if self._fd >= 0:
            await asyncio.to_thread(os.fsync, self._fd)
            os.close(self._fd)
            self._fd = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _sync(self) -> None:
        """One fsync for all who wait, again while more came meanwhile."""
        try:
            while self._waiting:
                target, fd = self._seq, self._fd
                try:
                    await asyncio.to_thread(os.fsync, fd)
                except OSError:
                    # The kernel may have dropped what it could not write, and says so only once: nothing after this
                    # could be trusted to be durable.
                    self._break(0)
                    self._fail_waiting()
                    return
                self._synced = max(self._synced, target)
                ready = [done for seq, done in self._waiting if seq <= self._synced]
                self._waiting = [(seq, done) for seq, done in self._waiting if seq > self._synced]
                for done in ready:
                    if not done.done():
                        done.set_result(None)
        finally:
            self._syncing = None

    def _fail_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _seq, done in waiting:
            if not done.done():
                done.set_exception(InternalError("the audit record cannot be made durable"))

    def _break(self, written: int) -> None:
        """Take back a half-written line where that is possible, and stop: a chain with a gap proves nothing."""
        if self._fd < 0:
            return
        if written > 0:
            os.ftruncate(self._fd, self._size)
        os.close(self._fd)
        self._fd = -1

    def _open_segment(self, segment: Path | None) -> None:
        path = segment or self._folder / f"{self._seq + 1:012d}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._size = os.fstat(self._fd).st_size
        if segment is not None and self.recovered.torn_bytes:
            # A power cut left part of a line that nobody was ever told of; the log records that it was dropped.
            self._size -= self.recovered.torn_bytes
            os.ftruncate(self._fd, self._size)

    def _rotate(self) -> None:
        os.fsync(self._fd)
        self._synced = self._seq
        old = self._fd
        self._open_segment(None)
        if self._syncing is None:
            os.close(old)
