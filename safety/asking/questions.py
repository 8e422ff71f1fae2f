"""Questions of a server as they may be put: rebuilt from what is known, and marked with who asks. It cleans no text."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import Json, Method, Reason

from .forms import asks_for_secret, form

MAX_TOKENS: Final = 100_000
MAX_MESSAGES: Final = 100
MAX_STOPS: Final = 16

SECRET: Final = Reason(
    code="asking/secret",
    layer="asking",
    message="the server asks for what looks like a secret, and a secret is never asked for on behalf of a server",
    remedy="give it to the server in its entry, or send the person to an https page of a host in `ask_hosts`",
)
NO_PAGE: Final = Reason(
    code="asking/page",
    layer="asking",
    message="the server sends the person to a page that its entry does not name",
    remedy="`ask_hosts` of its entry names the hosts whose https pages it may send a person to",
)
OUT_OF_SHAPE: Final = Reason(
    code="asking/shape", layer="asking", message="the server asks in a way that is not relayed"
)
_MARK: Final = re.compile(r"(server\s*)`", re.IGNORECASE)
"""How a mark begins: a second one, further down in a message, would be another server's."""

_RATES: Final = frozenset({"costPriority", "speedPriority", "intelligencePriority"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """The server that asks."""

    server: str
    hosts: AbstractSet[str]
    """Whose https pages it may send a person to."""

    def marked(self, text: str) -> str:
        """*text*, with who says it in front, in words that no server writes for another."""
        said = _MARK.sub(r"\1'", text)
        return f"server `{self.server}` asks: {said}"


def question(method: Method, params: Mapping[str, Json], asker: Asker) -> dict[str, Json] | Reason:
    """What to put to the client for *params* of *method*; a reason when that may not be asked. *params* are cleaned."""
    match method:
        case Method.ELICITATION:
            return _elicitation(params, asker)
        case Method.SAMPLING:
            return _sampling(params, asker)
        case Method.ROOTS:
            return {}
        case _:
            return OUT_OF_SHAPE


def _elicitation(params: Mapping[str, Json], asker: Asker) -> dict[str, Json] | Reason:
    message, mode = params.get("message"), params.get("mode", "form")
    if not isinstance(message, str) or not isinstance(mode, str) or mode not in {"form", "url"}:
        return OUT_OF_SHAPE
    if mode == "url":
        url, named = params.get("url"), params.get("elicitationId")
        if not isinstance(url, str) or not isinstance(named, str | None):
            return OUT_OF_SHAPE
        if not _may_lead(url, asker.hosts):
            return NO_PAGE
        page: dict[str, Json] = {"mode": "url", "message": asker.marked(message), "url": url}
        return page if named is None else {**page, "elicitationId": named}
    fields = form(params.get("requestedSchema"))
    if isinstance(fields, Reason):
        return fields
    if asks_for_secret(message, fields):
        return SECRET
    return {"mode": "form", "message": asker.marked(message), "requestedSchema": fields}


def _may_lead(url: str, hosts: AbstractSet[str]) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme == "https"
            and parts.hostname in hosts
            and parts.port in {None, 443}
            and parts.username is None
            and parts.password is None
            and url.isascii()
            and url.isprintable()
            and "\\" not in url
        )
    except ValueError:
        return False


def _sampling(params: Mapping[str, Json], asker: Asker) -> dict[str, Json] | Reason:
    """Text only, without tools, and without the context of other servers, whatever `includeContext` asks for."""
    given, most, system = params.get("messages"), params.get("maxTokens"), params.get("systemPrompt", "")
    if not isinstance(given, list) or not 0 < len(given) <= MAX_MESSAGES or params.get("tools"):
        return OUT_OF_SHAPE
    if isinstance(most, bool) or not isinstance(most, int) or most < 1 or not isinstance(system, str):
        return OUT_OF_SHAPE
    messages = [_message(one) for one in given]
    if any(one is None for one in messages):
        return OUT_OF_SHAPE
    asked: dict[str, Json] = {
        "messages": [one for one in messages if one is not None],
        "maxTokens": min(most, MAX_TOKENS),
        "systemPrompt": asker.marked(system),
    }
    temperature, stops = params.get("temperature"), params.get("stopSequences")
    if isinstance(temperature, int | float) and not isinstance(temperature, bool):
        asked["temperature"] = temperature
    if isinstance(stops, list) and len(stops) <= MAX_STOPS and all(isinstance(one, str) for one in stops):
        asked["stopSequences"] = stops
    preferred = params.get("modelPreferences")
    return {**asked, "modelPreferences": _preferences(preferred)} if isinstance(preferred, dict) else asked


def _message(message: Json) -> dict[str, Json] | None:
    match message:
        case {"role": ("user" | "assistant") as role, "content": {"type": "text", "text": str(text)}}:
            return {"role": role, "content": {"type": "text", "text": text}}
        case {"role": ("user" | "assistant") as role, "content": [{"type": "text", "text": str(text)}]}:
            return {"role": role, "content": {"type": "text", "text": text}}
        case _:
            return None


def _preferences(given: Mapping[str, Json]) -> dict[str, Json]:
    kept: dict[str, Json] = {key: one for key, one in given.items() if key in _RATES and isinstance(one, int | float)}
    hints = given.get("hints")
    if isinstance(hints, list):
        names = [one["name"] for one in hints if isinstance(one, dict) and isinstance(one.get("name"), str)]
        kept["hints"] = [{"name": name} for name in names[:8]]
    return kept
