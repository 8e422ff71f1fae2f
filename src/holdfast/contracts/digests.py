"""BLAKE3 digests as values. Equality between digests is constant time."""

import hmac
from dataclasses import dataclass

from blake3 import blake3

from .errors import OperatorError

KEY_BYTES = 32
_HEX_LENGTH = 64
_PREFIX = "blake3:"


@dataclass(frozen=True, slots=True, eq=False)
class Digest:
    """A 256-bit BLAKE3 digest, written `blake3:<64 hex>`."""

    hex: str

    def __post_init__(self) -> None:
        if len(self.hex) != _HEX_LENGTH or not set(self.hex) <= set("0123456789abcdef"):
            raise OperatorError("a digest is 64 lower-case hexadecimal characters after `blake3:`")

    @classmethod
    def of(cls, data: bytes) -> "Digest":
        """Digest *data* without a key: an identity anyone can recompute."""
        return _made(blake3(data).hexdigest())

    @classmethod
    def keyed(cls, key: bytes, data: bytes) -> "Digest":
        """Digest *data* under *key* (32 bytes): cannot be guessed from the data alone."""
        return _made(blake3(data, key=key).hexdigest())

    @classmethod
    def parse(cls, text: str) -> "Digest":
        """Read the written form.

        Raises: OperatorError when it is anything else.
        """
        if not text.startswith(_PREFIX):
            raise OperatorError("a digest starts with `blake3:`")
        return cls(text.removeprefix(_PREFIX))

    def __str__(self) -> str:
        return _PREFIX + self.hex

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Digest) and hmac.compare_digest(self.hex, other.hex)

    def __hash__(self) -> int:
        return hash(self.hex)


def _made(written: str) -> Digest:
    """A digest of what BLAKE3 itself has *written*: each call takes half a dozen, and none needs reading again."""
    digest = object.__new__(Digest)
    object.__setattr__(digest, "hex", written)
    return digest
