"""For any text, scanning for signals edits nothing, ends, scores 0 to 100, and notes lie inside the texts, in order."""

import sys
from functools import cache
from pathlib import Path

import holdfast.safety
from holdfast.contracts import Action, Where
from holdfast.safety.injection import InjectionDetector, load_signals
from holdfast.safety.injection.detector import MOST_FINDINGS, THRESHOLD


@cache
def detectors() -> tuple[InjectionDetector, InjectionDetector]:
    """One of each engine over the shipped rules."""
    folder = Path(holdfast.safety.__file__).parent / "rules" / "injection"
    rules = load_signals({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.toml")})
    return InjectionDetector.build(rules), InjectionDetector.build_without_database(rules)


def check(data: bytes) -> None:
    """Scan *data*, cut at each NUL into texts, with both engines."""
    texts = [piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0")]
    before = list(texts)
    fast, slow = detectors()
    found = fast.scan(texts, Where.OUTPUT)
    assert texts == before
    assert 0 <= found.score <= 100
    assert bool(found.findings) == (found.score >= THRESHOLD)
    assert len(found.findings) <= MOST_FINDINGS
    for finding in found.findings:
        assert finding.action is Action.ANNOTATE
        assert 0 <= finding.start <= finding.end <= len(texts[finding.part])
    places = [(finding.part, finding.start) for finding in found.findings]
    assert places == sorted(places)
    assert slow.scan(texts, Where.OUTPUT) == found


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
