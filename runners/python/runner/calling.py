"""`tools.NAME(...)`: asks the host to call another tool. Whether it may is the host's to say."""

import json
from collections.abc import Callable
from typing import Any

HostCall = Callable[[str, str], str]


class ToolCallError(Exception):
    """Another tool did not answer. `status` is `denied`, `error`, `stopped` or `pending`; `code` a reason's."""

    def __init__(self, status: str, code: str, message: str) -> None:
        super().__init__(f"{status}: {message}" + (f" ({code})" if code else ""))
        self.status = status
        self.code = code


class Answered(dict[str, Any]):
    """The structured answer of a tool, and in `text` what it says beside it."""

    text: str = ""


class Tools:
    """The other tools, as functions that take their arguments by name.

    They answer JSON, with the text beside it as `.text`, or else the text alone.
    """

    def __init__(self, host: HostCall) -> None:
        self._host = host

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The tool *name*; whether there is one shows when it is called."""
        if name.startswith("__"):
            raise AttributeError(name)

        def call(**arguments: Any) -> Any:
            return _call(self._host, name, arguments)

        call.__name__ = call.__qualname__ = name
        return call

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """As `tools.NAME`, for names with a dash in them."""
        return getattr(self, name)

    def __repr__(self) -> str:
        return "<tools of the host: tools.NAME(argument=value)>"


def _call(host: HostCall, name: str, arguments: dict[str, Any]) -> Any:
    payload = json.dumps({"name": name, "arguments": arguments}, allow_nan=False)
    try:
        told = json.loads(host("tool-invoke", payload))
    except Exception as error:
        value = getattr(error, "value", None)
        if not isinstance(value, tuple):
            raise
        raise ToolCallError("denied", str(value[0]), str(value[1])) from None
    if told["status"] != "ok":
        reason = told.get("reason") or {}
        message = reason.get("message") or told.get("text") or "the tool did not answer"
        raise ToolCallError(told["status"], reason.get("code", ""), message)
    structured, text = told.get("structured"), told.get("text") or ""
    if not isinstance(structured, dict):
        return text if structured is None else structured
    answered = Answered(structured)
    answered.text = text
    return answered
