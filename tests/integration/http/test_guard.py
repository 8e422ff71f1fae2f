"""Every guard of the HTTP face, each met by the attack it is there for."""

import base64
import contextlib
import http.client
import json
import socket

import pytest

BODY = json.dumps({"tool": "echo", "arguments": {"text": "hi"}}).encode()


def _call(world, *lines, host=None, path="/v1/call", body=BODY, token=True, method="POST"):
    sent = [f"Content-Length: {len(body)}", *lines]
    if not any(line.lower().startswith("content-type") for line in lines):
        sent.append("Content-Type: application/json")
    if token:
        sent.append(f"Authorization: Bearer {world.token('call')}")
    return world.raw(world.head(method, path, *sent, host=host) + body)


def test_the_same_request_unspoiled_is_taken(world):
    assert _call(world).status == 200


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("Host: 127.0.0.1:1", "host"),
        ("Authorization: Bearer x", "authorization"),
        ("AUTHORIZATION: Bearer x", "authorization"),
        ("Content-Type: text/plain", "content-type"),
        ("Origin: http://a\r\nOrigin: http://b", "origin"),
        ("Cookie: a=1\r\nCookie: b=2", "cookie"),
    ],
)
def test_a_repeated_header_is_refused(world, line, name):
    lines = [line, "Content-Type: application/json"] if name == "content-type" else [line]

    answer = _call(world, *lines)

    assert answer.status == 400
    assert f"`{name}` is repeated" in answer.json()["detail"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8700", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example"]
)
@pytest.mark.parametrize("path", ["/v1/call", "/healthz", "/mcp"])
def test_a_foreign_host_is_refused_on_every_route(world, host, path):
    """DNS rebinding: a page of evil.example that resolves to loopback still says its own name."""
    method = "GET" if path == "/healthz" else "POST"

    answer = _call(world, host=host, path=path, method=method, body=b"" if method == "GET" else BODY)

    assert answer.status == 421


def test_a_missing_host_is_refused(world):
    assert _call(world, host="").status == 400
    assert world.raw(b"GET /healthz HTTP/1.0\r\n\r\n").status == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:3000", "http://127.0.0.1:1", "{https}"]
)
@pytest.mark.parametrize("path", ["/v1/call", "/healthz", "/mcp"])
def test_a_foreign_origin_is_refused_on_every_route(world, origin, path):
    """Another port on loopback is another program, and perhaps another user."""
    method = "GET" if path == "/healthz" else "POST"
    origin = origin.replace("{https}", f"https://127.0.0.1:{world.port}")

    answer = _call(world, f"Origin: {origin}", path=path, method=method, body=b"" if method == "GET" else BODY)

    assert answer.status == 403
    assert "origin" in answer.json()["detail"].lower()


def test_an_origin_under_another_of_our_names_is_foreign(world):
    assert _call(world, f"Origin: http://localhost:{world.port}").status == 403
    assert _call(world, f"Origin: http://127.0.0.1:{world.port}").status == 200


def test_no_cors_header_is_ever_sent(world):
    answer = world.send("OPTIONS", "/v1/call", None, world.token("call"), Access_Control_Request_Method="POST")

    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        "application/json;charset=utf-8;x=1",
        "application/jsonx",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/v1/call", "/v1/scan", "/v1/sessions", "/mcp"])
def test_a_body_of_another_kind_is_refused(world, kind, path):
    assert _call(world, f"Content-Type: {kind}", path=path).status == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"']
)
def test_json_in_utf_8_is_taken(world, kind):
    assert _call(world, f"Content-Type: {kind}").status == 200


def test_a_compressed_body_is_refused(world):
    assert _call(world, "Content-Encoding: gzip").status == 415


def test_a_get_has_no_body(world):
    assert _call(world, path="/healthz", method="GET").status == 400


@pytest.mark.parametrize("path", ["/v1/call", "/v1/scan"])
def test_a_declared_body_over_the_cap_is_refused_before_it_is_read(world, path):
    head = world.head(
        "POST",
        path,
        f"Authorization: Bearer {world.token('call')}",
        "Content-Type: application/json",
        f"Content-Length: {(1 << 20) + 1}",
    )

    assert world.raw(head).status == 413


def test_a_streamed_body_over_the_cap_is_refused(world):
    """Without a declared length only counting helps."""
    before = len(world.service.calls)

    def pieces():
        yield b'{"tool": "echo", "arguments": {"text": "'
        for _ in range(40):
            yield b"a" * 65536
        yield b'"}}'

    connection = http.client.HTTPConnection("127.0.0.1", world.port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {world.token('call')}", "Content-Type": "application/json"}
        connection.request("POST", "/v1/call", pieces(), headers, encode_chunked=True)
        assert connection.getresponse().status == 413
    finally:
        connection.close()
    assert len(world.service.calls) == before


def test_a_mounted_application_is_behind_the_same_cap(world):
    large = b" " * ((1 << 20) + 1)

    assert world.send("POST", "/mcp", large, world.token("call")).status == 413


def test_a_body_that_never_ends_is_given_up(world):
    head = world.head(
        "POST",
        "/v1/call",
        f"Authorization: Bearer {world.token('call')}",
        "Content-Type: application/json",
        "Content-Length: 100",
    )

    assert world.raw(head + b"{").status == 408


def test_too_many_headers_are_refused(world):
    assert _call(world, *[f"X-{n}: 1" for n in range(80)]).status == 431
    assert _call(world, f"X-Long: {'a' * 33_000}").status == 431


@pytest.mark.parametrize(
    "lines",
    [
        [f"X-{n}: 1" for n in range(1000)],
        [f"X-Long: {'a' * 100_000}"],
    ],
)
def test_endless_headers_end_the_connection(world, lines):
    """Uvicorn would collect them without end."""
    with contextlib.suppress(ConnectionError):  # closed before we had sent it all
        assert _call(world, *lines).status == 400


def test_an_endless_target_ends_the_connection(world):
    assert world.raw(world.head("GET", "/" + "a" * 20_000)).status == 400


@pytest.mark.parametrize(
    "lines",
    [
        ["Transfer-Encoding: chunked", "Content-Length: 5"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Transfer-Encoding: gzip, chunked, identity"],
        ["Content-Length: +5"],
        ["Content-Length: 0x5"],
    ],
)
def test_a_request_of_two_lengths_is_refused(world, lines):
    """Request smuggling."""
    head = world.head(
        "POST", "/v1/call", f"Authorization: Bearer {world.token('call')}", "Content-Type: application/json", *lines
    )

    assert world.raw(head + b"0\r\n\r\n").status in (400, 422)


PUBLIC = ("/healthz", "/readyz", "/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp")
GUARDED = (
    *(
        ("GET", path)
        for path in ("/v1/tools", "/v1/tools/echo", "/v1/approvals", "/v1/approvals/x", "/v1/sessions", "/v1/leases")
    ),
    *(("GET", path) for path in ("/metrics", "/openapi.json", "/nowhere", "/docs", "/healthz/", "//healthz", "/mcp")),
    *(("POST", path) for path in ("/v1/call", "/v1/tools", "/v1/scan", "/v1/approvals/x", "/v1/sessions", "/mcp")),
    *(("POST", path) for path in PUBLIC),
)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_route_needs_a_token(world, method, path):
    answer = world.send(method, path, BODY if method == "POST" else None)

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer resource_metadata=")


@pytest.mark.parametrize("path", PUBLIC)
def test_a_public_route_does_not(world, path):
    assert world.send("GET", path).status == 200


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "Bearer é", "Token {token}", "Bearer {token},x", "{token}"],
)
def test_a_malformed_authorization_is_refused(world, value):
    line = f"Authorization: {value.replace('{token}', world.token('call'))}"

    assert _call(world, line, token=False).status == 401


def test_a_revoked_token_ends_at_once(world):
    issued = world.do(world.issuer.issue(subject="bob", scopes=[], ttl_s=60, tenant="acme"))
    assert world.send("GET", "/v1/sessions", None, issued.token).status == 200

    world.do(world.tokens.revoke(issued.id))

    assert world.send("GET", "/v1/sessions", None, issued.token).status == 401


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/call", "call"),
        ("POST", "/v1/scan", "call"),
        ("GET", "/v1/tools", "call"),
        ("GET", "/v1/tools/echo", "call"),
        ("POST", "/v1/tools", "register"),
        ("DELETE", "/v1/tools?source=alice", "register"),
        ("POST", "/v1/tools/build", "register"),
        ("GET", "/v1/approvals", "approve"),
        ("POST", "/v1/approvals/x", "approve"),
        ("POST", "/v1/sessions", "host"),
        ("POST", "/v1/sessions/x/request", "host"),
        ("DELETE", "/v1/sessions/default?principal=agent", "host"),
        ("GET", "/v1/leases", "approve"),
        ("POST", "/v1/leases", "approve"),
        ("DELETE", "/v1/leases/x", "approve"),
        ("GET", "/metrics", "metrics"),
    ],
)
def test_a_route_needs_its_scope(world, method, path, scope):
    everything_else = {"call", "host", "approve", "register", "policy:read", "tokens", "audit", "metrics"} - {scope}

    answer = world.send(method, path, BODY if method == "POST" else None, world.token(*sorted(everything_else)))

    assert answer.status == 403
    assert answer.json()["detail"] == f"the token lacks the scope `{scope}`"
    assert f'scope="{scope}"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["/healthz", "/v1/tools", "/nowhere", "/mcp"])
def test_every_answer_carries_the_security_headers(world, path):
    answer = world.send("GET", path, None, world.token("call"))

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "server" not in answer.headers


def test_routing_answers_are_problems(world):
    token = world.token("call")

    unknown = world.send("GET", "/nowhere", None, token)
    wrong = world.send("GET", "/v1/call", None, token)

    assert (unknown.status, wrong.status) == (404, 405)
    assert unknown.headers["content-type"] == wrong.headers["content-type"] == "application/problem+json"
    assert wrong.headers["allow"] == "POST"


def test_a_mounted_application_knows_its_caller_and_its_whole_path(world):
    assert world.send("POST", "/mcp", {}, world.token("call")).json() == ["alice", "/mcp", ""]
    assert world.send("POST", "/mcp/x", {}, world.token("call")).status == 404


def test_a_websocket_is_not_offered(world):
    answer = world.raw(
        world.head(
            "GET",
            "/mcp",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
        )
    )

    assert answer.status == 401


def test_two_requests_on_one_connection_do_not_share_a_caller(world):
    """The second has no token, and none is left over from the first."""
    with socket.create_connection(("127.0.0.1", world.port), timeout=30) as connection:
        first = world.head("GET", "/v1/tools", f"Authorization: Bearer {world.token('call')}")
        connection.sendall(first + world.head("GET", "/v1/tools", "Connection: close"))
        answers = connection.makefile("rb").read()

    assert answers.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 401" in answers
