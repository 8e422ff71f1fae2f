"""The keys of issuers, fetched from a real server: what is taken, what is not, and when they are asked for again."""

import asyncio
import http.server
import json
import socket
import threading

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from holdfast.contracts import OperatorError, Unauthenticated
from holdfast.server import issuers
from holdfast.server.auth import Authenticator
from holdfast.server.auth_settings import AuthSettings
from holdfast.server.issuers import FETCH_BYTES, UNKNOWN_KEY_SECONDS, Issuers, fetched
from holdfast.server.store import Store, Tokens

pytestmark = pytest.mark.anyio

ISSUER = "https://idp.example"
RESOURCE = "https://tools.example/mcp"
FIRST, SECOND = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
NOW = 1_800_000_000.0


def jwks(**keys):
    algorithm = jwt.get_algorithm_by_name("EdDSA")
    return json.dumps(
        {"keys": [json.loads(algorithm.to_jwk(key.public_key())) | {"kid": kid} for kid, key in keys.items()]}
    )


def token(key, kid):
    claims = {"sub": "ada", "aud": RESOURCE, "iss": ISSUER, "iat": NOW, "exp": NOW + 60, "scope": "call"}
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": kid})


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.came += 1
        status, body, headers = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def idp():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.came, server.answer = 0, (200, jwks(a=FIRST).encode(), {})
    server.url = f"http://127.0.0.1:{server.server_address[1]}/keys"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def authenticator():
    store = await Store.open("sqlite://", key=bytes(32))
    tokens = await Tokens.open(store, clock=lambda: NOW)
    yield Authenticator(key=b"k" * 32, issuer="holdfast:local", tokens=tokens, clock=lambda: NOW)
    await store.close()


def settings(where):
    row = {"issuer": ISSUER, "jwks": str(where), "tenant": "acme"}
    return AuthSettings.model_validate({"resource": RESOURCE, "issuers": [row]})


def refuses(authenticator, written):
    with pytest.raises(Unauthenticated):
        authenticator.authenticate(written)


async def test_keys_are_fetched_at_the_start_and_a_new_set_replaces_the_old(idp, authenticator):
    keeping = Issuers(settings(idp.url), authenticator)
    await keeping.open()
    authenticator.authenticate(token(FIRST, "a"))

    idp.answer = (200, jwks(b=SECOND).encode(), {})
    refuses(authenticator, token(SECOND, "b"))
    await keeping.refresh()

    assert authenticator.authenticate(token(SECOND, "b")).tenant == "acme"
    refuses(authenticator, token(FIRST, "a"))


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"", {}),
        (302, b"", {"Location": "/other"}),
        (200, b"not json", {}),
        (200, b'{"keys": []}', {}),
        (200, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]}', {}),
        (200, b" " * (FETCH_BYTES + 1), {}),
        (200, b"\xff\xfe", {}),
    ],
)
async def test_what_cannot_be_read_changes_nothing_and_before_the_first_keys_no_token_holds(idp, authenticator, answer):
    good, idp.answer = idp.answer, answer
    keeping = Issuers(settings(idp.url), authenticator)
    await keeping.open()
    refuses(authenticator, token(FIRST, "a"))

    idp.answer = good
    await keeping.refresh()
    authenticator.authenticate(token(FIRST, "a"))
    idp.answer = answer
    await keeping.refresh()

    authenticator.authenticate(token(FIRST, "a"))


async def test_an_unknown_key_has_its_issuer_asked_again_and_not_too_often(idp, authenticator):
    clock = [0.0]
    keeping = Issuers(settings(idp.url), authenticator, clock=lambda: clock[0])
    await keeping.open()
    refreshed = asyncio.Event()
    plain = keeping.refresh

    async def refresh():
        await plain()
        refreshed.set()

    keeping.refresh = refresh
    task = asyncio.create_task(keeping.keep())
    idp.answer = (200, jwks(a=FIRST, b=SECOND).encode(), {})

    refuses(authenticator, token(SECOND, "b"))
    assert not keeping._wanted.is_set(), "it was asked just now"
    clock[0] = UNKNOWN_KEY_SECONDS
    refuses(authenticator, token(SECOND, "b"))
    async with asyncio.timeout(10):
        await refreshed.wait()
    task.cancel()

    authenticator.authenticate(token(SECOND, "b"))
    assert idp.came == 2


async def test_a_file_is_read_again_and_one_that_cannot_be_used_stops_the_start(tmp_path, authenticator):
    file = tmp_path / "keys.json"
    keeping = Issuers(settings(file), authenticator)
    with pytest.raises(OperatorError, match="cannot be read"):
        await keeping.open()
    file.write_text("{}")
    with pytest.raises(OperatorError, match="JWKS"):
        await keeping.open()
    file.write_text(" " * (FETCH_BYTES + 1))
    with pytest.raises(OperatorError, match="bytes"):
        await keeping.open()

    file.write_text(jwks(a=FIRST))
    await keeping.open()
    authenticator.authenticate(token(FIRST, "a"))
    file.write_text(jwks(b=SECOND))
    await keeping.refresh()

    authenticator.authenticate(token(SECOND, "b"))
    refuses(authenticator, token(FIRST, "a"))


async def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(issuers, "FETCH_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OperatorError, match="cannot be fetched"):
        await fetched(f"http://127.0.0.1:{silent.getsockname()[1]}/")


async def test_without_issuers_nobody_is_asked(authenticator):
    keeping = Issuers(AuthSettings(), authenticator)
    await keeping.open()

    async with asyncio.timeout(10):
        await keeping.keep()


async def test_an_answer_is_read_to_its_limit_and_no_further(idp):
    idp.answer = (200, b" " * (FETCH_BYTES + 1), {})

    with pytest.raises(OperatorError, match="more than"):
        await fetched(idp.url)


async def test_a_redirect_is_not_followed(idp):
    idp.answer = (302, b"", {"Location": "/elsewhere"})

    with pytest.raises(OperatorError, match="status 302"):
        await fetched(idp.url)
    assert idp.came == 1
