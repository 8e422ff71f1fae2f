"""Finds where leak rules may match, in one pass over bytes. The only module that knows hyperscan; it judges nothing.

1. A scan answers candidate stretches, never matches: RE2 confirms them.
2. Work is bounded: more than `ceiling` reports end the scan, and the answer then says so.
3. Where hyperscan cannot be imported, rules are gated by keyword and the whole text is their stretch.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from holdfast.contracts import Digest, OperatorError

from ..expressions import expression
from .encodings import CLOSER, SIGNS, Sign
from .mirrored import mirrored
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
_SIGN_BYTES: Final = 40
"""The longest sign that is looked at more closely has so many."""
_WORDS: Final = frozenset(CLOSER)
"""Signs that begin with a class of characters. With the rules they would halve the speed of the whole: long words are
looked for apart, and from the first one on for what they say; hex of that length is a long word too."""
_CEILING: Final = 4096
_CEILING_SHARE: Final = 64
"""Reports allowed beyond `_CEILING`: one for so many bytes of text."""
_FEW: Final = 1024
_FEW_SHARE: Final = 16
"""The same for the leak rules in a short text. A file of nothing but passwords has one for every 12 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Where each rule may match."""

    ends: tuple[tuple[int, Sequence[int]], ...] = ()
    """Rule number, and where what the database has of it ends, in order."""
    stretches: tuple[tuple[int, tuple[Stretch, ...]], ...] = ()
    """Rule number, and the stretches of bytes to confirm in, in order, not overlapping."""
    signs: frozenset[Sign]
    """Encodings that may occur in it."""
    flooded: bool
    """There was more than would be looked at; what is above is not all."""


NOTHING: Final = Sighting(signs=frozenset(), flooded=False)
"""No rule and no encoding: most texts."""


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


class Literals(Protocol):
    """Anything that says where given bytes stand."""

    def ends(self, data: bytes) -> list[tuple[int, int]] | None:
        """Number of each literal found, and where it ends; None when there are too many. Thread-safe."""
        ...


def open_literals(literals: Sequence[bytes]) -> Literals:
    """Look for *literals*, in any letter case."""
    if hyperscan is None:
        return PlainLiterals(literals)  # pragma: no cover -- platforms without a wheel
    return HyperscanLiterals(literals)


class PlainLiterals:
    """The fallback."""

    def __init__(self, literals: Sequence[bytes]) -> None:
        self._literals = tuple(one.lower() for one in literals)

    def ends(self, data: bytes) -> list[tuple[int, int]] | None:
        """Look for one after the other."""
        lowered, found, most = data.lower(), list[tuple[int, int]](), _CEILING + len(data) // _CEILING_SHARE
        for number, literal in enumerate(self._literals):
            at = lowered.find(literal)
            while at >= 0:
                found.append((number, at + len(literal)))
                if len(found) > most:
                    return None
                at = lowered.find(literal, at + 1)
        return found


class Gates(Protocol):
    """Anything that says where given expressions end."""

    def ends(self, data: bytes) -> Mapping[int, Sequence[int]] | None:
        """For each expression that occurs, by number, where it ends; None when there are too many. Thread-safe."""
        ...

    def dump(self) -> bytes:
        """What `open_gates` can start from the next time; empty when there is nothing to keep."""
        ...


def open_gates(expressions: Sequence[str], kept: bytes | None = None) -> Gates:
    """The fastest this machine has for *expressions*; *kept* is as for `open_scanner`."""
    if hyperscan is None or not expressions:
        return SearchedGates(expressions)
    return HyperscanGates(expressions, kept)


class SearchedGates:
    """The fallback: RE2, one expression after the other."""

    def __init__(self, expressions: Sequence[str]) -> None:
        self._expressions = tuple(map(expression, expressions))

    def ends(self, data: bytes) -> Mapping[int, Sequence[int]] | None:
        """Search for each; matches may overlap."""
        room, found = _CEILING + len(data) // _CEILING_SHARE, dict[int, list[int]]()
        for number, searched in enumerate(self._expressions):
            match = searched.search(data)
            while match is not None:
                room -= 1
                if room < 0:
                    return None
                found.setdefault(number, []).append(match.end())
                match = searched.search(data, match.start() + 1)
        return found

    def dump(self) -> bytes:
        """Nothing to keep."""
        return b""


class KeywordScanner:
    """The fallback: a rule whose keyword occurs may match anywhere."""

    def __init__(self, rules: Sequence[LeakRule]) -> None:
        self._keywords = tuple(tuple(word.encode("ascii") for word in rule.keywords) for rule in rules)
        self._signs = tuple((sign, expression(pattern)) for sign, pattern in _signs(rules))
        self._closer = {sign: expression(pattern) for sign, pattern in CLOSER.items()}

    def sight(self, data: bytes) -> Sighting:
        """Look for every keyword. Slower than hyperscan by orders of magnitude, with the same verdicts."""
        lowered, whole = data.lower(), ((0, len(data)),)
        gated = (number for number, words in enumerate(self._keywords) if any(word in lowered for word in words))
        seen = frozenset(sign for sign, pattern in self._signs if pattern.search(data))
        signs = frozenset(sign for sign in seen if sign not in self._closer or self._closer[sign].search(data))
        return Sighting(stretches=tuple((number, whole) for number in gated), signs=signs, flooded=False)

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
            try:
                ends[number].append(end)
            except KeyError:
                ends[number] = [end]
            return True if room < 0 else None

        return self.run(data, seen)

    def holds(self, data: bytes) -> bool:
        """Whether any expression occurs in *data*."""
        return self.run(data, lambda *_: True)

    def first(self, data: bytes) -> int | None:
        """Where the first match in *data* ends."""
        ends: list[int] = []

        def seen(_number: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            ends.append(end)
            return True

        self.run(data, seen)
        return ends[0] if ends else None

    def run(self, data: bytes, seen: Callable[..., bool | None]) -> bool:
        scratch = getattr(self._local, "scratch", None)
        if scratch is None:
            scratch = self._local.scratch = hyperscan.Scratch(self.native)
        try:
            # By place: data, who is told, flags, context, scratch. By name it takes as long again on a short text.
            self.native.scan(data, seen, 0, None, scratch)
        except hyperscan.ScanTerminated:
            return True
        return False


class HyperscanLiterals:
    """All literals in one database."""

    def __init__(self, literals: Sequence[bytes]) -> None:
        native = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        asked = [b"".join(b"\\x%02x" % byte for byte in literal) for literal in literals]
        flags = [hyperscan.HS_FLAG_CASELESS] * len(asked)
        native.compile(expressions=asked, ids=list(range(len(asked))), elements=len(asked), flags=flags)
        self._database = _Database(native)

    def ends(self, data: bytes) -> list[tuple[int, int]] | None:
        """Look for all of them in one pass."""
        found: dict[int, list[int]] = {}
        if self._database.scan(data, found, _CEILING + len(data) // _CEILING_SHARE):
            return None
        return [(number, end) for number, ends in found.items() for end in ends]


class HyperscanGates:
    """All expressions in one database, without start offsets."""

    def __init__(self, expressions: Sequence[str], kept: bytes | None = None) -> None:
        written = [each.encode("ascii") for each in expressions]
        self._identity = _identity(written, [])
        self._database = _Database(_load(kept, self._identity) or _compiled(written, []))

    def ends(self, data: bytes) -> Mapping[int, Sequence[int]] | None:
        """Look for all of them in one pass."""
        found: dict[int, list[int]] = {}
        flooded = self._database.scan(data, found, _CEILING + len(data) // _CEILING_SHARE)
        return None if flooded else found

    def dump(self) -> bytes:
        """The compiled database, bound to its expressions and to this version of the engine."""
        body = bytes(hyperscan.dumpb(self._database.native))
        return _header(self._identity, body) + body


class HyperscanScanner:
    """All rules in one database, without start offsets. What finds several rules is in it once."""

    def __init__(self, rules: Sequence[LeakRule], kept: bytes | None = None) -> None:
        found_by: dict[bytes, list[int]] = {}
        for number, rule in enumerate(rules):
            found_by.setdefault((rule.trigger or rule.pattern).encode("ascii"), []).append(number)
        expressions = list(found_by)
        self._rules = tuple(map(tuple, found_by.values()))
        self._signs = tuple(Sign)
        signs = tuple(sign for sign in _signs(rules) if sign[0] not in _WORDS)
        self._identity = _identity(expressions, signs)
        self._main = _Database(_load(kept, self._identity) or _compile(rules, expressions, signs))
        self._words = _Database(_compiled([], [(Sign.WORD, SIGNS[Sign.WORD])]))
        self._said = _Database(_compiled([], tuple(CLOSER.items())))

    def glance(self, data: bytes) -> bool:
        """Scan *data* to its end and say nothing but whether anything was reported: what the engine alone takes."""
        seen: list[bool] = []
        self._main.run(data, lambda *_: seen.append(True))
        self._words.run(data, lambda *_: seen.append(True))
        return bool(seen)

    def sight(self, data: bytes) -> Sighting:
        """Scan *data* for the rules, then up to its first long word, and from there on for what that may say."""
        ceiling = min(_FEW + len(data) // _FEW_SHARE, _CEILING + len(data) // _CEILING_SHARE)
        ends: dict[int, list[int]] = {}
        flooded = self._main.scan(data, ends, ceiling)
        word = self._words.first(data)
        said = () if word is None else self._said_by_words(data[max(0, word - _SIGN_BYTES) :])
        if not ends and not said:
            return NOTHING
        many = len(self._rules)
        shown = (self._signs[number - many] for number in ends if number >= many)
        reported = tuple((one, found) for number, found in ends.items() if number < many for one in self._rules[number])
        return Sighting(ends=reported, signs=frozenset((*shown, *said)), flooded=flooded)

    def _said_by_words(self, data: bytes) -> Sequence[Sign]:
        """What the long words of *data* may say on a closer look."""
        said: dict[int, list[int]] = {}
        self._said.scan(data, said, len(CLOSER))
        return [self._signs[number] for number in said]

    def dump(self) -> bytes:
        """The compiled database, bound to its rules and to this version of the engine."""
        body = bytes(hyperscan.dumpb(self._main.native))
        return _header(self._identity, body) + body


def _signs(rules: Sequence[LeakRule]) -> tuple[tuple[Sign, str], ...]:
    """What shows each encoding of a credential of *rules*; of several patterns for one sign, any."""
    return (*SIGNS.items(), *((Sign.MIRRORED, pattern) for pattern in mirrored(rules)))


def _identity(expressions: Sequence[bytes], signs: Sequence[tuple[Sign, str]]) -> str:
    engine = f"{hyperscan.__version__}\n{signs}\n".encode()
    return Digest.of(engine + b"\0".join(expressions)).hex


def _header(identity: str, body: bytes) -> bytes:
    """Binds *body* to its rules and shows damage. It does not show who made it: a key is the caller's business."""
    return _MAGIC + identity.encode("ascii") + Digest.of(body).hex.encode("ascii")


def _compile(rules: Sequence[LeakRule], expressions: Sequence[bytes], signs: Sequence[tuple[Sign, str]]) -> Any:
    try:
        return _compiled(expressions, signs)
    except hyperscan.HyperscanError:
        for rule in rules:
            try:
                _compiled([(rule.trigger or rule.pattern).encode("ascii")], [])
            except hyperscan.HyperscanError:
                raise OperatorError(
                    f"leak rule `{rule.id}`: hyperscan does not take its pattern: give it a simpler one or a `trigger`"
                ) from None
        raise OperatorError("the leak rules are too large to compile together: remove some") from None


def _compiled(expressions: Sequence[bytes], signs: Sequence[tuple[Sign, str]]) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    places = {sign: at for at, sign in enumerate(Sign, len(expressions))}
    asked = [*expressions, *(pattern.encode("ascii") for _sign, pattern in signs)]
    ids = [*range(len(expressions)), *(places[sign] for sign, _pattern in signs)]
    flags = [0] * len(expressions) + [hyperscan.HS_FLAG_SINGLEMATCH] * len(signs)
    database.compile(expressions=asked, ids=ids, elements=len(asked), flags=flags)
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
