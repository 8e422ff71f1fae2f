"""What an operator says about one MCP server: `[[upstreams]]`. Models only; they start and reach nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from holdfast.contracts import Effect, OperatorError
from holdfast.contracts.limits import UPSTREAM_CEILING
from holdfast.sandbox.mcp import ClientAuth, Grant, OAuthConfig, Scheme, SecretText, Text, check_headers

from .flow_settings import UpstreamToolSettings
from .table import Table

UPSTREAM_NAME = r"^[a-z][a-z0-9-]{0,30}$"
"""No underscore, so that `server__tool` can be read only one way (DESIGN section 4.6)."""

HOST_NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$"
"""Exact, in small letters; a wildcard would name hosts that nobody looked at."""

MOST_CONNECT_MS = 300_000


VAULT_NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"


class SecretTextSettings(Table):
    """A header or variable made of a secret of whose call it is."""

    secret: Annotated[str, Field(pattern=VAULT_NAME)]
    """Its name: `holdfast secrets set NAME`."""
    scheme: Literal["value", "bearer", "basic"] = "value"
    """`value`: all of it. `bearer`: `Bearer VALUE`. `basic`: as the password of `user`."""
    user: str = ""

    def text(self) -> SecretText:
        """As the MCP client takes it. Raises: OperatorError."""
        return SecretText(secret=self.secret, scheme=Scheme(self.scheme), user=self.user)


TextSettings = str | SecretTextSettings


class OAuthSettings(Table):
    """How tokens for a server are had from its authorization server; each tenant has its own."""

    grant: Literal["client_credentials", "authorization_code"]
    """By a secret of ours; or by somebody who signs in: `holdfast upstreams login NAME`."""
    client_id: str | None = None
    """None: the URL of our document where the server reads those, else we are registered."""
    client_secret: Annotated[str, Field(pattern=VAULT_NAME)] | None = None
    """The name of the secret; of `private_key_jwt` the private key as PEM."""
    client_auth: Literal["client_secret_basic", "client_secret_post", "private_key_jwt"] = "client_secret_basic"
    algorithm: Literal["ES256", "ES384", "RS256", "PS256", "EdDSA"] = "ES256"
    """Of `private_key_jwt`."""
    client_metadata_url: Annotated[str, Field(pattern=r"^https://[^/]+/.+")] | None = None
    issuer: Annotated[str, Field(pattern=r"^https?://[^/]+")] | None = None
    """The only authorization server that is trusted; needed with `client_secret`."""
    scopes: tuple[str, ...] = ()
    """None: those that the server asks for."""
    redirect_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Of 127.0.0.1, where the browser comes back to; 0: any that is free."""

    def oauth(self) -> OAuthConfig:
        """As the MCP client takes it. Raises: OperatorError."""
        return OAuthConfig(
            grant=Grant(self.grant),
            client_id=self.client_id,
            client_secret=self.client_secret,
            client_auth=ClientAuth(self.client_auth),
            algorithm=self.algorithm,
            metadata_url=self.client_metadata_url,
            issuer=self.issuer,
            scopes=self.scopes,
            redirect_port=self.redirect_port,
        )


class UpstreamGrants(Table):
    """What a stdio server may touch; nothing else of the machine is there for it."""

    read: tuple[Path, ...] = ()
    write: tuple[Path, ...] = ()
    env: dict[str, TextSettings] = Field(default_factory=dict[str, TextSettings])
    pass_env: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = ()
    """Variables of our own environment that it is handed, as they are at the start; one that is not set is an error."""
    network: tuple[str, ...] = ()
    """`address:port`; such traffic passes our broker by, and the start says so."""


class UpstreamSettings(Table):
    """One MCP server."""

    name: Annotated[str, Field(pattern=UPSTREAM_NAME)]
    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    url: str | None = None
    transport: Literal["auto", "streamable", "sse"] = "auto"
    """How `url` is spoken to. `auto`: streamable HTTP, else the events of 2024-11-05 (`sse`)."""
    headers: dict[str, TextSettings] = Field(default_factory=dict[str, TextSettings])
    """Sent with each request to `url`."""
    oauth: OAuthSettings | None = None
    effects: tuple[Effect, ...] | None = None
    """None: all of them."""
    prefix: Literal["name", "none"] = "name"
    """`name`: its tools are served as `name__tool`. `none`: as its own; one whose name is taken is then withheld."""
    timeout_ms: Annotated[int, Field(ge=1, le=UPSTREAM_CEILING.wall_ms)] | None = None
    """Of one call, waiting for its turn included. None: `[limits] upstream_wall_ms`."""
    connect_ms: Annotated[int, Field(ge=1, le=MOST_CONNECT_MS)] = 30_000
    """From starting or dialling it to the end of its negotiation; `npx` and cold imports take a few seconds."""
    memory_bytes: Annotated[int, Field(ge=1 << 20, le=UPSTREAM_CEILING.memory_bytes)] | None = None
    """Of everything a command starts, for each tenant. None: 1 GiB."""
    output_bytes: Annotated[int, Field(ge=1024, le=UPSTREAM_CEILING.output_bytes)] | None = None
    """What the model is shown of one answer. None: `[limits] output_bytes`."""
    max_in_flight: Annotated[int, Field(ge=1, le=1024)] = 16
    """Calls it works on at a time; more wait within their own time."""
    max_tenants: Annotated[int, Field(ge=1, le=256)] = 16
    """Tenants that are connected at a time, each on its own, with a child of its own."""
    idle_ms: Annotated[int, Field(ge=1, le=86_400_000)] = 600_000
    """Without a call of a tenant, after which its connection and child are ended; the last one stays."""
    era: Literal["auto", "2025-11-25", "2026-07-28"] = "auto"
    """Which generation of MCP is spoken with it; some servers log, and ask, only in the older one."""
    asks: tuple[Literal["elicitation", "sampling", "roots"], ...] = ()
    """What it may ask of whoever calls it, in the middle of a call, where policy lets it: nothing, unless said."""
    envelope: Literal["on", "none"] = "on"
    """`none`: what it says is cleaned and scanned, and not enclosed: for programs that read it, and no model does."""
    ask_hosts: tuple[Annotated[str, Field(pattern=HOST_NAME)], ...] = ()
    """Hosts whose https pages it may send a person to."""
    grants: UpstreamGrants = UpstreamGrants()
    tools: tuple[UpstreamToolSettings, ...] = ()
    """Tools about which there is more to say."""

    @model_validator(mode="after")
    def _credentials_make_sense(self) -> "UpstreamSettings":
        try:
            self.written(self.grants.env)
            check_headers(self.written(self.headers), oauth=self.oauth is not None)
            if self.oauth is not None:
                self.oauth.oauth()
        except OperatorError as error:
            raise ValueError(error.message) from None
        return self

    @staticmethod
    def written(texts: Mapping[str, TextSettings]) -> tuple[tuple[str, Text], ...]:
        """*texts* as the MCP client takes them. Raises: OperatorError."""
        return tuple((name, text if isinstance(text, str) else text.text()) for name, text in texts.items())

    @model_validator(mode="after")
    def _one_row_for_each_tool(self) -> "UpstreamSettings":
        names = [tool.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise ValueError("two `[[upstreams.tools]]` have the same `name`; only one of them could count")
        return self

    @model_validator(mode="after")
    def _pages_are_asked_for(self) -> "UpstreamSettings":
        if self.ask_hosts and "elicitation" not in self.asks:
            raise ValueError("`ask_hosts` is about elicitation, which `asks` does not name")
        return self

    @model_validator(mode="after")
    def _one_way_to_reach_it(self) -> "UpstreamSettings":
        if (self.command is None) == (self.url is None):
            raise ValueError("give either `command` or `url`")
        if self.url is not None and self.grants != UpstreamGrants():
            raise ValueError("`grants` confine a command; a `url` runs elsewhere")
        if self.url is None and (self.headers or self.oauth is not None or self.transport != "auto"):
            raise ValueError("`transport`, `headers` and `oauth` go with `url`")
        if self.url is not None and self.memory_bytes is not None:
            raise ValueError("`memory_bytes` limits a command; a `url` runs elsewhere")
        return self
