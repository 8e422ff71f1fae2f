"""For any bytes as a token, the answer is Unauthenticated, or the one principal the one issued token is for."""

import asyncio
import base64
import sys
from functools import cache

from holdfast.contracts import Scope, Unauthenticated
from holdfast.server.auth import Authenticator, TokenIssuer
from holdfast.server.store import TokenRow

KEY = b"a key for fuzzing only, of 32 bytes or more"


class _OneToken:
    """The issued tokens, in memory: one."""

    def __init__(self) -> None:
        self.rows: dict[str, TokenRow] = {}

    async def add(self, row: TokenRow) -> None:
        self.rows[row.id] = row

    def holds(self, token: str, digest: object) -> bool:
        return token in self.rows and self.rows[token].hash == digest


def _part(claims: str) -> str:
    return base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")


NONE = ".".join((_part('{"alg":"none"}'), _part("{}"), ""))
"""A token that says it needs no signature, put together here so that no scanner takes its seed for a leaked one."""


@cache
def _world() -> tuple[str, Authenticator]:
    tokens = _OneToken()
    issuer = TokenIssuer(key=KEY, issuer="fuzz", tokens=tokens, clock=lambda: 1_800_000_000.0)
    asked = issuer.issue(subject="alice", scopes=[Scope.CALL], ttl_s=3600, tenant="acme")
    issued = asyncio.run(asked)
    return issued.token, Authenticator(key=KEY, issuer="fuzz", tokens=tokens, clock=lambda: 1_800_000_001.0)


def check(data: bytes) -> None:
    """Present *data*, alone and in the place of each part of the issued token."""
    token, authenticator = _world()
    text = data.decode("utf-8", "surrogateescape").replace("{none}", NONE)
    parts = token.split(".")
    swapped = [".".join([*parts[:place], text, *parts[place + 1 :]]) for place in range(len(parts))]
    for changed in (text, *swapped):
        try:
            principal = authenticator.authenticate(changed)
        except Unauthenticated:
            continue
        assert changed == token
        assert principal.subject == "alice"
    assert authenticator.authenticate(token).subject == "alice"


if __name__ == "__main__":
    import atheris
    from guiding import instrument_ours

    instrument_ours()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
