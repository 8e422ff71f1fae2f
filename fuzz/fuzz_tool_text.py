"""For any text, a signature, a case file and a manifest to pin are read and written rightly, or refused with reason."""

import sys
import tomllib

from holdfast.contracts import Digest, OperatorError
from holdfast.tools.cases import Answered, difference, read_cases
from holdfast.tools.pinning import with_digest
from holdfast.tools.signatures import read_signature

_DIGEST = Digest.of(b"fuzz")


def check(data: bytes) -> None:
    """Read *data* as each of the three."""
    text = data.decode("utf-8", "replace")
    _signature(text)
    _cases(text)
    _pinned(text)


def _signature(text: str) -> None:
    try:
        signature = read_signature(text)
    except OperatorError:
        return
    assert signature.written().strip() == text.strip()
    assert not signature.holds(text, _DIGEST)  # nobody signed that


def _cases(text: str) -> None:
    try:
        cases = read_cases(text)
    except OperatorError:
        return
    for case in cases:
        if case.expect.status == "ok" and "structured" in case.expect.model_fields_set and case.expect.text is None:
            answered = Answered(status="ok", structured=case.expect.structured)
            if "contains" not in case.expect.model_fields_set:
                assert difference(case.expect, answered) is None


def _pinned(text: str) -> None:
    try:
        pinned = with_digest(text, _DIGEST)
    except OperatorError:
        return
    before, after = tomllib.loads(text), tomllib.loads(pinned)
    assert after["tool"].pop("digest") == str(_DIGEST)
    before["tool"].pop("digest", None)
    assert repr(before) == repr(after)  # NaN is not itself


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
