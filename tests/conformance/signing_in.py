"""The OAuth scenarios of the suite: what an operator writes into the entry for each, and whoever signs in."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2

from holdfast.contracts import HoldfastError, Secret, Status, ToolResult
from holdfast.server.house import House
from holdfast.server.principals import LOCAL_TENANT
from holdfast.server.upstream_settings import OAuthSettings
from tests.guarded_server import browse

DOCUMENT = "https://conformance-test.local/client-metadata.json"
"""What the suite knows as a client's document."""
MOST_SIGN_INS = 3
SIGN_IN_SECONDS = 60
"""Nobody comes back where the authorization server has no page to sign in at."""


async def oauth_of(scenario: str, context: Mapping[str, Any], url: str) -> OAuthSettings | None:
    """What the entry says of OAuth in *scenario*; None when it is not about that."""
    if not scenario.startswith("auth/"):
        return None
    secret = "client" if {"client_secret", "private_key_pem"} & context.keys() else None
    if scenario.startswith("auth/client-credentials"):
        return OAuthSettings(
            grant="client_credentials",
            client_id=context["client_id"],
            client_secret=secret,
            client_auth="private_key_jwt" if scenario.endswith("-jwt") else "client_secret_basic",
            issuer=await issuer_of(url),
        )
    if "client_id" in context:
        return OAuthSettings(
            grant="authorization_code",
            client_id=context["client_id"],
            client_secret=secret,
            issuer=context.get("issuer") or await issuer_of(url),
        )
    return OAuthSettings(grant="authorization_code", client_metadata_url=DOCUMENT)


async def issuer_of(url: str) -> str | None:
    """The authorization server that an operator would know of."""
    parts = httpx2.URL(url)
    async with httpx2.AsyncClient(trust_env=False) as client:
        for path in (f"/.well-known/oauth-protected-resource{parts.path}", "/.well-known/oauth-protected-resource"):
            answer = await client.get(parts.copy_with(path=path))
            if answer.is_success:
                return str(answer.json()["authorization_servers"][0])
    return None


async def put_secrets(house: House, context: Mapping[str, Any]) -> None:
    """Set the secret that the entry names."""
    value = context.get("client_secret") or context.get("private_key_pem")
    if value is not None:
        await house.state.vault.put(LOCAL_TENANT, "client", Secret(str(value).encode()))


async def sign_in(house: House, name: str) -> bool:
    """Have somebody sign in to *name*; whether that led to anything."""
    try:
        async with asyncio.timeout(SIGN_IN_SECONDS):
            await browse(await house.upstreams.logins.begin(name, LOCAL_TENANT))
            await house.upstreams.logins.wait(name)
    except (HoldfastError, TimeoutError) as error:
        print("sign-in:", error, file=sys.stderr)
        return False
    return True


async def signed_in(house: House, name: str) -> None:
    """Have somebody sign in to *name*, again when that led to nothing; a few times at most."""
    for _ in range(MOST_SIGN_INS):
        if await sign_in(house, name):
            return


async def with_sign_ins(house: House, name: str, call: Callable[[], Awaitable[ToolResult]]) -> None:
    """Make *call*, and once more whenever it wants somebody to sign in; a few times at most."""
    for _ in range(MOST_SIGN_INS):
        result = await call()
        wanted = result.status is Status.ERROR and "unauthorized" in f"{result.reason} {result.output}"
        if not wanted or not await sign_in(house, name):
            return
