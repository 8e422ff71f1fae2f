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
    staged: bool = False
    """It writes something new that stays put."""
    said: frozenset[str] = frozenset()
    """What is true of its flow, by the names of the facts."""


def expected(profile: str, call: Situation) -> str:
    """Answer `allow`, `deny` or `ask`."""
    if not call.may_call or (call.secret_found and call.effects & OUT):
        return "deny"
    match profile:
        case "readonly":
            return "deny" if call.effects & CHANGING else "allow"
        case "autonomous":
            return "deny" if _leaks(call) or _prompted(call) else "allow"
        case _:
            return "ask" if _leaks(call) or _prompted(call) or _fetch_asks(call) else "allow"


def _leaks(call: Situation) -> bool:
    """Private data could leave on a stranger's word."""
    tainted = "egress" in call.effects and {"private", "untrusted"} <= call.labels
    users_own = "all_from_user" in call.said and "repeated" not in call.said
    return tainted and not users_own and "receivers_listed" not in call.said


def _prompted(call: Situation) -> bool:
    """A stranger may have wanted it, and the user's request does not say so."""
    grave = sink(call) in {"change", "send", "execute", "spend"}
    wanted = "args_from_user" in call.said and "repeated" not in call.said
    known = sink(call) == "send" and {"receivers_listed", "receivers_from_user"} <= call.said
    return "untrusted" in call.labels and grave and not wanted and not known


def sink(call: Situation) -> str:
    """The gravest thing it does."""
    for effect, name in (("spend", "spend"), ("execute", "execute")):
        if effect in call.effects:
            return name
    reads = call.effects & {"read_private", "read_untrusted"}
    if "egress" in call.effects:
        return "query" if reads and "write" not in call.effects else "send"
    if "write" in call.effects:
        return "stage" if call.staged else "change"
    return "none"


def _fetch_asks(call: Situation) -> bool:
    if not call.fetch or "receivers_listed" in call.said:
        return False
    if not _only_reads(call.method, ("GET", "HEAD")):
        return True
    return "private" in call.labels and "all_from_user" not in call.said


def _only_reads(method: str | None, reading: Collection[str]) -> bool:
    return method is None or method in (*reading, *map(str.lower, reading))
