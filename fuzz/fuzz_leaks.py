"""For any bytes cut into any texts, both engines find the same, spans lie inside, and redacting them converges."""

import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import holdfast.safety
from holdfast.contracts import Finding, OperatorError, Where
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.leaks.detector import FLOOD
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.redaction import redact

ROUNDS = 3
_FIELD = re.compile(r"\{(?:dashes|\w{1,8}:\d{1,3})\}")
"""Fields of a bounded length: a template is no way to a long text."""


@cache
def detectors() -> tuple[LeakDetector, LeakDetector]:
    """One of each engine over the shipped rules."""
    folder = Path(holdfast.safety.__file__).parent / "rules"
    rules = load_rules({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")})
    return LeakDetector.build(rules), LeakDetector.build_without_database(rules)


def check(data: bytes) -> None:
    """Scan *data*, cut at each NUL into texts, with both engines."""
    texts = [_filled(piece.decode("utf-8", "surrogateescape")) for piece in data.split(b"\0")]
    fast, slow = detectors()
    found = fast.scan(texts, Where.OUTPUT)
    for finding in found:
        assert 0 <= finding.start < finding.end <= len(texts[finding.part])
    assert _ordered(found)
    as_slow = slow.scan(texts, Where.OUTPUT)
    if any(finding.rule == FLOOD for finding in (*found, *as_slow)):  # where each gives up is its own
        return
    assert found == as_slow
    _converges(fast, tuple(texts), found)


def _filled(text: str) -> str:
    """*text* with the templates of specimens filled in: seeds hold no credential, and checksums come out right."""
    try:
        return expand(text.replace("{dashes}", "-" * 5)) if _FIELD.search(text) else text
    except (OperatorError, ValueError):  # not a template after all, or not Unicode
        return text


def _ordered(found: tuple[Finding, ...]) -> bool:
    """Findings come in order and none overlaps the next."""
    return all((one.part, one.end) <= (two.part, two.start) or one.part < two.part for one, two in pairwise(found))


def _converges(detector: LeakDetector, texts: tuple[str, ...], found: tuple[Finding, ...]) -> None:
    for _ in range(ROUNDS):
        redacted = redact(texts, found)
        assert len(redacted) == len(texts)
        texts, found = redacted, detector.scan(redacted, Where.OUTPUT)
        if not found:
            return
    raise AssertionError("redacting what is found never comes to an end")


if __name__ == "__main__":
    import atheris

    detectors()
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
