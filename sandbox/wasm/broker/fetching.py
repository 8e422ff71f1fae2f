"""HTTP for guests, through the egress broker alone: granted by the manifest, screened for secrets, counted."""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import HttpRequest, Json, Label, Refusal

from . import payloads
from .call import Brokered
from .refusals import absent, malformed, not_granted, over

_NO_HURRY_MS: Final = 1 << 31
REQUEST_BYTES: Final = 1 << 20
_KEYS: Final = frozenset({"method", "url", "headers", "body"})
_OPTIONAL: Final = frozenset({"follow", "timeout_ms"})
_IN_A_THREAD_BYTES: Final = 64 << 10


async def http(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Make a request."""
    grants, powers = brokered.call.spec.grants.http, brokered.powers
    if not grants:
        raise not_granted("`grants.http` is empty")
    brokered.count_http()
    in_a_thread = len(payload) > _IN_A_THREAD_BYTES
    request, patience_ms = await asyncio.to_thread(_read, payload) if in_a_thread else _read(payload)
    egress, labelling = powers.egress, brokered.labelling
    if egress is None or powers.screen is None:
        raise absent("way out")
    brokered.refuse_if_taught(Label.PRIVATE, Label.UNTRUSTED)
    headers = (f"{name}: {value}" for name, value in request.headers)
    texts = (request.url, *headers, request.body.decode("utf-8", "replace"))
    reason = await asyncio.to_thread(powers.screen.refusal, texts)
    if reason is not None:
        raise Refusal(reason)
    # Scanned first, then given the secrets of its grants: the broker of egress adds them, and takes them out again.
    response = await egress.fetch(
        request, grants, wall_ms=min(brokered.remaining_ms, patience_ms), tenant=brokered.call.principal.tenant
    )
    await labelling.fetched(brokered.call, urlsplit(response.url).hostname or "*")
    return {
        "status": response.status,
        "headers": [[name, value] for name, value in response.headers],
        "body": await asyncio.to_thread(payloads.encoded, response.body),
    }


def _read(payload: bytes) -> tuple[HttpRequest, int]:
    """The request, and how many milliseconds the guest would wait for it."""
    said = payloads.read(payload, _KEYS, _OPTIONAL)
    body = payloads.data(said, "body")
    if len(body) > REQUEST_BYTES:
        raise over(f"a request has at most {REQUEST_BYTES} bytes")
    follow = said.get("follow", True)
    if not isinstance(follow, bool):
        raise malformed("`follow` is neither true nor false")
    patience_ms = said.get("timeout_ms", _NO_HURRY_MS)
    if not isinstance(patience_ms, int) or isinstance(patience_ms, bool) or patience_ms < 1:
        raise malformed("`timeout_ms` is no number of milliseconds above zero")
    request = HttpRequest(
        method=payloads.text(said, "method"),
        url=payloads.text(said, "url"),
        headers=payloads.pairs(said, "headers"),
        body=body,
        follow=follow,
    )
    return request, patience_ms
