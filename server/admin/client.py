"""Asks the running server of a data directory to do a verb. Knows no verb, and speaks only to its own user or root."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from holdfast.contracts import Forbidden, InternalError, Json, JsonObject, OperatorError

from .peers import address_of, is_trusted, peer_uid
from .wire import MAX_ANSWER, Request, read_answer, write_request

TIMEOUT_S = 1860.0
"""The longest call there can be (30 minutes), and a minute."""
_PIECE = 1 << 16


class NotRunning(OperatorError):
    """No server listens on the data directory."""


class AdminClient:
    """The admin socket at *path*, from the outside. Each call is one connection."""

    def __init__(self, path: Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self._path = path
        self._timeout_s = timeout_s

    def answers(self) -> bool:
        """Whether a server of our own user or root listens there."""
        try:
            with self._connected():
                return True
        except (NotRunning, Forbidden):
            return False

    def call(self, verb: str, params: JsonObject) -> Json:
        """Have *verb* done and answer its value.

        Raises: NotRunning; Forbidden when somebody else listens there; whatever the verb raised.
        """
        line = write_request(Request(verb=verb, params=params))
        with self._connected() as connection:
            try:
                connection.sendall(line)
                answer = _read_line(connection)
            except TimeoutError:
                raise InternalError("the server did not answer in time") from None
            except OSError:
                raise InternalError("the server went away before it answered") from None
        return read_answer(answer)

    @contextmanager
    def _connected(self) -> Generator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self._timeout_s)
            try:
                with address_of(self._path) as address:
                    connection.connect(address)
            except OSError:
                raise NotRunning(
                    "no server runs on this data directory", remedy="start one with `holdfast serve`"
                ) from None
            if not is_trusted(peer_uid(connection)):
                raise Forbidden("another user listens on the admin socket", remedy="check who owns the data directory")
            yield connection


def _read_line(connection: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        piece = connection.recv(_PIECE)
        if not piece:
            raise InternalError("the server went away before it answered")
        line += piece
        if len(line) > MAX_ANSWER:
            raise InternalError("the server's answer is too large")
    return bytes(line)
