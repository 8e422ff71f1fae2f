"""`http_fetch`: one HTTP request through the egress broker; never opens a connection of its own."""

import codecs
import re
from dataclasses import dataclass, replace
from email.message import Message
from typing import Final
from urllib.parse import urlsplit

from holdfast.contracts import (
    Authorized,
    Builtin,
    Completed,
    Digest,
    Effect,
    Egress,
    FlowSpec,
    HttpGrant,
    HttpRequest,
    HttpResponse,
    InvalidRequest,
    Json,
    Label,
    Outcome,
    Text,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text, text_or

_FIRST_ERROR: Final = 400
_SHOWN: Final = ("content-type", "content-language", "last-modified", "etag", "retry-after", "link")
"""Headers an agent has a use for."""

_TEXTS: Final = frozenset(
    {
        *("application/json", "application/xml", "application/javascript", "application/ecmascript"),
        *("application/yaml", "application/x-yaml", "application/toml", "application/x-www-form-urlencoded"),
        *("application/graphql", "application/sql", "application/x-sh", "application/x-ndjson", "application/jsonl"),
    }
)
_HTML: Final = frozenset({"text/html", "application/xhtml+xml"})
_CHARSETS: Final = frozenset(
    {
        *("utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "utf-32"),
        *(f"iso8859-{part}" for part in (*range(1, 12), *range(13, 17))),
        *(f"cp{number}" for number in (437, 850, 866, 874, *range(1250, 1259))),
        *(
            "gb2312",
            "gbk",
            "gb18030",
            "big5",
            "big5hkscs",
            "euc_jp",
            "iso2022_jp",
            "shift_jis",
            "cp932",
            "euc_kr",
            "cp949",
        ),
        *("koi8-r", "koi8-u", "mac-roman", "tis-620"),
    }
)
"""Names as `codecs` gives them. Python has codecs that are no charsets; a server must not choose among those."""

_MARKS: Final = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META: Final = re.compile(rb"<meta\s[^<>]{0,300}?charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]{1,40})", re.IGNORECASE)
_LOOKED_AT: Final = 1024
"""Bytes in which an HTML document says its charset, by the standard."""

SPEC: Final = ToolSpec(
    name=ToolName("http_fetch"),
    title="Fetch from the web",
    description=(
        "Makes one HTTP request and answers status, final URL, content type and body. GET of public https pages unless "
        "more is granted. Follows at most five redirects. Text is decoded; of anything else only size and digest are "
        "told. Cookies and credentials in the URL are refused."
    ),
    input_schema=strict_object(
        {
            "url": {"type": "string", "minLength": 1, "maxLength": 8192, "description": "https://host/path"},
            "method": {
                "type": "string",
                "enum": ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
                "description": "GET if absent.",
            },
            "headers": {
                "type": "object",
                "additionalProperties": {"type": "string", "maxLength": 8192},
                "maxProperties": 50,
                "description": "Request headers. Host, Cookie, Content-Length and their like are not yours to set.",
            },
            "body": {"type": "string", "description": "Sent as UTF-8; give a Content-Type with it."},
        },
        required=("url",),
    ),
    effects=frozenset({Effect.EGRESS, Effect.READ_UNTRUSTED}),
    flow=FlowSpec(receivers=("url",)),
    runtime=Builtin(),
    limits=BUILTIN,
)


class HttpFetch:
    """The `Handler` of `http_fetch`."""

    def __init__(self, egress: Egress, grants: tuple[HttpGrant, ...]) -> None:
        """Fetch through *egress* what *grants* admit."""
        self._egress = egress
        self._grants = grants

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Make the request of *call*; an answer of 400 and more is an error of the tool.

        Raises: InvalidRequest for headers that are not text; Refusal and ToolError as the broker does.
        """
        request = HttpRequest(
            method=text_or(call, "method", "GET"),
            url=text(call, "url"),
            headers=_headers(call.arguments.get("headers")),
            body=text_or(call, "body", "").encode("utf-8", "replace"),
        )
        # What was judged was this host: whoever holds private data is led to no other by a redirect.
        private = Label.PRIVATE in call.session.labels
        grants = _narrowed(self._grants, request.url) if private else self._grants
        response = await self._egress.fetch(request, grants, wall_ms=call.limits.wall_ms)
        return _completed(response)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a `Content-Type` says."""

    media_type: str
    """Lower case, without parameters; empty when there is none."""
    charset: str | None
    """One of ours; None when it says none."""


def _narrowed(grants: tuple[HttpGrant, ...], url: str) -> tuple[HttpGrant, ...]:
    """What *grants* admit at the host of *url*, and nowhere else."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        host = ""
    if not host:
        return grants  # the broker says what is wrong with it
    return tuple(replace(grant, host=host) for grant in grants if _admits(grant.host, host))


def _admits(pattern: str, host: str) -> bool:
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _headers(value: Json) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise InvalidRequest("`headers` is an object of strings")
    pairs = tuple((name, one) for name, one in value.items() if isinstance(one, str))
    if len(pairs) != len(value):
        raise InvalidRequest("`headers` is an object of strings")
    return pairs


def _completed(response: HttpResponse) -> Completed:
    kind = _kind(next((value for name, value in response.headers if name == "content-type"), ""))
    shown = {name: value for name, value in response.headers if name in _SHOWN}
    lines = [f"{response.status} {response.url}", *(f"{name}: {value}" for name, value in shown.items())]
    structured: dict[str, Json] = {
        "status": response.status,
        "url": response.url,
        "redirects": response.hops,
        "content_type": kind.media_type,
        "headers": dict(shown),
        "bytes": len(response.body),
    }
    body = _body(response.body, kind)
    if body is None:
        digest = str(Digest.of(response.body))
        structured["digest"] = digest
        body = Text(text=f"The body is not text: {len(response.body)} bytes, {digest}.")
    return Completed(
        content=(Text(text="\n".join(lines)), body), structured=structured, is_error=response.status >= _FIRST_ERROR
    )


def _body(data: bytes, kind: _Kind) -> Text | None:
    """*data* as text, or None when it is none."""
    if kind.media_type in _HTML:
        return Text(text=_decoded(data, kind.charset or _charset_within(data)), media_type="text/html")
    if _is_text(kind.media_type):
        return Text(text=_decoded(data, kind.charset), media_type=kind.media_type)
    if kind.media_type:
        return None
    try:  # nothing is said about it: UTF-8 without NUL is text
        return None if b"\0" in data else Text(text=data.decode("utf-8"))
    except UnicodeDecodeError:
        return None


def _is_text(media_type: str) -> bool:
    return media_type.startswith("text/") or media_type in _TEXTS or media_type.endswith(("+json", "+xml", "+yaml"))


def _decoded(data: bytes, charset: str | None) -> str:
    """*data* as text, once: what is scanned is what is delivered. A mark at its beginning says more than its header."""
    if data.startswith(codecs.BOM_UTF8):
        return data.decode("utf-8", "replace")  # this mark is part of the file, and stays
    for mark, marked in _MARKS:
        if data.startswith(mark) and charset != "utf-32":
            return data[len(mark) :].decode(marked, "replace")
    return data.decode(charset or "utf-8", "replace")


def _charset_within(data: bytes) -> str | None:
    """What an HTML document says of itself near its beginning."""
    found = _META.search(data[:_LOOKED_AT])
    charset = None if found is None else _charset(found[1].decode("ascii"))
    return None if charset is None or charset.startswith(("utf-16", "utf-32")) else charset  # it was read as ASCII


def _kind(content_type: str) -> _Kind:
    message = Message()
    message["content-type"] = content_type
    media_type = message.get_content_type() if "/" in content_type else ""
    named = message.get_content_charset()
    return _Kind(media_type=media_type, charset=None if named is None else _charset(named) or "utf-8")


def _charset(name: str) -> str | None:
    """The charset of ours that *name* names. Latin-1 and ASCII are read as every browser reads them."""
    try:
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if known in ("iso8859-1", "ascii"):
        return "cp1252"
    return known if known in _CHARSETS else None
