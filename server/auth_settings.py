"""`[auth]` of the configuration: whose tokens are taken besides our own, and what they must say. Verifies none."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from holdfast.contracts import Scope

from .principals import LOCAL_TENANT
from .table import Table

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Tenant = Annotated[str, Field(min_length=1, max_length=256)]
ScopeName = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,128}$")]
"""RFC 6749 section 3.3."""


class IssuerSettings(Table):
    """One authorization server."""

    issuer: Annotated[str, Field(min_length=1, max_length=512)]
    """What its tokens say in `iss`, letter for letter."""
    jwks: Annotated[str, Field(min_length=1, max_length=2048)]
    """Its public keys: the path of a JWKS file, or the URL they are fetched from (`https`; `http` on loopback)."""
    scopes: tuple[Scope, ...] = (Scope.CALL,)
    """The most its tokens can say."""
    tenant: Tenant | None = None
    """All its tokens are of this tenant."""
    tenants: tuple[Tenant, ...] = ()
    """Its tokens name one of these in the claim `tenant`. Exactly one of `tenant` and `tenants` is given."""

    @field_validator("jwks")
    @classmethod
    def _keys_come_safely(cls, value: str) -> str:
        if "://" in value:
            split = urlsplit(value)
            loopback = split.scheme == "http" and split.hostname in LOOPBACK
            if not (split.scheme == "https" or loopback) or not split.hostname or split.username is not None:
                raise ValueError("`jwks` is a file, or a URL with `https` and without a user")
        return value

    @model_validator(mode="after")
    def _its_tenants_are_its_own(self) -> "IssuerSettings":
        if (self.tenant is None) == (not self.tenants):
            raise ValueError("an issuer has either `tenant` or `tenants`")
        if LOCAL_TENANT in self.all_tenants():
            raise ValueError(f"tenant `{LOCAL_TENANT}` is this server's own; give an issuer tenants of its own")
        return self

    def all_tenants(self) -> frozenset[str]:
        """Every tenant that its tokens can be of."""
        return frozenset(self.tenants if self.tenant is None else (self.tenant,))


class AuthSettings(Table):
    """Tokens of others. Without an issuer only our own are taken."""

    resource: Annotated[str, Field(max_length=2048)] | None = None
    """Our URL as clients use it, with the path of the MCP endpoint: the audience that tokens are for (RFC 8707)."""
    scope_names: dict[Scope, ScopeName] = Field(default_factory=dict[Scope, ScopeName])
    """What the issuers call our scopes, where they do not use our names."""
    issuers: tuple[IssuerSettings, ...] = ()

    @field_validator("resource")
    @classmethod
    def _resource_is_a_url(cls, value: str | None) -> str | None:
        split = urlsplit(value or "https://none")
        loopback = split.scheme == "http" and split.hostname in LOOPBACK
        if not (split.scheme == "https" or loopback) or not split.hostname or split.fragment or split.query:
            raise ValueError("`resource` is an `https` URL without query and fragment (`http` on loopback)")
        return value

    @model_validator(mode="after")
    def _nobody_speaks_for_another(self) -> "AuthSettings":
        if self.issuers and self.resource is None:
            raise ValueError("`resource` is needed: without it a token for anybody would be taken")
        names = [one.issuer for one in self.issuers]
        if len(set(names)) != len(names):
            raise ValueError("two `[[auth.issuers]]` have the same `issuer`")
        tenants = [tenant for one in self.issuers for tenant in one.all_tenants()]
        if len(set(tenants)) != len(tenants):
            raise ValueError("two issuers share a tenant; each could speak for the other's people")
        shown = list(self.scope_names.values())
        if len(set(shown)) != len(shown):
            raise ValueError("two scopes have one name in `scope_names`")
        return self

    def audiences(self) -> frozenset[str]:
        """What a token may name as its audience: the resource, or the server that it is on."""
        if self.resource is None:
            return frozenset()
        split = urlsplit(self.resource)
        return frozenset({self.resource, f"{split.scheme}://{split.netloc}"})

    def name_of(self, scope: Scope) -> str:
        """What *scope* is called outside."""
        return self.scope_names.get(scope, scope.value)
