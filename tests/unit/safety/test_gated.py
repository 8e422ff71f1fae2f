"""What RE2 gates for `re` answers as `re` alone would."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.safety.gated import Gated
from holdfast.safety.leaks import load_rules, specimens
from holdfast.server.assembly.layers import rule_sources

PATTERNS = (
    (r"public|next_|(?-i:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))page(?-i:(?![a-z]))|(?:file|id)$", True),
    (r"key_?(?:name|path)(?![a-z_.-]*(?:pass|pwd))|expir\w*$", True),
    (r"example|change.?(?:me|it)|x{4,}|\*{3,}|…|\bfill.?in\b", True),
    (r"[(){};<>|]|\[\]|^[./~]|^\w:\\|\\$|,\s|^\d{4}-\d\d$|\s", False),
)
WORDS = st.sampled_from(
    [
        "page",
        "Page",
        "PAGE",
        "next_",
        "file",
        "key_name",
        "keyname",
        "_pass",
        "expires",
        "x",
        "xxxx",
        "fill in",
        "…",
        "change me",
        "\n",
        "\x1c",
        "\u017f",
        "\u212a",
        "example",
        "a",
        "B",
        "9",
        "(",
        "\\",
        "/",
        "2026-11",
        " ",
        "\u00e9",
    ]
)


@given(st.lists(WORDS, max_size=6).map("".join) | st.text(max_size=24))
def test_a_gate_changes_no_answer(text: str) -> None:
    for pattern, ignore_case in PATTERNS:
        exact = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
        assert Gated(pattern, ignore_case=ignore_case).search(text) is (exact.search(text) is not None)


def test_the_gates_of_the_judges_change_no_answer_about_an_example() -> None:
    from holdfast.safety import placeholders
    from holdfast.safety.leaks import checks

    gates = [one for part in (checks, placeholders) for one in vars(part).values() if isinstance(one, Gated)]
    assert len(gates) > 3
    for rule in load_rules(rule_sources()):
        for template in (*rule.examples, *rule.near_misses):
            text = specimens.expand(template)
            for gate in gates:
                assert gate.search(text) is (gate.exact.search(text) is not None)


def test_what_re2_does_not_read_is_refused() -> None:
    with pytest.raises(ValueError, match="RE2"):
        Gated(r"(a)\1")
