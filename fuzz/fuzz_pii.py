"""For any texts, both engines find the same personal data, apart from each other, and redacting it comes to an end."""

import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import holdfast.safety
from holdfast.contracts import Action, Where
from holdfast.safety.pii import CLASSES, PiiDetector, load_pii_rules
from holdfast.safety.pii.detector import FLOOD
from holdfast.safety.redaction import redact

ROUNDS = 4


@cache
def detectors() -> tuple[PiiDetector, PiiDetector]:
    """One of each engine over the shipped rules, with everything redacted."""
    folder = Path(holdfast.safety.__file__).parent / "rules" / "pii"
    rules = load_pii_rules({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")})
    return PiiDetector.build(rules, redact=CLASSES), PiiDetector.build_without_database(rules, redact=CLASSES)


def check(data: bytes) -> None:
    """Scan *data*, cut at each NUL into texts, with both engines."""
    texts = tuple(piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0"))
    fast, slow = detectors()
    found = fast.scan(texts, Where.OUTPUT)
    for finding in found:
        assert 0 <= finding.start < finding.end <= len(texts[finding.part])
        assert finding.action is Action.REDACT
    if any(finding.rule == FLOOD for finding in found):
        return
    assert all((one.part, one.end) <= (two.part, two.start) or one.part < two.part for one, two in pairwise(found))
    assert found == slow.scan(texts, Where.OUTPUT)
    assert all(finding.action is Action.ANNOTATE for finding in fast.scan(texts, Where.ARGUMENTS))
    for _ in range(ROUNDS):
        texts = redact(texts, found)
        found = fast.scan(texts, Where.OUTPUT)
        if not found:
            return
    raise AssertionError("redacting what is found never comes to an end")


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
