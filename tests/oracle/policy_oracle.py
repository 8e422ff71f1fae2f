"""The shipped profiles once more, as plain tables: written from what they promise, not from the Cedar text."""

from collections.abc import Collection
from dataclasses import dataclass

OUT = {"egress", "execute"}
CHANGING = {"write", "egress", "execute", "spend"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the shipped policies look at, apart from names of files."""

    effects: frozenset[str]
    labels: frozenset[str]
    may_call: bool
    secret_found: bool
    method: str | None
    """Of `http_fetch`; None for every other tool."""
    fetch: bool
    """Whether it is `http_fetch`."""


def expected(profile: str, call: Situation) -> str:
    """Answer `allow`, `deny` or `ask`."""
    if not call.may_call or (call.secret_found and call.effects & OUT):
        return "deny"
    tainted = "egress" in call.effects and {"private", "untrusted"} <= call.labels
    match profile:
        case "readonly":
            return "deny" if call.effects & CHANGING else "allow"
        case "autonomous":
            return "deny" if tainted else "allow"
        case _:
            return "ask" if tainted or call.effects & {"execute", "spend"} or _fetch_asks(call) else "allow"


def _fetch_asks(call: Situation) -> bool:
    return call.fetch and ("private" in call.labels or not _only_reads(call.method, ("GET", "HEAD")))


def _only_reads(method: str | None, reading: Collection[str]) -> bool:
    return method is None or method in (*reading, *map(str.lower, reading))
