"""Sessions of the handshake era over HTTP: one principal has so many and no more."""

import asyncio
import itertools

import pytest
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.responses import Response

from holdfast.contracts import Overloaded
from holdfast.server.mcp.sessions import MAX_SESSIONS_EACH, Sessions

pytestmark = pytest.mark.anyio

ALICE, BOB = ("t", "alice"), ("t", "bob")


class Server:
    """Keeps sessions as the SDK does, and holds GET streams open."""

    def __init__(self):
        self.open = {}
        self.numbers = itertools.count()
        self.streams = asyncio.Event()
        self.now = 0.0
        self.each = Sessions(self.serve, idle=1_800.0, clock=lambda: self.now)

    async def serve(self, scope, receive, send):
        name = dict(scope["headers"]).get(b"mcp-session-id", b"").decode()
        if not name:
            name = f"s{next(self.numbers)}"
            self.open[name] = scope["user"].username
        elif self.open.get(name) != scope["user"].username:
            await Response(status_code=404)(scope, receive, send)
            return
        elif scope["method"] == "DELETE":
            del self.open[name]
        elif scope["method"] == "GET":
            await self.streams.wait()
        await Response(headers={"mcp-session-id": name})(scope, receive, send)

    async def ask(self, who=ALICE, session=None, method="POST", token="1"):
        self.now += 1.0
        headers = [] if session is None else [(b"mcp-session-id", session.encode())]
        user = AuthenticatedUser(AccessToken(token="", client_id=f"{who[1]} {token}", subject=who[1], scopes=[]))
        said = []

        async def send(message):
            said.append(message)

        await self.each.handle(who, {"type": "http", "method": method, "headers": headers, "user": user}, None, send)
        return said[0]["status"]


async def test_one_session_too_many_ends_the_one_of_the_same_principal_that_was_idle_longest():
    server = Server()
    for who in (BOB, *[ALICE] * MAX_SESSIONS_EACH):
        await server.ask(who)
    await server.ask(session="s1")

    await server.ask(token="another of hers")

    assert "s2" not in server.open
    assert {"s0", "s1"} < server.open.keys()
    assert len(server.open) == MAX_SESSIONS_EACH + 1


async def test_sessions_in_use_are_not_ended_for_another_and_when_all_are_it_is_refused():
    server = Server()
    streams = []
    for number in range(MAX_SESSIONS_EACH):
        await server.ask()
        streams.append(asyncio.create_task(server.ask(session=f"s{number}", method="GET")))
    await asyncio.sleep(0)

    with pytest.raises(Overloaded, match="all are in use"):
        await server.ask()
    assert await server.ask(BOB) == 200
    server.streams.set()
    await asyncio.gather(*streams)
    assert await server.ask() == 200
    assert len(server.open) == MAX_SESSIONS_EACH + 1


async def test_a_session_that_its_client_ended_leaves_room():
    server = Server()
    for _ in range(MAX_SESSIONS_EACH):
        await server.ask()
    await server.ask(session="s7", method="DELETE")
    await server.ask()

    assert len(server.open) == MAX_SESSIONS_EACH
    assert "s0" in server.open


async def test_asking_for_sessions_of_ones_other_tokens_or_of_others_does_not_uncount_them():
    server = Server()
    for number in range(MAX_SESSIONS_EACH):
        await server.ask()
        assert await server.ask(session=f"s{number}", token="another of hers") == 404
        assert await server.ask(BOB, session=f"s{number}") == 404
    await server.ask()

    assert len(server.open) == MAX_SESSIONS_EACH
