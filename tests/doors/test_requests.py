"""Bytes that two readers could read differently, or that are meant to be too much: no effect, and others are served."""

import json
import secrets

import pytest

from .callers import Caller
from .server import Server

pytestmark = pytest.mark.xdist_group("doors")

HALF_CHARACTER = '"\\ud800"'


@pytest.fixture
def name() -> str:
    return f"request-{secrets.token_hex(6)}.txt"


def writing(name: str) -> str:
    return json.dumps({"path": name, "content": "owned"})


def written(server: Server, name: str) -> bool:
    return (server.workspace / name).exists()


DOUBTFUL = {
    "a tool named twice": '{"tool":"echo","arguments":ARGS,"tool":"file_write"}',
    "arguments given twice": '{"tool":"file_write","arguments":{"path":"x"},"arguments":ARGS}',
    "a path given twice": '{"tool":"file_write","arguments":{"path":"../x","content":"x","path":"NAME"}}',
    "a key twice, once escaped": '{"tool":"file_write","arguments":{"path":"x","content":"x","p\\u0061th":"NAME"}}',
    "not a number": '{"tool":"file_write","arguments":ARGS,"deadline_ms":NaN}',
    "infinity": '{"tool":"file_write","arguments":ARGS,"deadline_ms":Infinity}',
    "a number out of range": '{"tool":"file_write","arguments":ARGS,"deadline_ms":1e999}',
    "a batch": '[{"tool":"file_write","arguments":ARGS}]',
    "two bodies": '{"tool":"file_write","arguments":ARGS}{"tool":"echo","arguments":{"text":"x"}}',
    "a comment": '{"tool":"file_write",/* x */"arguments":ARGS}',
    "a trailing comma": '{"tool":"file_write","arguments":ARGS,}',
    "half a character": '{"tool":"file_write","arguments":{"path":"NAME","content":HALF}}',
    "an unknown field": '{"tool":"file_write","arguments":ARGS,"approved":true}',
    "a field in another case": '{"Tool":"file_write","tool":"echo","arguments":ARGS}',
    "a tool that is a list": '{"tool":["file_write"],"arguments":ARGS}',
    "arguments that are text": '{"tool":"file_write","arguments":TEXT}',
    "a thousand digits": '{"tool":"file_write","arguments":ARGS,"deadline_ms":DIGITS}',
}


@pytest.mark.parametrize("doubt", DOUBTFUL)
def test_a_body_that_can_be_read_two_ways_has_nothing_written(
    server: Server, agent: Caller, other: Caller, name: str, doubt: str
):
    text = DOUBTFUL[doubt].replace("TEXT", json.dumps(writing(name))).replace("ARGS", writing(name))
    text = text.replace("NAME", name).replace("HALF", HALF_CHARACTER).replace("DIGITS", "9" * 1000)

    answer = agent.send("POST", "/v1/call", text.encode())

    assert answer.status in {400, 422}
    assert not written(server, name)
    assert other.said()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_body_in_another_encoding_has_nothing_written(server: Server, agent: Caller, name: str, encoding: str):
    body = f'{{"tool":"file_write","arguments":{writing(name)}}}'

    assert agent.send("POST", "/v1/call", body.encode(encoding)).status == 400
    assert not written(server, name)


def test_a_mcp_message_that_can_be_read_two_ways_has_nothing_written(
    server: Server, agent: Caller, other: Caller, name: str
):
    params = f'{{"name":"file_write","arguments":{writing(name)}}}'
    messages = [
        f'[{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}]',
        f'{{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{params}}}',
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","name":"file_write","arguments":{writing(name)}}}}}',
        f'{{"jsonrpc":"2.0","id":NaN,"method":"tools/call","params":{params}}}',
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params},"x":{"[" * 5000}{"]" * 5000}}}',
    ]
    for message in messages:
        for version in ("2025-11-25", "2026-07-28"):
            answer = agent.send(
                "POST",
                "/mcp",
                message.encode(),
                Accept="application/json, text/event-stream",
                Mcp_Protocol_Version=version,
                Mcp_Method="tools/call",
                Mcp_Name="file_write",
            )
            assert answer.status == 400, message[:60]
    assert not written(server, name)
    assert other.said()


@pytest.mark.parametrize("repeated", ["Host", "Authorization", "Content-Type", "Content-Length", "Origin"])
def test_a_repeated_header_has_nothing_written(server: Server, agent: Caller, other: Caller, name: str, repeated: str):
    body = f'{{"tool":"file_write","arguments":{writing(name)}}}'.encode()
    values = {
        "Host": f"127.0.0.1:{server.port}",
        "Authorization": f"Bearer {other.token}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Origin": f"http://127.0.0.1:{server.port}",
    }
    lines = [f"Content-Length: {len(body)}", "Connection: close", f"{repeated}: {values[repeated]}"]
    if repeated == "Origin":
        lines.append(lines[-1])

    came = agent.exchange(agent.head("POST", "/v1/call", *lines) + body)

    assert came.startswith(b"HTTP/1.1 400")
    assert not written(server, name)


SMUGGLED = {
    "a length and chunks": ("Content-Length: 6", "Transfer-Encoding: chunked"),
    "chunks by another name": ("Content-Length: 6", "Transfer-Encoding: xchunked"),
    "chunks after a space": ("Content-Length: 6", "Transfer-Encoding : chunked"),
    "chunks twice": ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
    "a length with a sign": ("Content-Length: +5", "X: x"),
    "a length with a list": ("Content-Length: 5, 5", "X: x"),
    "a folded header": ("Content-Length: 5", "X: a\r\n Transfer-Encoding: chunked"),
}


@pytest.mark.parametrize("way", SMUGGLED)
def test_a_request_hidden_in_the_body_of_another_is_never_run(
    server: Server, agent: Caller, other: Caller, name: str, way: str
):
    """The hidden one is whole and has a token that holds: what is left is only whether it is read as a request."""
    body = f'{{"tool":"file_write","arguments":{writing(name)}}}'.encode()
    hidden = agent.head("POST", "/v1/call", f"Content-Length: {len(body)}", "Connection: close") + body
    outer = agent.head("GET", "/v1/tools", *SMUGGLED[way])

    came = agent.exchange(outer + b"0\r\n\r\n" + hidden)

    assert not came.startswith(b"HTTP/1.1 2")
    assert not written(server, name)
    assert other.said()


def test_a_body_that_is_too_large_is_not_read_to_its_end(server: Server, agent: Caller, other: Caller, name: str):
    padding = "x" * (2 << 20)
    body = f'{{"tool":"file_write","arguments":{writing(name)},"note":"{padding}"}}'.encode()
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)

    told = agent.exchange(agent.head("POST", "/v1/call", f"Content-Length: {len(body)}") + body)
    counted = agent.exchange(agent.head("POST", "/v1/call", "Transfer-Encoding: chunked") + chunked)

    assert told == b"" or told.startswith(b"HTTP/1.1 413")
    assert counted == b"" or counted.startswith(b"HTTP/1.1 413")
    assert not written(server, name)
    assert other.said()


@pytest.mark.parametrize("piece", ["[", '{"a":'])
def test_a_body_that_is_too_deep_is_refused_and_others_are_served(
    server: Server, agent: Caller, other: Caller, name: str, piece: str
):
    for levels in (65, 1_000, 100_000):
        deep = piece * levels + "1" + {"[": "]", '{"a":': "}"}[piece] * levels
        text = f'{{"tool":"file_write","arguments":{{"path":"{name}","content":"x","more":{deep}}}}}'

        assert agent.send("POST", "/v1/call", text.encode()).status == 400
    assert not written(server, name)
    assert other.said()


def test_arguments_at_the_edge_of_depth_and_size_are_refused_by_the_validator(server: Server, agent: Caller):
    deep: object = 1
    for _ in range(40):
        deep = [deep]

    assert agent.call("echo", {"text": "x", "more": deep}).code == "validator/too-deep"
    assert agent.call("echo", {"text": "x" * 100_001}).code == "validator/too-large"
    assert agent.call("echo", {"text": "x", "more": [0] * 20_000}).code == "validator/too-many-nodes"


def test_clients_that_begin_and_never_go_on_do_not_keep_others_waiting(server: Server, agent: Caller, other: Caller):
    import socket

    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    try:
        for number, peer in enumerate(held):
            peer.sendall(
                agent.head("POST", "/v1/call", "Content-Length: 100")[: 10 + number * 5] if number % 2 else b"P"
            )

        assert other.said()
    finally:
        for peer in held:
            peer.close()
