"""What Holdfast and a webhook say to each other, and how each knows the other's hand. It sends and decides nothing.

1. Both sign `TIMESTAMP.BODY` with HMAC-SHA256 under the key they share; the bytes are signed, not their meaning.
2. An answer counts only with a signature of its own, made within five minutes of now, for the approval it names.
3. Nothing of a body is read before its signature holds.
"""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from holdfast.contracts import ApprovalId, Json, MalformedJson, OperatorError
from holdfast.contracts.json_values import parse

from .store import Ruling

TIMESTAMP: Final = "Holdfast-Timestamp"
"""Seconds since the epoch, in digits."""
SIGNATURE: Final = "Holdfast-Signature"
FRESH_S: Final = 300
"""How far an answer's time may be from ours: clocks differ, and an answer that was kept is none."""
MIN_KEY_BYTES: Final = 32
"""As long as the hash (RFC 2104 section 3)."""
MAX_KEY_BYTES: Final = 4096
MAX_NOTE: Final = 1000
_VERSION: Final = "v1="
_TIME: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_FIELDS: Final = frozenset({"id", "decision", "note"})
_RULINGS: Final[Mapping[str, Ruling]] = {"approve": Ruling.APPROVE, "deny": Ruling.DENY}


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer that decides."""

    ruling: Ruling
    note: str | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """An answer that decides nothing."""

    why: str
    """A constant of ours, for the log."""


Answer: TypeAlias = Decided | Ignored


def signed(key: bytes, body: bytes, now: float) -> dict[str, str]:
    """The headers that *body* is sent with."""
    written = str(int(now))
    return {TIMESTAMP: written, SIGNATURE: _VERSION + _mac(key, written, body)}


def read_answer(key: bytes, headers: Mapping[str, str], body: bytes, *, approval: ApprovalId, now: float) -> Answer:
    """What *body* decides about *approval*. Raises nothing."""
    written, signature = headers.get(TIMESTAMP), headers.get(SIGNATURE)
    if written is None or signature is None:
        return Ignored("unsigned")
    if not _TIME.fullmatch(written):
        return Ignored("its time is no time")
    if not hmac.compare_digest(signature.encode(), (_VERSION + _mac(key, written, body)).encode()):
        return Ignored("the signature does not hold")
    if abs(now - int(written)) > FRESH_S:
        return Ignored("its time is not now")
    try:
        return _read(parse(body), approval)
    except MalformedJson:
        return Ignored("not strict JSON")


def _read(answer: Json, approval: ApprovalId) -> Answer:
    if not isinstance(answer, dict) or not answer.keys() <= _FIELDS:
        return Ignored("it is not `id`, `decision` and perhaps `note`")
    if answer.get("id") != approval:
        return Ignored("it is for another approval")
    decision, note = answer.get("decision"), answer.get("note")
    if not isinstance(decision, str) or decision not in _RULINGS:
        return Ignored("its decision is neither `approve` nor `deny`")
    if note is not None and (not isinstance(note, str) or len(note) > MAX_NOTE):
        return Ignored("its note is no text, or too long")
    return Decided(_RULINGS[decision], note)


def _mac(key: bytes, written: str, body: bytes) -> str:
    return hmac.new(key, written.encode() + b"." + body, hashlib.sha256).hexdigest()


def read_key(path: Path) -> bytes:
    """The key in *path*: every byte of the file.

    Raises: OperatorError when others may read it, somebody else owns it, or it is too short to be a key.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            _check(path, status)
            key = file.read(MAX_KEY_BYTES + 1)
    except OSError as error:
        raise OperatorError(f"`[approvals] webhook_key_file` `{path}` cannot be read: {error.strerror}") from None
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise OperatorError(
            f"`[approvals] webhook_key_file` must hold {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes",
            remedy=f"make one: head -c {MIN_KEY_BYTES} /dev/urandom > FILE; chmod 600 FILE",
        )
    return key


def _check(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OperatorError("`[approvals] webhook_key_file` is not a file")
    if status.st_uid not in (os.getuid(), 0):
        raise OperatorError("`[approvals] webhook_key_file` belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise OperatorError("others may read `[approvals] webhook_key_file`", remedy=f"chmod 600 {path}")
