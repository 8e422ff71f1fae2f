"""What `grants.http.secret` means, and which are refused because the secret would go further than it says.

1. The host is exact: below a wildcard anybody's host could be given the secret.
2. The scheme is https, but for this machine: on the way nobody else reads it.
3. A place is not one that the broker sets itself, and holds one secret only.
It knows names of secrets, never a value.
"""

from collections.abc import Sequence
from typing import Final

from holdfast.contracts.errors import OperatorError
from holdfast.contracts.secret import SecretPlace, SecretUse

from .manifest_model import HttpTable, SecretTable

MOST_SECRETS: Final = 8
"""Different ones of one tool: each is looked for in every answer."""

_THIS_MACHINE: Final = frozenset({"localhost", "127.0.0.1"})
_NOT_FOR_SECRETS: Final = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"),
        *("expect", "http2-settings", "cookie", "cookie2", "accept-encoding", "accept", "accept-language", "range"),
        *("user-agent", "x-http-method", "x-http-method-override", "x-method-override"),
    }
)
"""Headers that are the broker's to set, and those that follow a redirect to anywhere."""


def secret_use(table: SecretTable | None) -> SecretUse | None:
    """What *table* says, or None."""
    if table is None:
        return None
    place, _, parameter = table.place.partition(":")
    return SecretUse(name=table.name, place=SecretPlace(place), parameter=table.user or parameter)


def check_secrets(grants: Sequence[HttpTable]) -> None:
    """Raises: OperatorError for a secret that a grant cannot carry, and for too many."""
    for grant in grants:
        if grant.secret is not None:
            _check_grant(grant)
            _check_place(grant.secret)
    names = {grant.secret.name for grant in grants if grant.secret is not None}
    if len(names) > MOST_SECRETS:
        raise OperatorError(f"`grants.http.secret`: a tool uses at most {MOST_SECRETS} different secrets")


def _check_grant(grant: HttpTable) -> None:
    if grant.host.startswith("*."):
        raise OperatorError("`grants.http.secret`: a secret goes to one host; write `host` without `*.`")
    if grant.scheme == "http" and grant.host not in _THIS_MACHINE:
        raise OperatorError("`grants.http.secret`: over plain http anybody on the way reads it; use https")


def _check_place(secret: SecretTable) -> None:
    kind, _, parameter = secret.place.partition(":")
    if (kind == SecretPlace.BASIC) != (secret.user is not None):
        raise OperatorError("`grants.http.secret.user`: `basic` needs it, and nothing else has one")
    name = parameter.lower()
    if kind == SecretPlace.HEADER and (name in _NOT_FOR_SECRETS or name.startswith(("proxy-", "content-"))):
        raise OperatorError("`grants.http.secret.in`: this header is not one that a secret can be in")
