"""Callers over HTTP: agents with their tokens, and bytes as no well-meant client would send them."""

import http.client
import json
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .watching import DEADLINE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    raw: bytes
    headers: Mapping[str, str]

    @property
    def body(self) -> Any:
        """The JSON in it."""
        return json.loads(self.raw)

    @property
    def code(self) -> str | None:
        """The reason's code, of a ToolResult that has one."""
        reason = self.body.get("reason")
        return None if reason is None else reason["code"]

    @property
    def text(self) -> str:
        """All text blocks of a ToolResult."""
        return "".join(block.get("text", "") for block in self.body["content"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody with a token."""

    port: int
    token: str
    name: str = ""
    session: str | None = None

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request; header names are written with `_` for `-`."""
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2 * DEADLINE_S)
        try:
            connection.request(method, path, body=body, headers={k: v for k, v in sent.items() if v})
            came = connection.getresponse()
            return Answer(status=came.status, raw=came.read(), headers={k.lower(): v for k, v in came.getheaders()})
        finally:
            connection.close()

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """Send *body* as JSON."""
        return self.send("POST", path, json.dumps(body).encode(), **headers)

    def get(self, path: str) -> Answer:
        """Ask for *path*."""
        return self.send("GET", path, Content_Type="")

    def call(self, tool: str, arguments: Mapping[str, object], **fields: object) -> Answer:
        """Call *tool*."""
        return self.post("/v1/call", {"tool": tool, "arguments": arguments, **fields})

    def said(self, text: str = "still here") -> bool:
        """Whether the server answers this caller's echo."""
        answer = self.call("echo", {"text": text})
        return answer.status == 200 and answer.text == text

    def begin(self, tool: str, arguments: Mapping[str, object], **fields: object) -> socket.socket:
        """Send a call and wait for nothing; closing the socket is how a client goes away."""
        body = json.dumps({"tool": tool, "arguments": arguments, **fields}).encode()
        peer = socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)
        peer.sendall(self.head("POST", "/v1/call", f"Content-Length: {len(body)}") + body)
        return peer

    def head(self, method: str, path: str, *lines: str) -> bytes:
        """The head of a request as bytes, to be sent by `exchange`."""
        written = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        written += [f"Authorization: Bearer {self.token}", "Content-Type: application/json", *lines]
        return "\r\n".join(written).encode() + b"\r\n\r\n"

    def exchange(self, data: bytes) -> bytes:
        """Send *data* as it is, and read until the server closes or has nothing to say any more."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S) as peer:
            sending = threading.Thread(target=_send, args=(peer, data), daemon=True)
            sending.start()
            came = b""
            with suppress(OSError):
                while piece := peer.recv(65_536):
                    came += piece
            sending.join(DEADLINE_S)
            return came


def called(caller: Caller, tool: str, arguments: Mapping[str, object], *, other: Caller) -> Answer:
    """Call *tool* as *caller*, and see *other* served again and again until there is an answer."""
    answers: list[Answer] = []
    ended = threading.Event()

    def work() -> None:
        try:
            answers.append(caller.call(tool, arguments))
        finally:
            ended.set()

    threading.Thread(target=work, daemon=True).start()
    while True:
        assert other.said(), "somebody else is not served"
        if ended.wait(0.1):
            return answers[0]


def _send(peer: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # a server that has heard enough closes its end
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
