"""Issues local tokens and turns any presented token into a principal. Decides nothing about what a principal may do.

1. The algorithm is ours to name, never the token's: each issuer has its own keys and the one algorithm they are for.
2. `sub`, `aud`, `iss`, `exp`, `iat` are required, of a local token also `jti` and `tenant`; the audience is `holdfast`,
   or what an issuer's tokens are to name, and nothing beside it.
3. A local token must also be one that was issued here, letter for letter, and not revoked: asked at every request.
4. Whatever is wrong, the answer is the same sentence.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

import jwt
from jwt.types import Options

from holdfast.contracts import (
    Digest,
    InvalidRequest,
    OperatorError,
    Principal,
    Scope,
    SessionId,
    TenantId,
    Unauthenticated,
)

from ..store import Clock, TokenRow
from .keys import PublicKey, algorithm_for

AUDIENCE = "holdfast"
LEEWAY_S = 5
"""Clock skew between us and an issuer; both keep time by NTP."""
MAX_TOKEN = 8192
"""Characters. A local token has about 400."""
MIN_KEY_BYTES = 32
"""RFC 7518 section 3.2: a key as long as the hash."""
MAX_TTL_S = 366 * 24 * 3600
_MAX_CLAIM = 256
_CACHED = 1024
_FOREIGN = ["sub", "aud", "iss", "exp", "iat"]
_LOCAL = [*_FOREIGN, "jti", "tenant"]
_LOCAL_ALGORITHM = "HS256"
_FAILED = "there is no token, or it does not hold"


class IssuedTokens(Protocol):
    """Which local tokens hold."""

    async def add(self, row: TokenRow, /) -> None:
        """Note an issued token."""
        ...

    def holds(self, token: str, digest: Digest, /) -> bool:
        """Whether the token with that `jti` was issued with that text, has not expired and was not revoked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A fresh token. `token` is shown once and kept nowhere."""

    id: str
    token: str
    scopes: frozenset[Scope]
    expires_at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """Somebody else's tokens that are taken: which keys sign them, and the most they can say.

    A subject is one principal within its tenant whoever vouches for it, so give an issuer tenants of its own.
    """

    issuer: str
    keys: Mapping[str | None, PublicKey]
    """By `kid`; None for the one key of an issuer that names none."""
    scopes: frozenset[Scope]
    """Scopes beyond these are left out of the principal."""
    tenants: frozenset[TenantId]
    """A token for another tenant does not hold."""
    tenant: TenantId | None = None
    """Whose all its tokens are, whatever they say; None: each names one of `tenants` in its claim `tenant`."""
    audiences: frozenset[str] = frozenset({AUDIENCE})
    """A token names exactly one of them, and nobody else: one that others take too could be passed on to us."""
    scope_names: Mapping[Scope, str] = field(default_factory=dict[Scope, str])
    """What it calls our scopes, where it does not use their names."""

    def __post_init__(self) -> None:
        if not self.keys:
            raise OperatorError(f"issuer `{self.issuer}` has no key")


class TokenIssuer:
    """Signs local tokens with the server's own key, and has each noted before it is handed out."""

    def __init__(self, *, key: bytes, issuer: str, tokens: IssuedTokens, clock: Clock = time.time) -> None:
        _check_key(key)
        self._key = key
        self._issuer = issuer
        self._tokens = tokens
        self._clock = clock

    async def issue(
        self,
        *,
        subject: str,
        scopes: Iterable[Scope],
        ttl_s: int,
        tenant: str,
        session: str | None = None,
        profile: str | None = None,
    ) -> IssuedToken:
        """A token for *subject* that lives *ttl_s* seconds.

        Raises: InvalidRequest for an empty or over-long subject, tenant or profile, or a *ttl_s* out of range.
        """
        for name, value in (("sub", subject), ("tenant", tenant), ("session", session), ("profile", profile)):
            if value is not None and not _is_name(value):
                raise InvalidRequest(f"`{name}` must be 1 to {_MAX_CLAIM} printable characters")
        if not 0 < ttl_s <= MAX_TTL_S:
            raise InvalidRequest(f"`ttl` must be 1 to {MAX_TTL_S} seconds")
        now = int(self._clock())
        row = TokenRow(
            id=secrets.token_hex(16),
            subject=subject,
            scopes=frozenset(scopes),
            tenant=TenantId(tenant),
            issued_at=now,
            expires_at=now + ttl_s,
            hash=Digest.of(b""),
            session=None if session is None else SessionId(session),
            profile=profile,
        )
        token = jwt.encode(_claims(row, self._issuer), self._key, algorithm=_LOCAL_ALGORITHM)
        await self._tokens.add(replace(row, hash=Digest.of(token.encode("ascii"))))
        return IssuedToken(id=row.id, token=token, scopes=row.scopes, expires_at=row.expires_at)

    async def issue_for_session(self, *, subject: str, tenant: str, session: str, ttl_s: int) -> str:
        """A token with scope `call` that is bound to *session* and dies with it."""
        issued = await self.issue(subject=subject, scopes=(Scope.CALL,), ttl_s=ttl_s, tenant=tenant, session=session)
        return issued.token


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    principal: Principal
    not_before: float
    expires_at: float
    local: bool


class Authenticator:
    """Turns tokens into principals. A token that was verified is remembered by its digest until it expires."""

    def __init__(
        self,
        *,
        key: bytes,
        issuer: str,
        tokens: IssuedTokens,
        trusted: tuple[TrustedIssuer, ...] = (),
        clock: Clock = time.time,
    ) -> None:
        _check_key(key)
        self._key = key
        self._issuer = issuer
        self._tokens = tokens
        self._trusted = {one.issuer: one for one in trusted}
        if issuer in self._trusted or len(self._trusted) != len(trusted):
            raise OperatorError("an issuer is named twice", remedy="give each issuer one entry")
        self._clock = clock
        self._verified: dict[bytes, _Verified] = {}
        self.unknown_key: Callable[[str], None] = _nobody
        """Told of an issuer whose token names a key we do not have: it may have a new one."""

    def trust(self, issuer: str, trusted: TrustedIssuer | None) -> None:
        """From now on take the tokens of *issuer* by *trusted*; None: take none of them."""
        if issuer == self._issuer:
            raise OperatorError("an issuer is named twice", remedy="give each issuer one entry")
        if trusted is None:
            self._trusted.pop(issuer, None)
        else:
            self._trusted[issuer] = trusted
        self._verified.clear()  # what a key signed that is no longer trusted

    def authenticate(self, token: str) -> Principal:
        """The principal that *token* speaks for.

        Raises: Unauthenticated, always with the same message.
        """
        if not 0 < len(token) <= MAX_TOKEN or not token.isascii():
            raise Unauthenticated(_FAILED)
        digest = Digest.of(token.encode("ascii"))
        place = bytes.fromhex(digest.hex)
        verified = self._verified.get(place)
        if verified is None:
            verified = self._verify(token)
            self._remember(place, verified)
        now = self._clock()
        if not verified.not_before - LEEWAY_S <= now < verified.expires_at + LEEWAY_S:
            raise Unauthenticated(_FAILED)
        if verified.local and not self._tokens.holds(str(verified.principal.token_id), digest):
            raise Unauthenticated(_FAILED)
        return verified.principal

    def _verify(self, token: str) -> _Verified:
        try:
            header = jwt.get_unverified_header(token)
            # Only to find whose key to try; nothing in it is believed before the signature is.
            issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
            if "crit" in header or not isinstance(issuer, str):
                raise Unauthenticated(_FAILED)
            if issuer == self._issuer:
                options: Options = {"require": _LOCAL, "strict_aud": True}
                claims = self._decode(token, self._key, _LOCAL_ALGORITHM, issuer, AUDIENCE, options)
                return _local(claims)
            trusted = self._trusted.get(issuer)
            key = None if trusted is None else trusted.keys.get(header.get("kid"))
            if trusted is None or key is None:
                self.unknown_key(issuer)
                raise Unauthenticated(_FAILED)
            audiences = sorted(trusted.audiences)
            claims = self._decode(token, key, algorithm_for(key), issuer, audiences, {"require": _FOREIGN})
            return _foreign(claims, trusted, token)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise Unauthenticated(_FAILED) from None

    def _decode(
        self,
        token: str,
        key: bytes | PublicKey,
        algorithm: str,
        issuer: str,
        audience: str | list[str],
        options: Options,
    ) -> dict[str, Any]:
        # Times are judged by `authenticate`, by our clock and at every request; here only their presence and kind.
        checked: Options = {**options, "verify_exp": False, "verify_nbf": False, "verify_iat": False}
        return jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=checked)

    def _remember(self, place: bytes, verified: _Verified) -> None:
        while len(self._verified) >= _CACHED:
            del self._verified[next(iter(self._verified))]
        self._verified[place] = verified


def _check_key(key: bytes) -> None:
    if len(key) < MIN_KEY_BYTES:
        raise OperatorError(f"the token key must have {MIN_KEY_BYTES} bytes or more")


def _claims(row: TokenRow, issuer: str) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "sub": row.subject,
        "aud": AUDIENCE,
        "iss": issuer,
        "exp": int(row.expires_at),
        "iat": int(row.issued_at),
        "jti": row.id,
        "scope": " ".join(sorted(row.scopes)),
        "tenant": row.tenant,
    }
    if row.session is not None:
        claims["session"] = row.session
    if row.profile is not None:
        claims["profile"] = row.profile
    return claims


def _local(claims: dict[str, Any]) -> _Verified:
    scopes = frozenset(Scope(scope) for scope in _text(claims, "scope").split())
    return _verified(claims, scopes=scopes, token_id=_text(claims, "jti"), local=True)


def _foreign(claims: dict[str, Any], trusted: TrustedIssuer, token: str) -> _Verified:
    """What a foreign token says: who, whose, and what it may do. Session and profile are not an issuer's to choose."""
    audience: object = claims["aud"]
    if isinstance(audience, list) and len(cast("list[object]", audience)) != 1:
        raise Unauthenticated(_FAILED)
    known = {trusted.scope_names.get(scope, scope.value): scope for scope in trusted.scopes}
    scopes = frozenset(known[scope] for scope in _said_scopes(claims) if scope in known)
    tenant = trusted.tenant or _text(claims, "tenant")
    if tenant not in trusted.tenants:
        raise Unauthenticated(_FAILED)
    # One that names no id is still told from others in the record.
    jti = _text(claims, "jti") if "jti" in claims else Digest.of(token.encode("ascii")).hex[:32]
    known_claims = {name: claims[name] for name in ("sub", "iat", "exp", "nbf") if name in claims} | {"tenant": tenant}
    return _verified(known_claims, scopes=scopes, token_id=f"{trusted.issuer}#{jti}", local=False)


def _said_scopes(claims: dict[str, Any]) -> list[str]:
    """RFC 9068's `scope`, or `scp`, as Microsoft's and Okta's issuers say it: words, or a list of them."""
    said: object = claims.get("scope", claims.get("scp", ""))
    if isinstance(said, list):
        return [one for one in cast("list[object]", said) if isinstance(one, str)]
    return said.split() if isinstance(said, str) else []


def _verified(claims: dict[str, Any], *, scopes: frozenset[Scope], token_id: str, local: bool) -> _Verified:
    session = _optional(claims, "session")
    principal = Principal(
        subject=_text(claims, "sub"),
        tenant=TenantId(_text(claims, "tenant")),
        scopes=scopes,
        token_id=token_id,
        session=None if session is None else SessionId(session),
        profile=_optional(claims, "profile"),
    )
    issued = _time(claims, "iat")
    return _Verified(
        principal=principal,
        not_before=max(issued, _time(claims, "nbf")) if "nbf" in claims else issued,
        expires_at=_time(claims, "exp"),
        local=local,
    )


def _nobody(_issuer: str) -> None:
    """Nobody looks for new keys."""


def _is_name(value: str) -> bool:
    return 0 < len(value) <= _MAX_CLAIM and value.isprintable()


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str) or (name != "scope" and not _is_name(value)):
        raise Unauthenticated(_FAILED)
    return value


def _optional(claims: dict[str, Any], name: str) -> str | None:
    return None if claims.get(name) is None else _text(claims, name)


def _time(claims: dict[str, Any], name: str) -> float:
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Unauthenticated(_FAILED)
    return float(value)
