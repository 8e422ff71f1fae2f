"""Says which host a written destination leads to, as a lenient browser would, and whether it is listed; pure text."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

LOOKED_AT: Final = 256
"""Characters of a destination that say where it leads; an authority that goes on beyond them is listed nowhere."""
_CUT: Final = "\ufffd"
"""Stands where a destination goes on, so that no part of a host passes for all of it."""
_SHOWN: Final = 200
"""Characters of a destination that are shown in its place."""

_WEB: Final = frozenset({"http", "https", "ws", "wss", "ftp"})
"""Schemes whose authority needs no slashes."""
_PARTS: Final = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?([/\\]*)([^/\\?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_PLAINLY: Final = re.compile(r"https?://([a-zA-Z0-9][a-zA-Z0-9.-]*+)(?::\d{1,5}+)?(?=[/?#]|$)")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_UNSEEN: Final = re.compile(
    r"[\x00-\x20\x7f-\xa0\xad\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff]"
)
"""What readers pass over in an address."""
_PORT: Final = re.compile(r":\d*$")
_NOT_SHOWN: Final = re.compile(r"[^!-;=?-Z^_a-z~{}]|[()]")
"""What could end a code span, begin markup, or show as something else."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Hosts that may be linked: exact names, and `.suffix` for all names below one."""

    hosts: frozenset[str]
    suffixes: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> "Listed | None":
        """What *patterns* (`host`, `*.suffix`) list; None when `*` lists every host."""
        written = {pattern.lower().rstrip(".").strip("[]") for pattern in patterns}
        if "*" in written:
            return None
        suffixes = sorted(pattern[1:] for pattern in written if pattern.startswith("*."))
        return cls(frozenset(pattern for pattern in written if not pattern.startswith("*.")), tuple(suffixes))

    def admits(self, host: str) -> bool:
        """Whether *host*, folded, is listed."""
        return host in self.hosts or (bool(self.suffixes) and host.endswith(self.suffixes))


@dataclass(frozen=True, slots=True)
class Target:
    """Where a destination leads: a folded host, and what follows it as written."""

    host: str
    rest: str

    def shown(self, *, query: bool) -> str:
        """As a code span that nothing links: host and path, and the query if it is asked for."""
        path, mark, asked = self.rest.partition("#")[0].partition("?")
        whole = self.host + path + (mark + asked if query else mark and "?...")
        plain = _NOT_SHOWN.sub(_percent, whole[:_SHOWN])
        return f"`{plain}{'...' if len(whole) > _SHOWN else ''}`"


def targets(destination: str) -> Iterator[Target]:
    """Every host that *destination* may lead to, by however lenient a reader; none for what stays where it is."""
    written = destination if len(destination) <= LOOKED_AT else destination[:LOOKED_AT] + _CUT
    plain = _PLAINLY.match(written)
    if plain is not None:  # nothing that comes after such a beginning can change its host for anybody
        yield Target(plain[1].lower().rstrip("."), written[plain.end() :])
        return
    resolved = html.unescape(written)
    for reading in dict.fromkeys((_ESCAPED.sub(r"\1", resolved), resolved, written)):
        target = _target(_UNSEEN.sub("", reading))
        if target is not None:
            yield target


def leads_outside(destination: str, listed: Listed) -> Target | None:
    """The target of *destination* that is not *listed*, if there is one."""
    return next((target for target in targets(destination) if not listed.admits(target.host)), None)


def _target(url: str) -> Target | None:
    found = _PARTS.match(url)
    if found is None:
        return None
    scheme, slashes, authority, rest = (found[1] or "").lower(), found[2], found[3], found[4]
    if scheme not in _WEB and len(slashes) < 2:  # noqa: PLR2004 -- `//host`
        return None
    host = _PORT.sub("", unquote(authority.rpartition("@")[2]))
    folded = unicodedata.normalize("NFKC", host).lower().rstrip(".").strip("[]")
    return Target(folded, rest) if folded else None


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))
