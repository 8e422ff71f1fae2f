"""Strict JSON in, one canonical form out, and a walk that loses no string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import MalformedJson
from holdfast.contracts.json_values import canonical, map_strings, parse, strings

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":1,"a":2}',
        b"NaN",
        b"-Infinity",
        b"1e999",
        b'"\\ud800"',
        b"\xff",
        b"[" * 100_000,
        b"[" * 65 + b"]" * 65,
        b"1" * 5_000,
        b"",
        b"{}{}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse(text)


@given(VALUES)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    assert parse(canonical(value)) == value  # type: ignore[arg-type]


@given(VALUES)
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(value: object) -> None:
    assert canonical(parse(canonical(value))) == canonical(value)  # type: ignore[arg-type]


@given(VALUES)
def test_mapping_nothing_changes_nothing_and_sees_every_string(value: object) -> None:
    seen: list[str] = []

    def note(text: str) -> str:
        seen.append(text)
        return text

    assert map_strings(value, note) == value  # type: ignore[arg-type]
    assert seen == list(strings(value))  # type: ignore[arg-type]


def test_keys_that_become_equal_are_kept_apart() -> None:
    assert map_strings({"a": 1, "b": 2, "c": 3}, lambda _text: "x") == {"x": 1, "x~2": 2, "x~3": 3}
