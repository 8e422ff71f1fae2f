"""Reads the public keys of issuers. Takes only what may sign, each for one algorithm; verifies no token."""

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from holdfast.contracts import OperatorError

MIN_RSA_BITS = 2048
"""RFC 7518 section 3.3."""

PublicKey = Ed25519PublicKey | EllipticCurvePublicKey | RSAPublicKey


def read_pem(text: str) -> dict[str | None, PublicKey]:
    """The one public key of a PEM text, for tokens without a `kid`.

    Raises: OperatorError for anything but an Ed25519 key, a P-256 key, or an RSA key of 2048 bits or more.
    """
    try:
        key = load_pem_public_key(text.encode("utf-8"))
    except ValueError:
        raise OperatorError("an issuer's key file is not a PEM public key") from None
    return {None: _checked(key)}


def read_jwks(text: str) -> dict[str | None, PublicKey]:
    """The public keys of a JWKS text that sign, each by its `kid`; issuers publish others beside them.

    Raises: OperatorError when a key that signs is symmetric, private, weak, of another kind, or without a `kid` of its
    own; when there is none.
    """
    try:
        keys = jwt.PyJWKSet.from_json(text).keys
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise OperatorError("an issuer's key file is not a JWKS with usable keys") from None
    read: dict[str | None, PublicKey] = {}
    for one in keys:
        if one.public_key_use == "enc":
            continue
        if one.key_id is None or one.key_id in read or one.public_key_use not in (None, "sig"):
            raise OperatorError("every key of an issuer's JWKS that signs needs a `kid` of its own, and use `sig`")
        read[one.key_id] = _checked(one.key)
    if not read:
        raise OperatorError("no key of an issuer's JWKS is for signing")
    return read


def _checked(key: object) -> PublicKey:
    match key:
        case Ed25519PublicKey():
            return key
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            return key
        case RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return key
        case _:
            raise OperatorError(
                f"an issuer's key must be a public key of Ed25519 or P-256, or RSA of {MIN_RSA_BITS} bits or more"
            )


def algorithm_for(key: PublicKey) -> str:
    """The one algorithm that *key* is for: it is never the token's to name."""
    match key:
        case Ed25519PublicKey():
            return "EdDSA"
        case EllipticCurvePublicKey():
            return "ES256"
        case RSAPublicKey():
            return "RS256"
