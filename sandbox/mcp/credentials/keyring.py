"""Turns what an entry says of secrets into headers, variables and tokens of one tenant. Shows none of them.

Without a vault there are no secrets, and a server that needs one is not reached. What a server was given is looked for
in what it answers.
"""

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, assert_never

from holdfast.contracts import Secret, SecretValues, TenantId

from ...egress.scrubbing import SecretScrubber
from ..config import UpstreamConfig
from ..credential import Scheme, SecretText, Text
from ..faults import Fault, UpstreamFault
from ..ports import TokenStore

if TYPE_CHECKING:
    from .oauth import Authorizer

LOOKER: Final = TenantId("local")

_ASIDE_BYTES: Final = 16 << 10
_MOST_BYTES: Final = 4096


class Scrub:
    """Takes out of answers what their server was given."""

    def __init__(self, secrets: tuple[Secret, ...], authorizer: "Authorizer | None" = None) -> None:
        self._given = secrets
        self._authorizer = authorizer
        self._seen: tuple[bytes, ...] = ()
        self._scrubber: SecretScrubber | None = None

    async def clean(self, data: bytes) -> bytes:
        """*data* without them."""
        scrubber = self._current()
        if scrubber is None:
            return data
        if len(data) > _ASIDE_BYTES:
            return await asyncio.to_thread(scrubber.scrub, data)
        return scrubber.scrub(data)

    def _current(self) -> SecretScrubber | None:
        had = () if self._authorizer is None else self._authorizer.secrets()
        secrets = (*self._given, *had)
        values = tuple(one.reveal() for one in secrets)
        if values != self._seen:
            self._seen = values
            self._scrubber = SecretScrubber(secrets) if secrets else None
        return self._scrubber


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What goes along to one server for one tenant. Not shown: the values are in it."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    scrub: Scrub = field(repr=False, default_factory=lambda: Scrub(()))
    authorizer: "Authorizer | None" = None


class Keyring:
    """The credentials of all tenants for all upstreams, as far as they are needed."""

    def __init__(
        self,
        *,
        vault: SecretValues | None = None,
        tokens: TokenStore | None = None,
        looker: TenantId = LOOKER,
    ) -> None:
        """*looker* is the tenant in whose name catalogues are looked at."""
        self._vault = vault
        self._tokens = tokens
        self.looker = looker
        self._authorizers: dict[tuple[str, TenantId], Authorizer] = {}

    async def credentials(self, config: UpstreamConfig, tenant: TenantId | None) -> Credentials:
        """What goes along to the server of *config* for *tenant*.

        Raises: UpstreamFault `unauthorized` when a secret is not set; IntegrityError.
        """
        owner = self.looker if tenant is None else tenant
        values = {name: await self._value(name, owner) for name in config.secrets}
        authorizer = self._authorizer(config, owner, values)
        given = tuple(values.values())
        return Credentials(
            headers=tuple((name, _written(text, values)) for name, text in config.headers),
            env=tuple((name, _written(text, values)) for name, text in config.env),
            scrub=Scrub(given, authorizer),
            authorizer=authorizer,
        )

    async def forget(self, upstream: str) -> None:
        """Let go of what was had for *upstream*."""
        for key in [one for one in self._authorizers if one[0] == upstream]:
            del self._authorizers[key]
        if self._tokens is not None:
            await self._tokens.forget(upstream)

    def _authorizer(self, config: UpstreamConfig, owner: TenantId, values: dict[str, Secret]) -> "Authorizer | None":
        oauth = config.oauth
        if oauth is None:
            return None
        if self._tokens is None:
            raise UpstreamFault(Fault.UNAUTHORIZED, "there is nowhere to keep tokens", delivered=False)
        known = self._authorizers.get((config.name, owner))
        if known is None:
            from .oauth import Authorizer  # noqa: PLC0415 -- the SDK takes half a second to load

            secret = None if oauth.client_secret is None else values[oauth.client_secret]
            known = Authorizer(config, oauth, owner, store=self._tokens, secret=secret)
            self._authorizers[config.name, owner] = known
        return known

    async def _value(self, name: str, tenant: TenantId) -> Secret:
        secret = None if self._vault is None else await self._vault.value(tenant, name)
        if secret is None:
            message = f"the secret `{name}` of its entry is not set: holdfast secrets set {name}"
            raise UpstreamFault(Fault.UNAUTHORIZED, message, delivered=False)
        value = secret.reveal()
        if not value.isascii() or b"\0" in value:
            raise UpstreamFault(Fault.UNAUTHORIZED, f"the secret `{name}` is no plain text", delivered=False)
        return secret


def _written(text: Text, values: dict[str, Secret]) -> str:
    if isinstance(text, str):
        return text
    value = values[text.secret].reveal().decode("ascii")
    if len(value) > _MOST_BYTES or not value.isprintable() or value != value.strip():
        message = f"the secret `{text.secret}` is not {_MOST_BYTES} printable characters or fewer"
        raise UpstreamFault(Fault.UNAUTHORIZED, message, delivered=False)
    match text.scheme:
        case Scheme.VALUE:
            return value
        case Scheme.BEARER:
            return f"Bearer {value}"
        case Scheme.BASIC:
            return "Basic " + base64.b64encode(f"{text.user}:{value}".encode("ascii")).decode("ascii")
        case _:
            assert_never(text.scheme)


__all__ = ["Credentials", "Keyring", "Scrub", "SecretText"]
