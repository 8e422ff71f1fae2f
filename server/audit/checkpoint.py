"""Signs the heads of chains: a copy held elsewhere shows that a chain was cut or rewritten. It never reads records."""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from holdfast.contracts import AuditReceipt, Digest, IntegrityError, Json, MalformedJson, OperatorError
from holdfast.contracts.json_values import canonical, parse

from .chain import ChainWriter
from .log import now

_log = structlog.get_logger("holdfast.audit")

ANCHOR_SECONDS = 10.0
"""How often a moved head is sent out (DESIGN section 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The head of one chain at one time."""

    chain: str
    seq: int
    hash: Digest


def sign(head: AuditReceipt, seed: bytes) -> bytes:
    """One line of JSON: the head, when it was taken, and its Ed25519 signature under *seed* (32 bytes)."""
    key = Ed25519PrivateKey.from_private_bytes(seed)
    body: dict[str, Json] = {
        "chain": head.chain,
        "seq": head.seq,
        "hash": str(head.hash),
        "at": now(),
        "key": key.public_key().public_bytes_raw().hex(),
    }
    return canonical({**body, "signature": key.sign(canonical(body)).hex()}) + b"\n"


def read_checkpoint(data: bytes, seed: bytes) -> Checkpoint:
    """Read the newest line of *data* as `sign` wrote it under *seed*.

    Raises: IntegrityError when it is not one, or somebody else signed it.
    """
    try:
        fields = parse(data.rstrip().rsplit(b"\n", 1)[-1])
    except MalformedJson:
        fields = None
    if not isinstance(fields, dict):
        raise IntegrityError("the checkpoint is not one that `holdfast audit export --head` writes")
    body = {name: value for name, value in fields.items() if name != "signature"}
    public: Ed25519PublicKey = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    try:
        public.verify(bytes.fromhex(str(fields.get("signature"))), canonical(body))
        return Checkpoint(
            chain=str(fields["chain"]), seq=int(str(fields["seq"])), hash=Digest.parse(str(fields["hash"]))
        )
    except (InvalidSignature, ValueError, KeyError, OperatorError):
        raise IntegrityError("the checkpoint's signature does not hold") from None


class FileAnchor:
    """Appends a signed head to a file elsewhere while the chain moves."""

    def __init__(self, chain: ChainWriter, path: Path, seed: bytes) -> None:
        self._chain = chain
        self._path = path
        self._seed = seed
        self._sent = -1
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def aclose(self) -> None:
        """Stop, and send the last head.

        Raises: OperatorError when the file cannot be written.
        """
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._send()

    async def _send(self) -> None:
        head = self._chain.head  # read on the loop, where it is written
        if head.seq != self._sent:
            await asyncio.to_thread(_append, self._path, sign(head, self._seed))
            self._sent = head.seq

    async def _run(self) -> None:
        while True:
            try:
                await self._send()
            except OperatorError as error:
                _log.error("audit.anchor_failed", path=str(self._path), error=error.message)
            await asyncio.sleep(ANCHOR_SECONDS)


def _append(path: Path, line: bytes) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, line)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise OperatorError(f"cannot write the anchor `{path}`: {error.strerror}") from None
