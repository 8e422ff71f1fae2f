"""Fetches the keys of trusted issuers and keeps them fresh, beside the event loop's other work. It verifies no token.

1. A file that cannot be used stops the start; a URL that does not answer leaves its issuer's tokens out until it does.
2. A key that is not among the newest is trusted no longer. What cannot be read changes nothing.
3. A fetch is one request, over TLS, without redirects, of so many bytes and seconds.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx2
import structlog

from holdfast.contracts import OperatorError, TenantId

from .auth import Authenticator, PublicKey, TrustedIssuer, read_jwks
from .auth_settings import AuthSettings, IssuerSettings

_log = structlog.get_logger("holdfast.auth")

FETCH_SECONDS: Final = 10.0
FETCH_BYTES: Final = 256 << 10
REFRESH_SECONDS: Final = 300.0
UNKNOWN_KEY_SECONDS: Final = 30.0
"""A token with a key we do not know has its issuer asked again, at most this often."""

Fetch = Callable[[str], Awaitable[str]]


async def fetched(url: str) -> str:
    """The text at *url*.

    Raises: OperatorError for anything but 200 and text of at most `FETCH_BYTES`, in time.
    """
    body = bytearray()
    try:
        async with (
            asyncio.timeout(FETCH_SECONDS),
            httpx2.AsyncClient(timeout=FETCH_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url, headers={"accept": "application/json"}) as answer,
        ):
            if answer.status_code != HTTPStatus.OK:
                raise OperatorError(f"an issuer's keys were answered with status {answer.status_code}")
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > FETCH_BYTES:
                    raise OperatorError(f"an issuer's keys are more than {FETCH_BYTES} bytes")
        return body.decode("utf-8")
    except (httpx2.HTTPError, TimeoutError, UnicodeDecodeError) as error:
        raise OperatorError(f"an issuer's keys cannot be fetched: {type(error).__name__}") from None


class Issuers:
    """The issuers of the configuration, and an authenticator that is told of their keys."""

    def __init__(
        self,
        settings: AuthSettings,
        authenticator: Authenticator,
        *,
        fetch: Fetch = fetched,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._by_name = {one.issuer: one for one in settings.issuers}
        self._authenticator = authenticator
        self._fetch = fetch
        self._clock = clock
        self._held: dict[str, Mapping[str | None, PublicKey]] = {}
        self._asked: dict[str, float] = {}
        self._wanted = asyncio.Event()
        authenticator.unknown_key = self._unknown

    async def open(self) -> None:
        """Have every issuer's keys, as far as they can be had. Raises: OperatorError for a file that will not do."""
        for one in self._settings.issuers:
            if "://" not in one.jwks:
                await self._take(one)
        await self.refresh()

    async def refresh(self) -> None:
        """Ask for all keys again."""
        self._wanted.clear()
        await asyncio.gather(*(self._try(one) for one in self._settings.issuers))

    async def keep(self) -> None:
        """Ask again now and then, and when a token names a key we do not have, until cancelled."""
        while self._settings.issuers:
            try:
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            await self.refresh()

    def _unknown(self, issuer: str) -> None:
        known, now = self._by_name.get(issuer), self._clock()
        if known is not None and now - self._asked.get(issuer, -UNKNOWN_KEY_SECONDS) >= UNKNOWN_KEY_SECONDS:
            self._wanted.set()

    async def _try(self, one: IssuerSettings) -> None:
        try:
            await self._take(one)
        except OperatorError as error:
            _log.error("issuer.keys", issuer=one.issuer, why=error.message)

    async def _take(self, one: IssuerSettings) -> None:
        self._asked[one.issuer] = self._clock()
        keys = read_jwks(await (self._fetch(one.jwks) if "://" in one.jwks else asyncio.to_thread(_read, one.jwks)))
        if self._held.get(one.issuer) == keys:
            return
        self._held[one.issuer] = keys
        tenant = None if one.tenant is None else TenantId(one.tenant)
        trusted = TrustedIssuer(
            issuer=one.issuer,
            keys=keys,
            scopes=frozenset(one.scopes),
            tenants=frozenset(map(TenantId, one.all_tenants())),
            tenant=tenant,
            audiences=self._settings.audiences(),
            scope_names=self._settings.scope_names,
        )
        self._authenticator.trust(one.issuer, trusted)


def _read(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            data = file.read(FETCH_BYTES + 1)
        if len(data) > FETCH_BYTES:
            raise OperatorError(f"`[[auth.issuers]] jwks` is more than {FETCH_BYTES} bytes")
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"`[[auth.issuers]] jwks` cannot be read: {type(error).__name__}") from None
