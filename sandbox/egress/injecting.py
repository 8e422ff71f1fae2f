"""Puts secrets into the first request of a chain, where its grants say, and lets none come back. It sends nothing.

1. Only grants that admit the request give it their secrets; the caller may not say anything in their places itself.
2. A secret that is not there is a refusal that names it; one that no header can hold is too.
3. Every secret that a grant of the tool names is looked for in every answer: one may come back with a later request.
4. An answer that redirects to a place with a secret in it is not followed.
"""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, assert_never
from urllib.parse import quote, unquote_plus

from holdfast.contracts import (
    HttpGrant,
    HttpResponse,
    Reason,
    Refusal,
    Secret,
    SecretPlace,
    SecretUse,
    SecretValues,
    TenantId,
)

from .headers import Headers
from .refusals import redirect_refused
from .scrubbing import SecretScrubber

MOST_BYTES: Final = 4096
"""Of a secret in a request: common servers take headers of 8 KiB."""

_ASIDE_BYTES: Final = 16 << 10
"""Longer answers are searched beside the event loop."""


@dataclass(frozen=True, slots=True)
class Injected:
    """What is added to one request. Not shown: the values are in it."""

    headers: Headers = field(default=(), repr=False)
    query: tuple[str, ...] = field(default=(), repr=False)
    """`name=value`, encoded."""


NOTHING: Final = Injected()


class Carried:
    """The secrets that the grants of one caller name, as far as there are any."""

    __slots__ = ("_scrubber", "_values")

    def __init__(self, values: Mapping[str, Secret]) -> None:
        """Hold *values* by name."""
        self._values = values
        usable = [one for one in values.values() if _usable(one)]
        self._scrubber = SecretScrubber(usable) if usable else None

    def into(self, headers: Headers, query: str | None, grants: Sequence[HttpGrant]) -> Injected:
        """What goes into a request with *headers* and *query* that *grants* admit.

        Raises: Refusal `secret/absent`, `secret/unusable`, `secret/ambiguous`, `secret/set-by-caller`.
        """
        uses = dict.fromkeys(grant.secret for grant in grants if grant.secret is not None)
        places = [_place(use) for use in uses]
        if len(set(places)) != len(places):
            raise _refused("ambiguous", "two grants admit this request and put different secrets into one place of it")
        added_headers, added_query = list[tuple[str, str]](), list[str]()
        for use in uses:
            self._refuse_what_is_set(use, headers, query)
            value = self._value(use)
            match use.place:
                case SecretPlace.BEARER:
                    added_headers.append(("authorization", f"Bearer {value}"))
                case SecretPlace.BASIC:
                    pair = base64.b64encode(f"{use.parameter}:{value}".encode("ascii")).decode("ascii")
                    added_headers.append(("authorization", f"Basic {pair}"))
                case SecretPlace.HEADER:
                    added_headers.append((use.parameter.lower(), value))
                case SecretPlace.QUERY:
                    added_query.append(f"{quote(use.parameter, safe='')}={quote(value, safe='')}")
                case _:
                    assert_never(use.place)
        return Injected(tuple(added_headers), tuple(added_query))

    def check_redirect(self, location: str) -> None:
        """Raises: Refusal when *location* holds one of the secrets."""
        if self._scrubber is not None and self._scrubber.holds(location.encode("utf-8", "surrogateescape")):
            raise redirect_refused("the answer redirects to a place that holds the secret it was sent")

    async def scrubbed(self, response: HttpResponse) -> HttpResponse:
        """*response* without the secrets."""
        scrubber = self._scrubber
        if scrubber is None:
            return response
        if len(response.body) > _ASIDE_BYTES:
            body = await asyncio.to_thread(scrubber.scrub, response.body)
        else:
            body = scrubber.scrub(response.body)
        headers = tuple((_text(scrubber, name), _text(scrubber, value)) for name, value in response.headers)
        return replace(response, headers=headers, body=body)

    def _value(self, use: SecretUse) -> str:
        secret = self._values.get(use.name)
        if secret is None:
            raise _refused(
                "absent",
                f"the secret `{use.name}` is not set, and this request needs it",
                remedy=f"holdfast secrets set {use.name}",
            )
        if not _usable(secret):
            raise _refused(
                "unusable",
                f"the secret `{use.name}` is not {MOST_BYTES} printable ASCII characters or fewer, as a request needs",
                remedy=f"holdfast secrets set {use.name}",
            )
        return secret.reveal().decode("ascii")

    def _refuse_what_is_set(self, use: SecretUse, headers: Headers, query: str | None) -> None:
        kind, name = _place(use)
        if kind == "header":
            # Servers that hand headers to programs as variables take `_` and `-` for the same.
            there = any(given.replace("_", "-") == name for given, _ in headers)
        else:
            there = query is not None and any(_parameter(one) == name for one in query.replace(";", "&").split("&"))
        if there:
            raise _refused(
                "set-by-caller", f"the {kind} `{name}` is set from the secret `{use.name}`; leave it out of the request"
            )


async def carried(vault: SecretValues | None, tenant: TenantId | None, grants: Sequence[HttpGrant]) -> Carried:
    """The secrets of *tenant* that *grants* name. Raises: IntegrityError."""
    names = sorted({grant.secret.name for grant in grants if grant.secret is not None})
    found: dict[str, Secret] = {}
    if vault is not None and tenant is not None:
        for name in names:
            value = await vault.value(tenant, name)
            if value is not None:
                found[name] = value
    return Carried(found)


def _place(use: SecretUse) -> tuple[str, str]:
    match use.place:
        case SecretPlace.BEARER | SecretPlace.BASIC:
            return "header", "authorization"
        case SecretPlace.HEADER:
            return "header", use.parameter.lower()
        case SecretPlace.QUERY:
            return "parameter", use.parameter.lower()
        case _:
            assert_never(use.place)


def _parameter(pair: str) -> str:
    """The name of *pair* as any server may read it: decoded, in any case, without the brackets of a list."""
    return unquote_plus(pair.partition("=")[0]).partition("[")[0].strip().lower()


def _usable(secret: Secret) -> bool:
    value = secret.reveal()
    return (
        len(value) <= MOST_BYTES and value.isascii() and value.decode("ascii").isprintable() and value == value.strip()
    )


def _text(scrubber: SecretScrubber, text: str) -> str:
    return scrubber.scrub(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _refused(rule: str, message: str, *, remedy: str | None = None) -> Refusal:
    return Refusal(Reason(code=f"secret/{rule}", layer="secret", message=message, remedy=remedy))
