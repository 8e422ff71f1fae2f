"""For any bytes cut into any texts, both engines agree, spans lie inside their texts, and redacting them converges."""

import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import holdfast.safety.leaks
from holdfast.contracts import Finding, Where
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.leaks.detector import FLOOD
from holdfast.safety.redaction import redact

ROUNDS = 3


@cache
def detectors() -> tuple[LeakDetector, LeakDetector]:
    """One of each engine over the shipped rules."""
    folder = Path(holdfast.safety.leaks.__file__).parent / "patterns"
    rules = load_rules({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")})
    return LeakDetector.build(rules), LeakDetector.build_without_database(rules)


def check(data: bytes) -> None:
    """Scan *data*, cut at each NUL into texts, with both engines."""
    texts = [piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0")]
    fast, slow = detectors()
    found = fast.scan(texts, Where.OUTPUT)
    for finding in found:
        assert 0 <= finding.start < finding.end <= len(texts[finding.part])
    assert _ordered(found)
    if any(finding.rule == FLOOD for finding in found):
        return
    assert {finding.part for finding in found} == {finding.part for finding in slow.scan(texts, Where.OUTPUT)}
    _converges(fast, tuple(texts), found)


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

    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
