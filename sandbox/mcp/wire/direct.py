"""Posts the requests of a modern server without the SDK between. Negotiating, listening and older eras stay the SDK's.

2026-07-28 has no session: a request is one POST, and its answer is what comes back on it. The SDK carries each over
four streams and three tasks of its own, which costs more than all safety layers together.
"""

from collections.abc import Mapping
from typing import Final

import httpx2

from holdfast.contracts.json_values import Json, canonical

from ..answers import Answered, Errored, MessageId
from ..credentials.keyring import Credentials
from .checked import CheckedTransport

USER_AGENT: Final = "holdfast"
_SAID: Final = (
    ("accept", "application/json, text/event-stream"),
    ("accept-encoding", "identity"),
    ("content-type", "application/json"),
    ("user-agent", USER_AGENT),
)


class Direct:
    """One modern HTTP server."""

    def __init__(self, checked: CheckedTransport, url: str, credentials: Credentials) -> None:
        self._checked = checked
        self._url = httpx2.URL(url)
        given = {name.lower() for name, _value in credentials.headers}
        self._headers = [*((name, value) for name, value in _SAID if name not in given), *credentials.headers]

    async def request(
        self, request_id: MessageId, method: str, params: Mapping[str, Json], headers: Mapping[str, str]
    ) -> Answered | Errored | None:
        """Send one request; what its server says meanwhile goes to the screen. None: the server redirects, once.

        *headers*: what the protocol wants said of it outside the body.

        Raises: UpstreamFault.
        """
        body = canonical({"jsonrpc": "2.0", "id": request_id, "method": method, "params": dict(params)})
        posted = httpx2.Request("POST", self._url, headers=[*self._headers, *headers.items()], content=body)
        return await self._checked.answer(posted, request_id)
