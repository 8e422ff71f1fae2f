"""Ed25519 signatures of tools: what is signed, how it is written, whether it holds. It keeps no key and trusts none.

1. What is signed is a statement of its own kind, with a version: a signature of anything else is none of a tool.
2. It names the manifest by the digest of its bytes and the module by its digest: neither can be exchanged.
3. A signature says who signed, never that they may: that is for whoever knows the trusted keys.
"""

import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from holdfast.contracts import Digest, OperatorError

SIGNATURE_FILE: Final = "tool.sig"
"""Beside `tool.toml`."""
SIGNATURE_CHARACTERS: Final = 512
PUBLIC_KEY: Final = r"ed25519:[0-9a-f]{64}"
"""How a public key is written, in a signature and in the configuration."""

_DOMAIN: Final = "holdfast-tool-signature-v1"
_KEY_DOMAIN: Final = "holdfast-tool-key-v1"
_SIGNATURE: Final = re.compile(rf"{_DOMAIN} ({PUBLIC_KEY}) ([0-9a-f]{{128}})\n?")
_KEY: Final = re.compile(rf"{_KEY_DOMAIN} ([0-9a-f]{{64}})\n?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who says that they signed, and the 64 bytes that show whether they did."""

    key: str
    """The public key, as `PUBLIC_KEY` writes it."""
    value: bytes

    def written(self) -> str:
        """The one line of `tool.sig`."""
        return f"{_DOMAIN} {self.key} {self.value.hex()}\n"

    def holds(self, manifest: str, module: Digest) -> bool:
        """Whether the key signed exactly this manifest with exactly this module."""
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.key.partition(":")[2]))
        try:
            public.verify(self.value, statement(manifest, module))
        except InvalidSignature:
            return False
        return True


def statement(manifest: str, module: Digest) -> bytes:
    """The bytes that are signed for a tool: 170 or so characters of ASCII."""
    written = Digest.of(manifest.encode("utf-8"))
    return f"{_DOMAIN}\nmanifest {written}\nmodule {module}\n".encode("ascii")


def read_signature(text: str) -> Signature:
    """The signature that *text* is.

    Raises: OperatorError when it is none of ours.
    """
    found = _SIGNATURE.fullmatch(text) if len(text) <= SIGNATURE_CHARACTERS else None
    if found is None:
        raise OperatorError(
            f"`{SIGNATURE_FILE}` is no signature of a tool", remedy="holdfast tools sign DIR --key FILE"
        )
    return Signature(key=found[1], value=bytes.fromhex(found[2]))


def sign(seed: bytes, manifest: str, module: Digest) -> Signature:
    """The signature of *manifest* with *module* under the private key *seed* (32 bytes)."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    return Signature(key=public_key(seed), value=private.sign(statement(manifest, module)))


def public_key(seed: bytes) -> str:
    """The public half of *seed*, as it is written."""
    return f"ed25519:{Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw().hex()}"


def written_key(seed: bytes) -> str:
    """The one line of a private key's file."""
    return f"{_KEY_DOMAIN} {seed.hex()}\n"


def read_key(text: str) -> bytes:
    """The 32 bytes of the private key that *text* is.

    Raises: OperatorError, which quotes nothing.
    """
    found = _KEY.fullmatch(text)
    if found is None:
        raise OperatorError("the file is no private key of a signer", remedy="holdfast tools keygen FILE")
    return bytes.fromhex(found[1])
