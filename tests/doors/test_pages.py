"""A page in the user's browser reaches loopback, with whatever the browser adds: nothing it sends has an effect."""

import json
import secrets

import pytest

from .callers import Caller
from .server import Server

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def name() -> str:
    return f"page-{secrets.token_hex(6)}.txt"


def body(name: str) -> bytes:
    return json.dumps({"tool": "file_write", "arguments": {"path": name, "content": "owned"}}).encode()


def mcp_body(name: str) -> bytes:
    arguments = {"path": name, "content": "owned"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "file_write", "arguments": arguments}}
    return json.dumps(call).encode()


def written(server: Server, name: str) -> bool:
    return (server.workspace / name).exists()


def test_the_same_request_without_a_page_around_it_writes(server: Server, agent: Caller, name: str):
    """So that what is refused below is refused for what the browser adds."""
    assert agent.send("POST", "/v1/call", body(name)).status == 200
    assert agent.send("POST", "/v1/call", body(f"own-{name}"), Origin=f"http://127.0.0.1:{server.port}").status == 200
    assert written(server, name)
    assert written(server, f"own-{name}")


ORIGINS = [
    "http://evil.example",
    "null",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://localhost:PORT",
    "https://127.0.0.1:PORT",
    "http://127.0.0.1:PORT.evil.example",
    "http://127.0.0.1:PORT/",
    "http://[::1]:PORT",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "http://127.0.0.1:PORT, http://evil.example",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_page_of_another_origin_has_nothing_written(server: Server, agent: Caller, name: str, origin: str):
    sent = origin.replace("PORT", str(server.port))
    answers = [
        agent.send("POST", "/v1/call", body(name), Origin=sent),
        agent.send("POST", "/mcp", mcp_body(name), Origin=sent, Accept="application/json, text/event-stream"),
    ]

    assert [answer.status for answer in answers] == [403, 403]
    assert not written(server, name)
    assert not any(header.startswith("access-control") for answer in answers for header in answer.headers)


KINDS = [
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json, text/plain",
    "text/plain, application/json",
    "application/jsonp",
    "",
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_that_a_form_could_send_has_nothing_written(server: Server, agent: Caller, name: str, kind: str):
    """These are what a page sends without asking anybody first."""
    assert agent.send("POST", "/v1/call", body(name), Content_Type=kind).status == 415
    assert agent.send("POST", "/mcp", mcp_body(name), Content_Type=kind).status in {400, 415}
    assert not written(server, name)


HOSTS = ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1.evil.example:PORT", "0.0.0.0:PORT", "127.1:PORT"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_was_rebound_to_loopback_has_nothing_written(server: Server, agent: Caller, name: str, host: str):
    named = host.replace("PORT", str(server.port))

    assert agent.send("POST", "/v1/call", body(name), Host=named).status == 421
    assert agent.send("POST", "/v1/call", body(name), Host=named, Origin=f"http://{named}").status == 421
    assert agent.send("POST", "/mcp", mcp_body(name), Host=named).status == 421
    assert agent.send("GET", "/healthz", Host=named, Content_Type="").status == 421
    assert not written(server, name)


def test_a_request_without_a_token_has_nothing_written(server: Server, agent: Caller, name: str):
    stolen = f"token={agent.token}"
    for headers in (
        {"Authorization": ""},
        {"Authorization": "", "Cookie": stolen},
        {"Authorization": f"Basic {agent.token}"},
        {"Authorization": agent.token},
        {"Authorization": f"Bearer {agent.token}x"},
        {"Authorization": f"Bearer {agent.token} {agent.token}"},
    ):
        assert agent.send("POST", "/v1/call", body(name), **headers).status == 401
        assert agent.send("POST", "/mcp", mcp_body(name), **headers).status == 401
    assert agent.send("POST", f"/v1/call?access_token={agent.token}", body(name), Authorization="").status == 401
    assert not written(server, name)


def test_a_page_that_asks_first_is_told_nothing_it_could_go_on_with(server: Server, agent: Caller):
    for path in ("/v1/call", "/v1/tools", "/mcp", "/healthz"):
        asked = agent.send(
            "OPTIONS",
            path,
            Content_Type="",
            Authorization="",
            Origin="http://evil.example",
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization,content-type",
        )

        assert asked.status >= 400
        assert not any(header.startswith("access-control") for header in asked.headers)


def test_a_method_that_a_link_or_an_image_sends_calls_nothing(server: Server, agent: Caller, name: str):
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE"):
        sent = body(name) if method in {"PUT", "PATCH"} else None
        assert agent.send(method, "/v1/call", sent, X_HTTP_Method_Override="POST").status >= 400
    assert not written(server, name)
