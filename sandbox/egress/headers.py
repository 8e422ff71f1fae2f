"""Which methods, headers and bodies a caller may set, and which headers follow a redirect; sends nothing."""

import re
from typing import Final

from .refusals import refused

Headers = tuple[tuple[str, str], ...]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_NEVER_METHODS: Final = frozenset({"CONNECT", "TRACE"})

_OURS: Final = frozenset(
    {
        # They say where the message goes and where it ends. That is ours to say, or a request hides inside another.
        *("host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"),
        *("expect", "http2-settings"),
        # State of a browser we are not.
        *("cookie", "cookie2"),
        # They make a server take one method for another, after the method was judged.
        *("x-http-method", "x-http-method-override", "x-method-override"),
    }
)
_INNOCENT: Final = frozenset({"accept", "accept-language", "range", "user-agent"})
"""Followed to another origin. Anything else may be a credential: services name theirs as they like."""

ACCEPT_ENCODING: Final = "gzip, deflate"
_REPLACED: Final = frozenset({"accept-encoding"})
"""Set by us: what comes back is decompressed here, under a limit."""


def checked_method(method: str) -> str:
    """*method* in capitals. Raises: Refusal `egress/method` when it is none, or never allowed."""
    upper = method.upper()
    if not _METHOD.fullmatch(upper) or upper in _NEVER_METHODS:
        raise refused("method", "the method is not one that can be sent; use GET, HEAD, POST, PUT, PATCH or DELETE")
    return upper


def checked_headers(headers: Headers, *, most_bytes: int) -> Headers:
    """*headers* with names in lower case, without those that we set.

    Raises: Refusal `egress/header` for a header that is ours to set, is malformed, or goes over *most_bytes* in all.
    """
    if sum(len(name) + len(value) + 4 for name, value in headers) > most_bytes:
        raise refused("header", f"the headers are over {most_bytes} bytes together")
    return tuple((name.lower(), value) for name, value in map(_checked, headers) if name.lower() not in _REPLACED)


def for_another_origin(headers: Headers) -> Headers:
    """Those of *headers* that cannot be a credential."""
    return tuple((name, value) for name, value in headers if name in _INNOCENT)


def without_body(headers: Headers) -> Headers:
    """*headers* without those that describe a body."""
    return tuple((name, value) for name, value in headers if not name.startswith("content-"))


def _checked(header: tuple[str, str]) -> tuple[str, str]:
    name, value = header
    if not _TOKEN.fullmatch(name):
        raise refused("header", "a header has a name with other than letters, digits and `-`")
    lower = name.lower()
    if lower in _OURS or lower.startswith("proxy-"):
        raise refused("header", f"the header `{lower}` is not the caller's to set; leave it out")
    if not _VALUE.fullmatch(value):
        raise refused("header", f"the header `{lower}` holds a line break, a control or a letter beyond ASCII")
    return name, value.strip(" \t")
