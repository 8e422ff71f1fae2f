"""Answers a plugin's host functions in the worker: variables and logs of one call here, HTTP through the parent.

1. Everything kept is for one call and bounded: variables to 1 MiB, logs as every guest's are.
2. A refusal stops the plugin, because its interface has no other way to be told; the reason is kept in `stopped`.
3. No redirect is followed: the plugin sees the answer that came, whatever its status.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn, cast

from ..capture import Log
from ..ffi_unsafe import Instance, Memory, Name, StopGuest
from ..hostcalls import HostCalls, HostLost, HostRefused
from .link_unsafe import call_words

VARIABLES_BYTES: Final = 1 << 20
"""Names and values together, in one call; what Extism allows by default."""
VARIABLES: Final = 10_000
_LOG_LEVEL: Final = 2  # of 0 trace, 1 debug, 2 info, 3 warn, 4 error: a plugin's kit does not send what is below
_LEVELS: Final = ("trace", "debug", "info", "warn", "error")
_MEMORY, _ALLOC, _LENGTH, _SHORT = Name("memory"), Name("alloc"), Name("length"), Name("short")


class Kernel:
    """The kernel of one call, as the worker uses it."""

    __slots__ = ("_alloc", "_instance", "_length", "memory")

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._alloc = instance.function(_ALLOC)
        self._length = instance.function(_LENGTH)
        self.memory: Memory = instance.memory(_MEMORY)

    @property
    def short(self) -> bool:
        """Whether it had to refuse memory."""
        return self._instance.global_i32(_SHORT) != 0

    def call(self, context: Any, name: Name, arguments: tuple[int, ...], results: int) -> int:
        """Call its function *name*. Raises: Trap, WasmtimeError, BrokenAbi."""
        return call_words(context, self._instance.function(name), arguments, results)

    def take(self, context: Any, at: int) -> bytes:
        """The block at *at*; empty when there is none. Raises: BrokenAbi when it would reach outside the memory."""
        length = call_words(context, self._length, (at,), 1) if at else 0
        return self.memory.read(at, length) if length else b""

    def give(self, context: Any, data: bytes) -> int:
        """A new block that holds *data*, or 0 when *data* is empty. Raises: StopGuest when there is no room."""
        if not data:
            return 0
        at = call_words(context, self._alloc, (len(data),), 1)
        if not at:
            raise StopGuest
        self.memory.write(at, data)
        return at


class PluginHost:
    """The host functions of one plugin; `begin` and `end` bracket a call."""

    def __init__(self, host: HostCalls) -> None:
        self._host = host
        self._kernel: Kernel | None = None
        self._log = Log()
        self._variables: dict[bytes, bytes] = {}
        self._room = VARIABLES_BYTES
        self._status = 0
        self._headers = b""
        self.stopped = ""
        """Why a host function stopped the plugin: a reason's code and a sentence."""

    def begin(self, kernel: Kernel, log: Log) -> None:
        """A call begins, with *kernel* and *log*."""
        self.end()
        self._kernel, self._log = kernel, log

    def end(self) -> None:
        """The call is over: nothing of it stays."""
        self._kernel, self._log = None, Log()
        self._variables, self._room = {}, VARIABLES_BYTES
        self._status, self._headers, self.stopped = 0, b"", ""

    def functions(self) -> Mapping[str, Callable[..., int | None]]:
        """What answers each name of `interface.HOST`."""
        return {
            **{f"log_{level}": self._logging(level) for level in _LEVELS},
            "get_log_level": self._get_log_level,
            "config_get": self._config_get,
            "var_get": self._var_get,
            "var_set": self._var_set,
            "http_request": self._http_request,
            "http_status_code": self._http_status_code,
            "http_headers": self._http_headers,
        }

    def _running(self) -> Kernel:
        if self._kernel is None:
            raise StopGuest
        return self._kernel

    def _logging(self, level: str) -> Callable[[Any, int], None]:
        def said(context: Any, message: int) -> None:
            text = self._running().take(context, message)
            if _LEVELS.index(level) >= _LOG_LEVEL:
                self._log.write(level.encode() + b": " + text + b"\n")

        return said

    def _get_log_level(self, _context: Any) -> int:
        return _LOG_LEVEL

    def _http_status_code(self, _context: Any) -> int:
        return self._status

    def _http_headers(self, context: Any) -> int:
        return self._running().give(context, self._headers)

    def _config_get(self, context: Any, name: int) -> int:
        self._running().take(context, name)
        return 0  # no manifest key says what a plugin's configuration is, so there is none

    def _var_get(self, context: Any, name: int) -> int:
        kernel = self._running()
        return kernel.give(context, self._variables.get(kernel.take(context, name), b""))

    def _var_set(self, context: Any, name: int, value: int) -> None:
        kernel = self._running()
        key = kernel.take(context, name)
        before = self._variables.pop(key, None)
        self._room += 0 if before is None else len(key) + len(before)
        if not value:
            return
        data = kernel.take(context, value)
        self._room -= len(key) + len(data)
        if self._room < 0 or len(self._variables) >= VARIABLES:
            self._stop("host/limit", f"variables hold at most {VARIABLES_BYTES} bytes")
        self._variables[key] = data

    def _http_request(self, context: Any, request: int, body: int) -> int:
        kernel = self._running()
        self._status, self._headers = 0, b""
        asked = self._asked(kernel.take(context, request), kernel.take(context, body))
        try:
            answer = self._host.call("http", asked)
        except HostRefused as error:
            self._stop(error.code, error.message)
        except HostLost:
            self._stop("host/lost", "the parent is gone")
        try:
            read = json.loads(answer)
            headers = _joined(read["headers"])
            status, found = int(read["status"]), base64.b64decode(read["body"], validate=True)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            self._stop("host/lost", "the parent said what is no answer")
        self._status, self._headers = status, json.dumps(headers).encode("ascii")
        return kernel.give(context, found)

    def _asked(self, request: bytes, body: bytes) -> bytes:
        """The request as the parent reads it. Raises: StopGuest when it is not in Extism's form."""
        said = http_request(request, body)
        if said is None:
            self._stop("host/arguments", "an HTTP request is an object with a url, a method and headers")
        return said

    def _stop(self, code: str, message: str) -> NoReturn:
        self.stopped = f"{code}: {message}"
        raise StopGuest


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Headers as Extism gives them: lower-case names, and what came twice in one line."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    return joined


def http_request(request: bytes, body: bytes) -> bytes | None:
    """Extism's form of a request, JSON, in the parent's form; None when it is not in Extism's."""
    try:
        read: Any = json.loads(request)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    given = cast("dict[str, Any]", read)
    url, method, headers = given.get("url"), given.get("method") or "GET", given.get("headers")
    if not isinstance(url, str) or not isinstance(method, str) or not isinstance(headers, dict | None):
        return None
    pairs = [[name, value] for name, value in cast("dict[str, Any]", headers or {}).items()]
    if not all(isinstance(value, str) for _name, value in pairs):
        return None
    encoded = base64.b64encode(body).decode("ascii")
    said = {"method": method, "url": url, "headers": pairs, "body": encoded, "follow": False}
    try:
        return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:  # half a character: JSON can write it, and no text holds it
        return None
