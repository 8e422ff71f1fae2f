"""Finds where leak rules may match, in one pass over bytes. The only module that knows hyperscan; it judges nothing.

1. A scan answers candidate stretches, never matches: RE2 confirms them.
2. Work is bounded: more than `ceiling` reports end the scan, and the answer then says so.
3. Where hyperscan cannot be imported, rules are gated by keyword and the whole text is their stretch.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from holdfast.contracts import Digest, OperatorError

from .encodings import CODED, SIGNS, Sign
from .rules import LeakRule

try:
    import hyperscan as _hyperscan
except ImportError:  # pragma: no cover -- platforms without a wheel
    hyperscan: Any = None
else:
    hyperscan = _hyperscan

Stretch = tuple[int, int]

_MAGIC: Final = b"holdfast-leaks-1\n"
_HEADER: Final = len(_MAGIC) + 2 * 64
_CEILING: Final = 4096
_CEILING_SHARE: Final = 64
"""Reports allowed beyond `_CEILING`: one for so many bytes of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where each rule may match."""

    stretches: tuple[tuple[int, tuple[Stretch, ...]], ...]
    """Rule number, and the stretches of bytes to confirm in, in order, not overlapping."""
    signs: frozenset[Sign]
    """Encodings that may occur in it."""
    flooded: bool
    """There was more than would be looked at; what is above is not all."""


class Scanner(Protocol):
    """Anything that says where rules may match."""

    def sight(self, data: bytes) -> Sighting:
        """Look over *data* once. Thread-safe."""
        ...

    def dump(self) -> bytes:
        """What `open_scanner` can start from the next time; empty when there is nothing to keep."""
        ...


def open_scanner(rules: Sequence[LeakRule], kept: bytes | None = None) -> Scanner:
    """The fastest scanner this machine has for *rules*.

    *kept* is an earlier `dump`; it is used when it was made from these rules by this engine on a machine like this
    one, and made anew otherwise. It is native code in effect: the caller must know where the bytes come from.
    """
    if hyperscan is None:
        return KeywordScanner(rules)  # pragma: no cover -- platforms without a wheel
    return HyperscanScanner(rules, kept)


class KeywordScanner:
    """The fallback: a rule whose keyword occurs may match anywhere."""

    def __init__(self, rules: Sequence[LeakRule]) -> None:
        self._keywords = tuple(tuple(word.encode("ascii") for word in rule.keywords) for rule in rules)

    def sight(self, data: bytes) -> Sighting:
        """Look for every keyword. Slower than hyperscan by orders of magnitude, with the same verdicts."""
        lowered, whole = data.lower(), ((0, len(data)),)
        gated = (number for number, words in enumerate(self._keywords) if any(word in lowered for word in words))
        return Sighting(stretches=tuple((number, whole) for number in gated), signs=frozenset(Sign), flooded=False)

    def dump(self) -> bytes:
        """Nothing to keep."""
        return b""


class _Database:
    """One hyperscan database; each thread has a scratch of its own."""

    def __init__(self, native: Any) -> None:
        self.native = native
        self._local = threading.local()

    def scan(self, data: bytes, ends: dict[int, list[int]], ceiling: int) -> bool:
        """Put where each expression ends into *ends*; answer whether there were more reports than *ceiling*."""
        room = ceiling

        def seen(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            nonlocal room
            room -= 1
            if number in ends:
                ends[number].append(end)
            else:
                ends[number] = [end]
            return True if room < 0 else None

        return self._stopped(data, seen)

    def holds(self, data: bytes) -> bool:
        """Whether any expression occurs in *data*."""
        return self._stopped(data, lambda *_: True)

    def _stopped(self, data: bytes, seen: Callable[..., bool | None]) -> bool:
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self.native)
        try:
            self.native.scan(data, match_event_handler=seen, scratch=scratch)
        except hyperscan.ScanTerminated:
            return True
        return False


class HyperscanScanner:
    """All rules in one database, without start offsets."""

    def __init__(self, rules: Sequence[LeakRule], kept: bytes | None = None) -> None:
        self._reach = tuple((rule.width, rule.width if rule.trigger else 0) for rule in rules)
        expressions = [(rule.trigger or rule.pattern).encode("ascii") for rule in rules]
        self._rules = len(expressions)
        self._identity = _identity(expressions)
        self._main = _Database(_load(kept, self._identity) or _compile(rules, expressions))
        self._words = _Database(_compiled([CODED.encode("ascii")], []))

    def sight(self, data: bytes) -> Sighting:
        """Scan *data* in one pass, and in a second one, for what a long word says, only when there is one."""
        ceiling = _CEILING + len(data) // _CEILING_SHARE
        ends: dict[int, list[int]] = {}
        flooded = self._main.scan(data, ends, ceiling)
        signs = frozenset(sign for at, sign in enumerate(Sign, self._rules) if ends.pop(at, None))
        if Sign.WORD in signs and not self._words.holds(data):
            signs -= {Sign.WORD}
        stretches = tuple((number, self._merged(number, found, len(data))) for number, found in ends.items())
        return Sighting(stretches=stretches, signs=signs, flooded=flooded)

    def dump(self) -> bytes:
        """The compiled database, bound to its rules and to this version of the engine."""
        body = bytes(hyperscan.dumpb(self._main.native))
        return _header(self._identity, body) + body

    def _merged(self, number: int, ends: list[int], size: int) -> tuple[Stretch, ...]:
        """One stretch for ends whose matches could touch, so that confirming costs no byte twice."""
        back, ahead = self._reach[number]
        merged: list[Stretch] = []
        for end in ends:
            start, stop = max(0, end - back), min(size, end + ahead)
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return tuple(merged)


def _identity(expressions: Sequence[bytes]) -> str:
    engine = f"{hyperscan.__version__}\n{list(SIGNS.values())}\n".encode()
    return Digest.of(engine + b"\0".join(expressions)).hex


def _header(identity: str, body: bytes) -> bytes:
    """Binds *body* to its rules and shows damage. It does not show who made it: a key is the caller's business."""
    return _MAGIC + identity.encode("ascii") + Digest.of(body).hex.encode("ascii")


def _compile(rules: Sequence[LeakRule], expressions: Sequence[bytes]) -> Any:
    try:
        return _compiled(expressions, [SIGNS[sign].encode("ascii") for sign in Sign])
    except hyperscan.HyperscanError:
        for rule, expression in zip(rules, expressions, strict=True):
            try:
                _compiled([expression], [])
            except hyperscan.HyperscanError:
                raise OperatorError(
                    f"leak rule `{rule.id}`: hyperscan does not take its pattern: give it a simpler one or a `trigger`"
                ) from None
        raise OperatorError("the leak rules are too large to compile together: remove some") from None


def _compiled(expressions: Sequence[bytes], signs: Sequence[bytes]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    asked = [*expressions, *signs]
    flags = [0] * len(expressions) + [hyperscan.HS_FLAG_SINGLEMATCH] * len(signs)
    database.compile(expressions=asked, ids=list(range(len(asked))), elements=len(asked), flags=flags)
    return database


def _load(kept: bytes | None, identity: str) -> Any:
    if kept is None or kept[:_HEADER] != _header(identity, kept[_HEADER:]):
        return None
    try:
        database = hyperscan.loadb(kept[_HEADER:], hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except hyperscan.HyperscanError:
        return None
    return database
