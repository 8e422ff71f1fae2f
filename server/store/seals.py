"""Seals bytes for a place and opens them there: AES-256-GCM under one key. Knows no table and keeps nothing."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from holdfast.contracts import Json
from holdfast.contracts.json_values import canonical

NONCE_BYTES: Final = 12


class Unopened(Exception):
    """A row is not what was put there, or was sealed with another key."""


class Seal:
    """Seals bytes for a place and opens them there."""

    def __init__(self, *, key: bytes, purpose: str) -> None:
        """With *key*, 32 bytes; *purpose* keeps one kind of row from passing for another."""
        self._cipher = AESGCM(key)
        self._purpose = purpose

    def close(self, value: bytes, *place: Json) -> tuple[bytes, bytes]:
        """A fresh nonce, and *value* sealed for *place*."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce, self._cipher.encrypt(nonce, value, self._bound(place))

    def open(self, nonce: bytes, sealed: bytes, *place: Json) -> bytes:
        """What was sealed for *place*.

        Raises: Unopened.
        """
        try:
            return self._cipher.decrypt(nonce, sealed, self._bound(place))
        except (InvalidTag, ValueError):
            raise Unopened from None

    def _bound(self, place: tuple[Json, ...]) -> bytes:
        return canonical([self._purpose, *place])
