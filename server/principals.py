"""The principals that come without a token. Only the operating system's own user is one of them."""

from holdfast.contracts import Principal, Scope, TenantId

LOCAL_TENANT = TenantId("local")

OPERATOR = Principal(subject="operator", tenant=LOCAL_TENANT, scopes=frozenset(Scope))
"""Whoever owns the data directory: reached through the admin socket, whose peer is checked, or by opening it."""


def acting_as(subject: str) -> Principal:
    """*subject* as the operator lets it call: with scope `call`, and marked as no operator."""
    return Principal(subject=subject, tenant=LOCAL_TENANT, scopes=frozenset({Scope.CALL}), token_id=_ACTING)


_ACTING = "acting"
"""In place of a token's id, so that nothing takes the caller for the operator."""
