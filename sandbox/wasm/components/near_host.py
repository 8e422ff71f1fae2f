"""The interface `near:agent/host` of 0.3 and 0.4: its shapes, and each function as a call to the parent.

A refusal is what the function's own type has for it: an error, none, false. Where the type has nothing, a log line is
dropped and the guest stops. What a function of another name or type would do is not guessed: it is refused.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any, Final

from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import Json, canonical, parse

from ..hostcalls import HostCalls, HostLost, HostRefused
from ..report import ModuleRefused, shown
from .lowering_unsafe import StopGuest
from .shapes import (
    BOOL,
    STRING,
    U16,
    U32,
    U64,
    Bytes,
    Enum,
    Option,
    Record,
    Result,
    Signature,
    Variant,
)
from .values import Case, Some, Value
from .world import Interface, Offered, World

_LEVELS: Final = Enum(("trace", "debug", "info", "warn", "error"))
_RESPONSE: Final = Record((("status", U16), ("headers-json", STRING), ("body", Bytes())))

HOST: Final[Mapping[str, Signature]] = {
    "log": Signature(parameters=(("level", _LEVELS), ("message", STRING)), result=None),
    "now-millis": Signature(parameters=(), result=U64),
    "workspace-read": Signature(parameters=(("path", STRING),), result=Option(STRING)),
    "http-request": Signature(
        parameters=(
            ("method", STRING),
            ("url", STRING),
            ("headers-json", STRING),
            ("body", Option(Bytes())),
            ("timeout-ms", Option(U32)),
        ),
        result=Result(_RESPONSE, STRING),
    ),
    "tool-invoke": Signature(parameters=(("alias", STRING), ("params-json", STRING)), result=Result(STRING, STRING)),
    "secret-exists": Signature(parameters=(("name", STRING),), result=BOOL),
}
CAPABILITIES: Final[Mapping[str, str]] = {
    "log": "log",
    "now-millis": "now",
    "workspace-read": "workspace-read",
    "http-request": "http",
    "tool-invoke": "tool-invoke",
    "secret-exists": "secret-exists",
}
"""The name of each function's host call."""

REQUEST: Final = Record((("params", STRING), ("context", Option(STRING))))
TYPED: Final = Variant(
    (
        ("success", STRING),
        (
            "failure",
            Record(
                (
                    (
                        "kind",
                        Enum(
                            (
                                "auth-required",
                                "input",
                                "output-too-large",
                                "executor",
                                "network-denied",
                                "client",
                                "operation-failed",
                            )
                        ),
                    ),
                    ("code", Option(STRING)),
                    ("message", Option(STRING)),
                )
            ),
        ),
    )
)
"""What `execute` answers since 0.4.1."""
UNTYPED: Final = Record((("output", Option(STRING)), ("error", Option(STRING))))
"""What it answered before."""
EXECUTE: Final = "execute"
TELLS: Final = ("schema", "description")
"""What it is asked before it is registered, where its manifest leaves it out."""


def execute_of(world: World) -> Offered:
    """The function that runs the tool. Raises: ModuleRefused."""
    found = next((one for one in world.offered if one.path[1:] == (EXECUTE,)), None)
    if found is None:
        raise ModuleRefused("this near:agent tool exports no `execute`")
    return found


def telling_of(world: World) -> Mapping[str, Offered]:
    """Those functions, of `TELLS`, that say in a text what the tool is."""
    says = Signature(parameters=(), result=STRING)
    return {
        one.path[1]: one
        for one in world.offered
        if one.path[1:2] in {(name,) for name in TELLS} and one.signature == says
    }


def check_tool(world: World) -> None:
    """Whether `execute` is of a type that this version knows. Raises: ModuleRefused."""
    signature = execute_of(world).signature
    given = [shape for _, shape in signature.parameters]
    if given != [REQUEST] or signature.result not in {TYPED, UNTYPED}:
        raise ModuleRefused("this near:agent tool has an `execute` of a type that this version does not know")


def check_host(interfaces: tuple[Interface, ...]) -> None:
    """Whether every host function that is imported is one of ours, of our type. Raises: ModuleRefused."""
    for interface in interfaces:
        for name, signature in interface.functions:
            ours = HOST.get(name)
            if ours is None:
                raise ModuleRefused(f"nothing answers the import `{shown(interface.name)}.{shown(name)}`")
            if signature is None or _types(signature) != _types(ours):
                raise ModuleRefused(f"the import `{shown(interface.name)}.{shown(name)}` has another type than ours")


def _types(signature: Signature) -> Any:
    return [shape for _, shape in signature.parameters], signature.result


class NearHost:
    """The host functions of one worker, by name, as they are called with values."""

    def __init__(self, host: HostCalls) -> None:
        self._host = host
        self.functions: Mapping[str, Callable[..., Value]] = {
            "log": self._log,
            "now-millis": self._now,
            "workspace-read": self._read,
            "http-request": self._http,
            "tool-invoke": self._invoke,
            "secret-exists": self._secret,
        }

    def _ask(self, function: str, /, **payload: Json) -> Mapping[str, Json]:
        """Raises: HostRefused; StopGuest when there is nobody to ask."""
        try:
            answer = parse(self._host.call(function, canonical(payload)))
        except HostLost:
            raise StopGuest("the host is gone") from None
        except MalformedJson:
            raise HostRefused("host/payload", "what was said is not JSON") from None
        return answer if isinstance(answer, dict) else {}

    def _log(self, level: str, message: str) -> None:
        try:
            self._ask("log", level=level, message=message)
        except HostRefused:
            return  # over its lines, or not listened to: a log has no answer

    def _now(self) -> int:
        try:
            said = self._ask("now").get("ms")
        except HostRefused as refused:
            raise StopGuest(_refusal(refused)) from None
        return said if isinstance(said, int) else 0

    def _read(self, path: str) -> Value:
        try:
            said = self._ask("workspace-read", path=path).get("data")
            return Some(b64decode(str(said)).decode("utf-8"))
        except (HostRefused, UnicodeDecodeError):
            return None

    def _http(self, method: str, url: str, headers: str, body: Some | None, timeout_ms: Some | None) -> Case:
        pairs = _header_pairs(headers)
        if pairs is None:
            return Case("error", "headers-json is not an object of texts")
        sent = b64encode(body.payload if body is not None else b"").decode("ascii")
        patience: dict[str, Json] = {} if timeout_ms is None else {"timeout_ms": max(1, timeout_ms.payload)}
        try:
            said = self._ask("http", method=method.upper(), url=url, headers=pairs, body=sent, **patience)
        except HostRefused as refused:
            return Case("error", _refusal(refused))
        return Case(
            "ok",
            {
                "status": said.get("status", 0),
                "headers-json": json.dumps(_joined(said.get("headers"))),
                "body": b64decode(str(said.get("body", ""))),
            },
        )

    def _invoke(self, name: str, params: str) -> Case:
        try:
            arguments = parse(params)
        except MalformedJson as error:
            return Case("error", f"params-json: {error.message}")
        try:
            said = self._ask("tool-invoke", name=name, arguments=arguments)
        except HostRefused as refused:
            return Case("error", _refusal(refused))
        if said.get("status") == "ok":
            structured = said.get("structured")
            return Case("ok", str(said.get("text", "")) if structured is None else canonical(structured).decode())
        reason = said.get("reason")
        why = reason.get("message") if isinstance(reason, dict) else said.get("text")
        return Case("error", str(why or "the tool failed"))

    def _secret(self, name: str) -> bool:
        try:
            return self._ask("secret-exists", name=name).get("exists") is True
        except HostRefused:
            return False


def _refusal(refused: HostRefused) -> str:
    return f"{refused.code}: {refused.message}"


def _header_pairs(text: str) -> list[Json] | None:
    try:
        said = parse(text) if text.strip() else {}
    except MalformedJson:
        return None
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        return None
    return [[name, value] for name, value in said.items()]


def _joined(pairs: Json) -> dict[str, str]:
    """Headers as one object: of a name that comes again, all values in one, as HTTP has it."""
    joined: dict[str, str] = {}
    for pair in pairs if isinstance(pairs, list) else ():
        match pair:
            case [str() as name, str() as value]:
                joined[name] = f"{joined[name]}, {value}" if name in joined else value
            case _:
                pass
    return joined
