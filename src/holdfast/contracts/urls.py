"""Reads a URL the one way we will send it, or refuses it; resolves and fetches nothing. Broker and policy both ask it.

1. One reading only. Whatever two programs could read differently is refused: credentials before the host, backslashes,
   controls, encoded slashes, host numbers in other than their plain form, a dot after the host.
2. Percent-encoding is normalised first, dot segments second, so that `%2e%2e` is a dot segment like any other.
3. Letters beyond ASCII are percent-encoded in path and query. In a host they are refused: names are written `xn--`.
4. The fragment is dropped; it is never sent.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from .verdicts import Reason, Refusal

_MOST: Final = 8_192
"""Characters of a URL, before and after; what common servers take."""

_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")
_SPLIT: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<rest>.*)", re.DOTALL
)
_HOST_AND_PORT: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]+))?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_CHARACTERS: Final = 253
_PLAIN_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_HIGHEST_PORT: Final = 65_535

_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IN_PATH: Final = _UNRESERVED | frozenset("!$&'()*+,;=:@/")
_IN_QUERY: Final = _IN_PATH | frozenset("?")
_ENCODED: Final = re.compile(r"%(?:([0-9A-Fa-f]{2})|)")
_TWICE_ENCODED: Final = re.compile(r"%25(?:2[eEfF]|5[cC])")

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place on the web in canonical form."""

    scheme: str
    """`https` or `http`."""
    host: str
    """Lower case; an IPv6 address without brackets."""
    port: int
    path: str
    """Starts with `/`; no dot segments, nothing encoded that need not be."""
    query: str | None

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What the `Host` header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def request_target(self) -> str:
        """What the request line says."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def url(self) -> str:
        """All of it."""
        return f"{self.scheme}://{self.authority}{self.request_target}"

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host if it is an address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def url_refused(message: str) -> Refusal:
    """The URL means different things to different readers, or nothing."""
    remedy = "nothing in the configuration admits such a URL; it must be written plainly"
    return Refusal(Reason(code="egress/url", layer="egress", message=message, remedy=remedy))


def canonical(url: str) -> Target:
    """Read *url*.

    Raises: Refusal `egress/url` when it is ambiguous, malformed or too long, or its scheme is not http or https.
    """
    if len(url) > _MOST:
        raise url_refused(f"the URL is longer than {_MOST} characters")
    if _FORBIDDEN.search(url):
        raise url_refused("the URL holds a control character, a backslash or half a character")
    if url != url.strip():
        raise url_refused("the URL starts or ends with a space")
    parts = _SPLIT.fullmatch(url)
    if parts is None:
        raise url_refused("the URL is not `https://host/path`")
    scheme = parts["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise url_refused("only https and http can be fetched")
    host, port = _host_and_port(parts["authority"])
    rest, _, _fragment = parts["rest"].partition("#")
    target = Target(
        scheme=scheme,
        host=host,
        port=DEFAULT_PORTS[scheme] if port is None else port,
        path=canonical_path(parts["path"]),
        query=_normalised(rest[1:], _IN_QUERY) if rest.startswith("?") else None,
    )
    if len(target.url) > _MOST:
        raise url_refused(f"the URL is longer than {_MOST} characters once it is encoded")
    return target


def redirected(current: Target, location: str) -> Target:
    """The target of the `Location` header *location*, which may be relative to *current*. Raises: as `canonical`."""
    if len(location) > _MOST or _FORBIDDEN.search(location):  # `urljoin` would quietly leave controls out
        raise url_refused("the redirect leads to a URL that is too long or holds a control or a backslash")
    try:
        return canonical(urljoin(current.url, location))
    except ValueError:
        raise url_refused("the redirect leads to what is no URL") from None


def canonical_path(path: str) -> str:
    """*path* with its encoding normalised and its dot segments resolved.

    Raises: Refusal `egress/url` for encoded slashes, backslashes and controls, and dots hidden behind `;`.
    """
    if _TWICE_ENCODED.search(path):
        raise url_refused("the path holds a dot or slash that is encoded twice")
    normal = _normalised(path, _IN_PATH)
    for code in re.findall(r"%([0-9A-F]{2})", normal):
        if code in {"2F", "5C", "7F"} or int(code, 16) < ord(" "):
            raise url_refused("the path holds an encoded slash, backslash or control character")
    kept: list[str] = []
    segments = normal.split("/")[1:] or [""]
    for segment in segments:
        if segment.partition(";")[0] in {".", ".."} and ";" in segment:
            raise url_refused("the path hides a dot segment behind `;`")
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."}:
        kept.append("")
    return "/" + "/".join(kept)


def _host_and_port(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise url_refused("the URL holds credentials before the host; leave them out")
    if not authority.isascii():
        raise url_refused("the host holds letters beyond ASCII; write it in its `xn--` form")
    parts = _HOST_AND_PORT.fullmatch(authority)
    if parts is None:
        raise url_refused("the host is not a name or an address")
    port = parts["port"]
    if port is not None and (not _PLAIN_PORT.fullmatch(port) or int(port) > _HIGHEST_PORT):
        raise url_refused("the port is not a plain number from 1 to 65535")
    return _host(parts["host"].lower()), None if port is None else int(port)


def _host(host: str) -> str:
    try:
        if host.startswith("["):
            return str(ipaddress.IPv6Address(host[1:-1]))
        if _NUMERIC.fullmatch(host.rpartition(".")[2]):
            return str(ipaddress.IPv4Address(host))
    except ValueError:
        raise url_refused(
            "the host is a number in other than its plain form; write 93.184.215.14 or [2606:4700::1]"
        ) from None
    if len(host) > _NAME_CHARACTERS or not all(map(_LABEL.fullmatch, host.split("."))):
        raise url_refused("the host is not a plain name; a dot at its end is refused too")
    return host


def _normalised(text: str, plain: frozenset[str]) -> str:
    """Decode what need not be encoded, encode what must be, and write the rest in capitals."""

    def one(found: re.Match[str]) -> str:
        if found[1] is None:
            raise url_refused("the URL holds a `%` that encodes nothing; write it as `%25`")
        char = chr(int(found[1], 16))
        return char if char in _UNRESERVED else f"%{found[1].upper()}"

    whole = "".join(char if char in plain or char == "%" else _encoded(char) for char in text)
    return _ENCODED.sub(one, whole)


def _encoded(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in char.encode())
