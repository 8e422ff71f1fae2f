"""What comes back from a browser after signing in: only the answer to this very sign-in is taken."""

import asyncio
import urllib.request
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from holdfast.sandbox.mcp.credentials.signing_in import browser, read_callback
from holdfast.sandbox.mcp.faults import UpstreamFault

HOSTS = frozenset({"127.0.0.1:80"})


def head(target: str, *fields: str) -> bytes:
    return "\r\n".join((f"GET {target} HTTP/1.1", *(fields or ("Host: 127.0.0.1:80",)), "", "")).encode()


def test_the_parameters_are_read() -> None:
    assert read_callback(head("/callback?code=a&state=b%20c"), HOSTS) == {"code": "a", "state": "b c"}


@pytest.mark.parametrize(
    "sent",
    [
        head("/elsewhere?code=a&state=b"),
        head("/callback?code=a&code=b&state=c"),
        head("/callback?code=a&state=b", "Host: evil.example"),
        head("/callback?code=a&state=b", "Host: 127.0.0.1:80", "Host: evil.example"),
        head("/callback?code=a&state=b", "X: y"),
        head("/callback?" + "&".join(f"a{n}=b" for n in range(50))),
        b"POST /callback?code=a&state=b HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
        b"GET http://127.0.0.1/callback?code=a HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n",
        b"\xff\xfe",
        b"",
    ],
)
def test_whatever_else_comes_is_not_it(sent: bytes) -> None:
    assert read_callback(sent, HOSTS) is None


async def visited(url: str) -> int:
    def visit() -> int:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=20) as answer:
                return answer.status
        except HTTPError as error:
            return error.code

    return await asyncio.to_thread(visit)


async def nobody(url: str) -> None: ...


@pytest.mark.anyio
async def test_a_page_that_guesses_is_turned_away_and_the_sign_in_goes_on() -> None:
    async with browser(0, nobody) as asker:
        early = await visited(f"{asker.redirect_uri}?code=forged&state=guessed")
        await asker.show("https://idp.example/authorize?state=right")
        waiting = asyncio.create_task(asker.came_back())
        forged = await visited(f"{asker.redirect_uri}?code=forged&state=guessed")
        there = await visited(f"{asker.redirect_uri}?{urlencode({'code': 'real', 'state': 'right'})}")
        again = await visited(f"{asker.redirect_uri}?{urlencode({'code': 'other', 'state': 'right'})}")

        assert await waiting == {"code": "real", "state": "right"}
    assert (early, forged, there, again) == (400, 400, 200, 400)


@pytest.mark.anyio
async def test_somebody_who_refuses_is_believed() -> None:
    async with browser(0, nobody) as asker:
        await asker.show("https://idp.example/authorize?state=s")
        await visited(f"{asker.redirect_uri}?error=access_denied&state=s")
        with pytest.raises(UpstreamFault, match="refused"):
            await asker.came_back()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "place",
    [
        *("javascript:alert(1)", "vbscript:x", "file:///etc/passwd", "http://idp.example/authorize"),
        *("https://idp.example@mallory.example/authorize", "https://idp.example/\x1b[2J", "https://\u0456dp.example/"),
    ],
)
async def test_what_is_no_page_to_sign_in_at_is_not_opened(place: str) -> None:
    async with browser(0, nobody) as asker:
        with pytest.raises(UpstreamFault, match="no https page"):
            await asker.show(place)
