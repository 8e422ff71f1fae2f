"""A webhook's address was redacted a piece at a time: once its key was gone, the segments before it read as one."""

from functools import cache
from pathlib import Path

import pytest

import holdfast.safety
from holdfast.contracts import Where
from holdfast.safety.leaks import LeakDetector, load_rules
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.redaction import redact


@cache
def _detector() -> LeakDetector:
    folder = Path(holdfast.safety.__file__).parent / "rules"
    return LeakDetector.build(load_rules({path.name: path.read_text("utf-8") for path in folder.glob("*.toml")}))


@pytest.mark.parametrize(
    "template",
    [
        "https://hooks.acme.internal/services/T{base62:8}/B{base62:8}/{base62:24}",
        "https://hooks.acme.internal/a/{base62:12}/{base62:12}/{base62:12}/{base62:24} and more",
    ],
)
@pytest.mark.parametrize("seed", range(20))
def test_a_redacted_webhook_address_holds_no_second_one(template: str, seed: int):
    text = (expand(template, seed) + "\n",)
    found = _detector().scan(text, Where.OUTPUT)
    once = redact(text, found)

    assert found
    assert "[REDACTED:webhook-url]" in once[0]
    assert redact(once, _detector().scan(once, Where.OUTPUT)) == once
