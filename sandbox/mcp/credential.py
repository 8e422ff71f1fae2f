"""What an entry says about proving to a server who asks: secrets by name, and OAuth. Holds no value of a secret."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from holdfast.contracts import OperatorError, Refusal
from holdfast.contracts.secret import SECRET_NAME

from ..egress.headers import checked_headers

_OURS: Final = frozenset({"accept", "accept-encoding", "content-type", "last-event-id", "user-agent"})
"""Besides what no request may set: they say what we understand, and go with each message."""
_MOST_HEADER_BYTES: Final = 16 << 10
_HIGHEST_PORT: Final = 65_535


class Scheme(StrEnum):
    """How a secret stands in a header or variable."""

    VALUE = "value"
    """It is all of it."""
    BEARER = "bearer"
    """`Bearer VALUE`."""
    BASIC = "basic"
    """`Basic`, as the password of a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretText:
    """A text made of a secret of the tenant that calls."""

    secret: str
    """Its name."""
    scheme: Scheme = Scheme.VALUE
    user: str = ""
    """Of `basic`."""

    def __post_init__(self) -> None:
        if not SECRET_NAME.fullmatch(self.secret):
            raise OperatorError("a secret is named by 1 to 64 of a-z, 0-9, `_`, `.` and `-`")
        if bool(self.user) != (self.scheme is Scheme.BASIC) or ":" in self.user or not self.user.isascii():
            raise OperatorError("`user` goes with the scheme `basic`, in ASCII and without `:`")


Text = str | SecretText


class Grant(StrEnum):
    """How a token is had from an authorization server."""

    CLIENT_CREDENTIALS = "client_credentials"
    """By a secret of ours alone."""
    AUTHORIZATION_CODE = "authorization_code"
    """By somebody who signs in, once, in a browser."""


class ClientAuth(StrEnum):
    """How we prove to the authorization server who we are."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    JWT = "private_key_jwt"
    """The secret is the private key, as PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthConfig:
    """How tokens for one server are had. Each tenant has its own."""

    grant: Grant
    client_id: str | None = None
    client_secret: str | None = None
    """The name of the secret."""
    client_auth: ClientAuth = ClientAuth.BASIC
    algorithm: str = "ES256"
    """Of `private_key_jwt`."""
    metadata_url: str | None = None
    """Our client ID where the authorization server reads such documents (CIMD)."""
    issuer: str | None = None
    """The only authorization server that is trusted."""
    scopes: tuple[str, ...] = ()
    """Exactly these are asked for; none: what the server asks for."""
    redirect_port: int = 0
    """Where the browser comes back to on 127.0.0.1; 0: any."""

    def __post_init__(self) -> None:
        if self.grant is Grant.CLIENT_CREDENTIALS and not (self.client_id and self.client_secret):
            raise OperatorError("`client_credentials` needs `client_id` and `client_secret`")
        if self.client_secret is not None and (self.client_id is None or self.issuer is None):
            raise OperatorError(
                "`client_secret` needs `client_id` and `issuer`: else the server would say who is shown the secret"
            )
        if self.client_auth is ClientAuth.JWT and self.grant is not Grant.CLIENT_CREDENTIALS:
            raise OperatorError("`private_key_jwt` goes with `client_credentials`")
        if self.metadata_url is not None and self.client_id is not None:
            raise OperatorError("give either `client_id` or `client_metadata_url`")
        if self.client_secret is not None and not SECRET_NAME.fullmatch(self.client_secret):
            raise OperatorError("`client_secret` is the name of a secret")
        if not 0 <= self.redirect_port <= _HIGHEST_PORT:
            raise OperatorError("`redirect_port` is a port, or 0")


def check_headers(headers: tuple[tuple[str, Text], ...], *, oauth: bool) -> None:
    """Whether *headers* are an operator's to set.

    Raises: OperatorError naming the header, never its value.
    """
    names = [name.lower() for name, _value in headers]
    for name in names:
        if name in _OURS or name.startswith("mcp-"):
            raise OperatorError(f"the header `{name}` is not an entry's to set; leave it out")
        if name == "authorization" and oauth:
            raise OperatorError("the header `authorization` and `oauth` exclude each other")
    if len(set(names)) != len(names):
        raise OperatorError("two headers have the same name; only one of them could count")
    plain = tuple((name, "" if isinstance(value, SecretText) else value) for name, value in headers)
    try:
        checked_headers(plain, most_bytes=_MOST_HEADER_BYTES)
    except Refusal as refusal:
        raise OperatorError(refusal.reason.message) from None
