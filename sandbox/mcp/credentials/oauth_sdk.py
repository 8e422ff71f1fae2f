"""The only file that touches what the SDK's OAuth providers keep private. It sends nothing and decides about no server.

What it relies on, in mcp 2.3.0:

1. `OAuthClientProvider._initialize`, `._perform_authorization_code_grant`, `._select_authorization_server`, `.context`:
   to bring back what was had before a restart, metadata and expiry included. Without them, the SDK would send a
   refresh token to `/token` of the resource server.
2. `async_auth_flow` holds `context.lock` from its first step to its last: we drive it only to get a token, never to
   send a request of MCP, so that calls do not wait for one another.
3. Its logs quote what servers answered, tokens among it: they are off.
"""

import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

from mcp.client.auth import OAuthClientProvider, OAuthFlowError, OAuthRegistrationError, OAuthTokenError
from mcp.client.auth.extensions.client_credentials import (
    ClientCredentialsOAuthProvider,
    PrivateKeyJWTOAuthProvider,
    SignedJWTParameters,
)
from mcp.client.auth.utils import issuers_match, union_scopes
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthMetadata,
    OAuthToken,
    ProtectedResourceMetadata,
)
from pydantic import AnyUrl

from holdfast.contracts import Secret

from ..credential import ClientAuth, Grant, OAuthConfig
from ..faults import Fault, UpstreamFault
from ..ports import Asker

Provider = OAuthClientProvider
FlowErrors: Final = (OAuthFlowError, OAuthTokenError, OAuthRegistrationError)

_NOWHERE: Final = "http://127.0.0.1/callback"
"""Until somebody signs in, nobody comes back."""

for _name in ("mcp.client.auth.oauth2", "mcp.client.auth.utils"):
    logging.getLogger(_name).disabled = True  # see the module docstring, 3

Keep = Callable[[Secret], Awaitable[None]]


class _Storage:
    """What the SDK asks of storage. It keeps nothing by itself: tokens are kept whole, with what belongs to them."""

    def __init__(self, keep: Callable[[], Awaitable[None]]) -> None:
        self._keep = keep

    async def get_tokens(self) -> OAuthToken | None:
        """Nothing: `restore` has done it."""
        return None

    async def set_tokens(self, tokens: OAuthToken) -> None:  # noqa: ARG002 -- they are in the context already
        """Keep all there is."""
        await self._keep()

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """Nothing: `restore` has done it."""
        return None

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Nothing: a client without a token is registered again."""


class CodeProvider(OAuthClientProvider):
    """Signs in by somebody's browser; asks for what the entry says, of whom it says."""

    oauth: OAuthConfig
    asker: Asker | None = None
    """Who signs in, while somebody does."""
    wanted: str | None = None
    """Scopes that a call was refused for want of."""

    async def _initialize(self) -> None:
        self._initialized = True

    def _select_authorization_server(self, advertised: list[str]) -> str:
        pinned = self.oauth.issuer
        if pinned is None:
            return advertised[0]
        return next((one for one in advertised if issuers_match(one, pinned)), advertised[0])

    async def _perform_authorization_code_grant(self) -> tuple[str, str]:
        found = self.context.oauth_metadata
        if self.oauth.issuer is not None and (found is None or not issuers_match(str(found.issuer), self.oauth.issuer)):
            raise UpstreamFault(Fault.UNAUTHORIZED, "the server leads to another authorization server than `issuer`")
        if self.oauth.scopes:
            wanted = " ".join(self.oauth.scopes)
            refresh = "offline_access" in (self.context.client_metadata.scope or "").split()
            self.context.client_metadata.scope = f"{wanted} offline_access" if refresh else wanted
        self.context.client_metadata.scope = union_scopes(self.context.client_metadata.scope, self.wanted)
        return await super()._perform_authorization_code_grant()

    async def show(self, url: str) -> None:
        """Have *url* opened by who signs in."""
        if self.asker is None:
            raise UpstreamFault(Fault.UNAUTHORIZED, "nobody is there to sign in")
        await self.asker.show(url)

    async def came_back(self) -> AuthorizationCodeResult:
        """What the browser came back with."""
        if self.asker is None:
            raise UpstreamFault(Fault.UNAUTHORIZED, "nobody is there to sign in")
        asker, self.asker = self.asker, None  # who signs in does so once: a server that wants more has to be told of
        back = await asker.came_back()
        return AuthorizationCodeResult(code=back.get("code", ""), state=back.get("state"), iss=back.get("iss"))

    def sign_in_by(self, asker: Asker) -> None:
        """From now on *asker* signs in; a registration for another place to come back to is no use any more."""
        self.asker = asker
        self.context.client_metadata.redirect_uris = [AnyUrl(asker.redirect_uri)]
        known = self.context.client_info
        registered = known is not None and known.client_id not in (self.oauth.client_id, self.oauth.metadata_url)
        if registered:
            self.context.client_info = None


def provider_of(url: str, oauth: OAuthConfig, secret: Secret | None, keep: Keep, bound: str) -> Provider:
    """The SDK's provider for the server at *url*; *secret* is our own, as text, where *oauth* names one.

    *keep* is handed all there is whenever there is a new token, under *bound*.
    """
    written = "" if secret is None else secret.reveal().decode("utf-8", "replace")
    made: list[Provider] = []

    async def kept() -> None:
        await keep(state_of(made[0], bound))

    storage, scope = _Storage(kept), " ".join(oauth.scopes) or None
    match oauth:
        case OAuthConfig(grant=Grant.CLIENT_CREDENTIALS, client_auth=ClientAuth.JWT, client_id=str(client)):
            signed = SignedJWTParameters(
                issuer=client, subject=client, signing_key=written, signing_algorithm=oauth.algorithm
            )
            asserted = signed.create_assertion_provider()
            provider: Provider = PrivateKeyJWTOAuthProvider(url, storage, client, asserted, scope, oauth.issuer)
        case OAuthConfig(grant=Grant.CLIENT_CREDENTIALS, client_id=str(client)):
            how: Any = oauth.client_auth.value
            provider = ClientCredentialsOAuthProvider(url, storage, client, written, how, scope, oauth.issuer)
        case _:
            provider = _code_provider(url, storage, oauth, written or None)
    made.append(provider)
    return provider


def _code_provider(url: str, storage: _Storage, oauth: OAuthConfig, secret: str | None) -> CodeProvider:
    metadata = OAuthClientMetadata(
        client_name="Holdfast",
        redirect_uris=[AnyUrl(_NOWHERE)],
        grant_types=["authorization_code", "refresh_token"],
        scope=" ".join(oauth.scopes) or None,
    )
    provider = CodeProvider(url, metadata, storage, client_metadata_url=oauth.metadata_url)
    provider.oauth = oauth
    provider.context.redirect_handler = provider.show
    provider.context.callback_handler = provider.came_back
    if oauth.client_id is not None:
        provider.context.client_info = OAuthClientInformationFull(
            client_id=oauth.client_id,
            client_secret=secret,
            token_endpoint_auth_method="none" if secret is None else oauth.client_auth.value,
            issuer=oauth.issuer,
        )
    return provider


async def initialize(provider: Provider) -> None:
    """Have *provider* ready before its first flow."""
    if not provider._initialized:  # noqa: SLF001 -- see the module docstring, 1
        await provider._initialize()  # noqa: SLF001 -- 1


def state_of(provider: Provider, bound: str) -> Secret:
    """All that *provider* holds and will need again."""
    context = provider.context
    parts = {
        "tokens": context.current_tokens,
        "client": context.client_info if isinstance(provider, CodeProvider) else None,
        "server": context.oauth_metadata,
        "resource": context.protected_resource_metadata,
    }
    held: dict[str, Any] = {name: part.model_dump(mode="json") for name, part in parts.items() if part is not None}
    held |= {"bound": bound, "expires_at": context.token_expiry_time, "issuer": context.auth_server_url}
    return Secret(json.dumps(held).encode("utf-8"))


def restore(provider: Provider, state: Secret, bound: str) -> None:
    """Bring back into *provider* what *state* holds; nothing when that was had for another server or entry."""
    held = cast("dict[str, Any]", json.loads(state.reveal()))
    if held.get("bound") != bound:
        return
    context = provider.context
    context.current_tokens = OAuthToken.model_validate(held["tokens"])
    context.token_expiry_time = held.get("expires_at")
    context.auth_server_url = held.get("issuer")
    if "server" in held:
        context.oauth_metadata = OAuthMetadata.model_validate(held["server"])
    if "resource" in held:
        context.protected_resource_metadata = ProtectedResourceMetadata.model_validate(held["resource"])
    if "client" in held and isinstance(provider, CodeProvider) and context.client_info is None:
        context.client_info = OAuthClientInformationFull.model_validate(held["client"])


def token_of(provider: Provider) -> str | None:
    """The access token, while it is good."""
    tokens = provider.context.current_tokens
    return tokens.access_token if tokens is not None and provider.context.is_token_valid() else None


def can_refresh(provider: Provider) -> bool:
    """Whether a new token can be had without anybody."""
    context = provider.context
    return context.can_refresh_token() and context.oauth_metadata is not None


def expire(provider: Provider) -> None:
    """The token is not taken any more, whatever it says of itself."""
    provider.context.token_expiry_time = time.time() - 1


def want(provider: Provider, scope: str | None) -> None:
    """Ask for *scope* too, next time."""
    if isinstance(provider, CodeProvider):
        provider.wanted = union_scopes(provider.wanted, scope)
