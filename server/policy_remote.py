"""Asks a running server over HTTP for its tools and what it recorded, for who compares policies elsewhere.

The token comes from the environment, never from a command line, and goes only where nobody can read along: over TLS,
or to this machine. No redirect is followed.
"""

import os
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

import httpx2

from holdfast.contracts import Json, OperatorError, ToolSpec
from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import parse
from holdfast.safety.policy import ToolSketch

from .policy_history import History
from .policy_tools import read_tools
from .store import RecordedInput

TOKEN: Final = "HOLDFAST_TOKEN"  # noqa: S105 -- the name of a variable
_TIMEOUT_S: Final = 60.0
_PAGE: Final = 250
_MOST_BYTES: Final = 64 << 20
"""Of one answer."""
_MOST_ROWS: Final = 100_000
_REASON: Final = 300
"""Characters of what it says of a refusal."""
_NEEDED: Final = f"`{TOKEN}` needs the scope `policy:read`; recorded calls, `[server] admin_http = true` there as well"
_TOOLS: Final = "/v1/policies/tools"
_INPUTS: Final = "/v1/policies/inputs"


def is_url(place: str) -> bool:
    """Whether *place* is meant as the address of a server."""
    return place.startswith(("http://", "https://"))


async def remote_tools(server: str) -> tuple[ToolSpec, ...]:
    """The tools of the server at the address *server*, as policy sees them.

    Raises: OperatorError when it does not answer, or not with them.
    """
    async with _asking(server) as ask:
        return read_tools(dict(await ask.get(_TOOLS)), "the server")


async def remote_history(server: str, since: float) -> History:
    """What the server at *server* recorded since *since* (seconds since the epoch), of the tenant of the token.

    Raises: OperatorError as `remote_tools`.
    """
    rows: list[RecordedInput] = []
    kept: dict[str, ToolSketch] = {}
    unopened = 0
    query = {"since": repr(max(0.0, since)), "limit": str(_PAGE)}
    async with _asking(server) as ask:
        while True:
            page = await ask.get(f"{_INPUTS}?{urlencode(query)}")
            found, tools, shut, following = (page.get(name) for name in ("inputs", "tools", "unopened", "next"))
            if not isinstance(found, list) or not isinstance(tools, Mapping) or not isinstance(shut, int):
                raise OperatorError("the server answered something else than recorded calls")
            rows += [_row(one) for one in found]
            unopened += shut
            kept |= {name: ToolSketch.from_json(one) for name, one in tools.items() if isinstance(one, Mapping)}
            if not isinstance(following, str) or following == query.get("after"):
                break
            if len(rows) > _MOST_ROWS:
                raise OperatorError(f"the server recorded more than {_MOST_ROWS} calls; ask for fewer with `--since`")
            query["after"] = following
    return History(
        rows=tuple(rows),
        tools={str(kept[row.definition].name): kept[row.definition] for row in rows if row.definition in kept},
        unopened=unopened,
    )


def _row(written: Json) -> RecordedInput:
    held = written if isinstance(written, Mapping) else {}
    at, said = held.get("at"), held.get("said")
    if not isinstance(at, int | float) or not isinstance(said, Mapping):
        raise OperatorError("the server answered something else than recorded calls")
    return RecordedInput(
        call_id=str(held.get("call_id")), at=float(at), definition=str(held.get("definition")), said=said
    )


class _Asker:
    """One server, asked with a token."""

    def __init__(self, client: httpx2.AsyncClient, origin: str, token: str) -> None:
        self._client = client
        self._origin = origin
        self._headers = {"authorization": f"Bearer {token}", "accept": "application/json"}

    async def get(self, path: str) -> Mapping[str, Json]:
        """The JSON object at *path*."""
        body = bytearray()
        try:
            async with self._client.stream("GET", f"{self._origin}{path}", headers=self._headers) as answer:
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise OperatorError(f"the server's answer is over {_MOST_BYTES} bytes")
        except (httpx2.HTTPError, TimeoutError) as error:
            raise OperatorError(f"the server cannot be asked: {type(error).__name__}") from None
        try:
            value = parse(bytes(body))
        except MalformedJson:
            value = None
        if answer.status_code != HTTPStatus.OK:
            detail = value.get("detail") if isinstance(value, Mapping) else None
            why = str(detail)[:_REASON] if detail else "without a reason"
            raise OperatorError(f"the server answered {answer.status_code}: {why}", remedy=_NEEDED)
        if not isinstance(value, Mapping):
            raise OperatorError("the server did not answer with a JSON object")
        return value


@asynccontextmanager
async def _asking(server: str) -> AsyncGenerator[_Asker]:
    token = os.environ.get(TOKEN, "").strip()
    if not token.isascii() or not token.isprintable() or not token:
        raise OperatorError(f"`{TOKEN}` holds no token", remedy="put one there that has the scope `policy:read`")
    origin = _origin(server)
    async with httpx2.AsyncClient(
        timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False, verify=ssl.create_default_context()
    ) as client:
        yield _Asker(client, origin, token)


def _origin(server: str) -> str:
    """The address without a `/` at its end.

    Raises: OperatorError for one that a token may not be sent to.
    """
    split = urlsplit(server)
    if split.username is not None or split.password is not None or split.query or split.fragment:
        raise OperatorError(f"the address of a server has no credential and no query; the token stands in `{TOKEN}`")
    if split.scheme not in ("http", "https") or not split.hostname:
        raise OperatorError("the address of a server is as in https://holdfast.example:8700")
    if split.scheme == "http" and not _is_here(split.hostname):
        raise OperatorError("a token is sent over https, or to this machine", remedy="write https:// or 127.0.0.1")
    return f"{split.scheme}://{split.netloc}{quote(split.path.rstrip('/'))}"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
