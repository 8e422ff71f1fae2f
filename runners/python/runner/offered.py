"""The package `holdfast` that programs and tools import: what the host may do for them. Whether it does, it decides.

from holdfast import http, kv, log, secrets, tools, workspace
"""

import base64
import json
import sys
import types
from collections.abc import Mapping
from typing import Any

from .calling import HostCall, ToolCallError, Tools

CAPABILITIES = {
    "http": "http",
    "kv": "kv",
    "tools": "tool-invoke",
    "secrets": "secret-exists",
    "workspace.read": "workspace-read",
    "workspace.read_text": "workspace-read",
    "workspace.write": "workspace-write",
}
"""The host function behind each module, or behind the function of one."""


_SUCCESS = 2


class HostError(Exception):
    """The host did not do it. `code` is a reason's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class Response:
    """What a server answered."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.status: int = told["status"]
        self.headers = {name.lower(): value for name, value in told["headers"]}
        self.body = base64.b64decode(told["body"])

    @property
    def ok(self) -> bool:
        """Whether the status is of the 200s."""
        return self.status // 100 == _SUCCESS

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises: ValueError."""
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


_bound: list[HostCall] = []


def bind(host: HostCall) -> None:
    """From here on *host* is asked."""
    _bound[:] = [host]


def _now_bound(name: str, payload: str) -> str:
    return _bound[0](name, payload)


TOOLS = Tools(_now_bound)


def _ask(function: str, /, **payload: Any) -> dict[str, Any]:
    try:
        said: dict[str, Any] = json.loads(_bound[0](function, json.dumps(payload, allow_nan=False)))
    except Exception as error:
        value = getattr(error, "value", None)
        if not isinstance(value, tuple):
            raise
        raise HostError(str(value[0]), str(value[1])) from None
    return said


def _bytes(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else bytes(data)).decode("ascii")


def _request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: str | bytes = b"",
    json: Any = None,
    follow: bool = True,
    timeout_ms: int | None = None,
) -> Response:
    """Make a request where the manifest grants it. Raises: HostError."""
    sent = dict(headers or {})
    if json is not None:
        body = _dumps(json)
        sent.setdefault("content-type", "application/json")
    patience = {} if timeout_ms is None else {"timeout_ms": timeout_ms}
    pairs = [[name, value] for name, value in sent.items()]
    return Response(_ask("http", method=method, url=url, headers=pairs, body=_bytes(body), follow=follow, **patience))


_dumps = json.dumps


def _get(url: str, **more: Any) -> Response:
    """`GET` *url*. Raises: HostError."""
    return _request("GET", url, **more)


def _post(url: str, **more: Any) -> Response:
    """`POST` to *url*. Raises: HostError."""
    return _request("POST", url, **more)


def _kv_get(key: str) -> bytes | None:
    """What is kept under *key*, or None."""
    value = _ask("kv", op="get", key=key)["value"]
    return None if value is None else base64.b64decode(value)


def _kv_set(key: str, value: str | bytes) -> None:
    """Keep *value* under *key*."""
    _ask("kv", op="set", key=key, value=_bytes(value))


def _kv_delete(key: str) -> None:
    """Forget *key*."""
    _ask("kv", op="delete", key=key)


def _kv_keys(prefix: str = "") -> list[str]:
    """The keys that begin with *prefix*, sorted."""
    return list(_ask("kv", op="list", key=prefix)["keys"])


def _read(path: str) -> bytes:
    """A file of the workspace that the manifest grants."""
    return base64.b64decode(_ask("workspace-read", path=path)["data"])


def _read_text(path: str) -> str:
    """The same as text."""
    return _read(path).decode("utf-8")


def _write(path: str, data: str | bytes) -> None:
    """Replace or make a file of the workspace where the manifest grants it."""
    _ask("workspace-write", path=path, data=_bytes(data))


def _exists(name: str) -> bool:
    """Whether there is a secret called *name*."""
    return bool(_ask("secret-exists", name=name)["exists"])


def _log(message: object, level: str = "info") -> None:
    """Say something aside: it is in the record, not in the answer."""
    _ask("log", level=level, message=str(message))


def install() -> None:
    """Make the package importable."""
    parts: dict[str, dict[str, Any]] = {
        "http": {"get": _get, "post": _post, "request": _request, "Response": Response},
        "kv": {"get": _kv_get, "set": _kv_set, "delete": _kv_delete, "keys": _kv_keys},
        "workspace": {"read": _read, "read_text": _read_text, "write": _write},
        "secrets": {"exists": _exists},
    }
    package = types.ModuleType("holdfast", "What the host may do for this program.")
    package.__path__ = []
    package.__dict__.update(log=_log, tools=TOOLS, HostError=HostError, ToolCallError=ToolCallError)
    sys.modules["holdfast"] = package
    sys.modules["holdfast.tools"] = TOOLS  # type: ignore[assignment] -- names of tools are its attributes
    for name, members in parts.items():
        module = types.ModuleType(f"holdfast.{name}")
        module.__dict__.update(members, HostError=HostError)
        for member in members.values():
            member.__name__ = member.__qualname__ = member.__name__.removeprefix("_").removeprefix(f"{name}_")
        sys.modules[module.__name__] = module
        setattr(package, name, module)
