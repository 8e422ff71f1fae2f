"""Tokens: issued here, or by issuers that the configuration trusts. The only part that knows of JWTs."""

from .keys import PublicKey, read_jwks, read_pem
from .tokens import AUDIENCE, Authenticator, IssuedToken, IssuedTokens, TokenIssuer, TrustedIssuer

__all__ = [
    "AUDIENCE",
    "Authenticator",
    "IssuedToken",
    "IssuedTokens",
    "PublicKey",
    "TokenIssuer",
    "TrustedIssuer",
    "read_jwks",
    "read_pem",
]
