"""For any bytes as texts and in a request, findings lie in their texts and redacting leaves no named credential."""

import json
import sys
from functools import cache
from urllib.parse import quote_plus

from holdfast.contracts import Action, Where
from holdfast.contracts.json_values import strings
from holdfast.safety.credentials import TOO_LARGE, CredentialDetector
from holdfast.safety.redaction import redact

SECRET = "Zq7x" + "Kd93mWv1" * 2


@cache
def detector() -> CredentialDetector:
    """One for all runs."""
    return CredentialDetector()


def check(data: bytes) -> None:
    """Scan *data*, cut at each NUL into texts; then as parts of a request that carries one credential."""
    texts = tuple(piece.decode("utf-8", "surrogateescape") for piece in data.split(b"\0"))
    found = detector().scan(texts, Where.OUTPUT)
    for finding in found:
        assert 0 <= finding.start < finding.end <= len(texts[finding.part])
        assert finding.action is (Action.ANNOTATE if finding.rule == TOO_LARGE else Action.REDACT)
    assert len(redact(texts, found)) == len(texts)
    assert found == detector().scan(texts, Where.OUTPUT)
    first = texts[0]
    for arguments in (
        {"headers": {first: first, "Authorization": f"Bearer {SECRET}"}},
        {"headers": [[first, first], ["X-Api-Key", SECRET]]},
        {"headers": f"{first}\nAuthorization: {SECRET}"},
        {"url": f"https://x.example.net/?a={quote_plus(first, errors='replace')}&access_token={SECRET}"},
        {"body": json.dumps({first: first, "password": SECRET})},
        {"argv": [*texts, "--password", SECRET]},
        {"anything": list(texts), "password": SECRET},
    ):
        _carried(arguments)


def _carried(arguments: dict[str, object]) -> None:
    every = list(strings(arguments))
    found = detector().scan_arguments(arguments, Where.ARGUMENTS)
    assert all(0 <= each.start <= each.end <= len(every[each.part]) for each in found)
    assert not any(SECRET in text for text in redact(every, found)), "a credential that is named was left"


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
