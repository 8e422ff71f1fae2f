"""Laws of lease patterns: nothing a caller sends breaks them, and they stand for what they say and no more."""

import re
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.contracts import InvalidRequest
from holdfast.contracts.json_values import canonical
from holdfast.server.store.lease_patterns import check_pattern, is_like, matches

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.sampled_from([0.0, 1.0, -0.0, 1.5]),
    st.text("ab*?[\\.\n\r\u2028 é"),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "like", "*"]), inner, max_size=3),
    max_leaves=5,
)
ARGUMENTS = st.dictionaries(st.sampled_from(["a", "b", "c", "*"]), VALUES, max_size=3)
BROKEN = st.sampled_from([float("nan"), float("inf"), "\ud800", b"bytes", object(), {1: 2}])
LETTERS = st.text("ab*\n\r\u2028.?[", max_size=12)
BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def in_other_words(pattern: str, text: str) -> bool:
    """The same by a regular expression, which is slow where it must try many ways."""
    pieces = (re.escape(piece) for piece in pattern.split("*"))
    return re.fullmatch(f"[^{BREAKS}]*".join(pieces), text) is not None


@given(st.dictionaries(st.text(max_size=3), VALUES | BROKEN), st.dictionaries(st.text(max_size=3), VALUES | BROKEN))
def test_matching_never_raises(pattern: dict[str, Any], arguments: dict[str, Any]) -> None:
    assert matches(pattern, arguments) in (True, False)


@given(VALUES)
def test_matching_survives_any_depth(value: Any) -> None:
    deep = value
    for _ in range(5000):
        deep = [deep]

    assert matches({"a": deep}, {"a": deep}) in (True, False)


@given(ARGUMENTS)
def test_exact_arguments_match_themselves(arguments: dict[str, Any]) -> None:
    """Except where they look like a pattern, which must then be written as one."""
    looks_like_one = any(isinstance(value, dict) and "like" in value for value in arguments.values())
    if not looks_like_one and "*" not in arguments:
        assert matches(arguments, arguments)


@given(ARGUMENTS, ARGUMENTS)
def test_exact_patterns_match_nothing_but_themselves(pattern: dict[str, Any], arguments: dict[str, Any]) -> None:
    exact = not any(isinstance(value, dict) and "like" in value for value in pattern.values()) and "*" not in pattern

    if exact and canonical(pattern) != canonical(arguments):
        assert not matches(pattern, arguments)


@given(ARGUMENTS, st.sampled_from("xyz"), VALUES)
def test_an_argument_that_is_not_named_does_not_match(arguments: dict[str, Any], name: str, value: Any) -> None:
    pattern = {one: given for one, given in arguments.items() if one != "*"}

    assert not matches(pattern, pattern | {name: value})
    assert not matches(pattern | {name: value}, pattern)
    if matches(pattern, pattern):
        assert matches(pattern | {"*": "any"}, pattern | {name: value})


@given(LETTERS, LETTERS)
@example("*", "a\nb")
@example("a*b*b", "abb")
@example("*a\n*b", "xa\nyb")
def test_like_is_what_it_says(pattern: str, text: str) -> None:
    assert is_like(pattern, text) == in_other_words(pattern, text)
    assert matches({"a": {"like": pattern}}, {"a": text}) == in_other_words(pattern, text)


@given(LETTERS)
def test_a_text_without_a_star_is_like_itself_only(text: str) -> None:
    plain = text.replace("*", "")

    assert is_like(plain, plain)
    assert not is_like(plain, plain + "a")


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(BREAKS), st.text(st.characters(codec="utf-8")))
def test_a_star_does_not_cross_a_line(before: str, line_break: str, after: str) -> None:
    assert not is_like("*", before + line_break + after)


@given(VALUES)
def test_like_is_for_texts_only(value: Any) -> None:
    assert matches({"a": {"like": "*"}}, {"a": value}) == (
        isinstance(value, str) and not any(one in value for one in BREAKS)
    )


def test_one_is_not_true_and_not_one_point_zero() -> None:
    for wanted in (1, 1.0, True, "1"):
        for given_value in (1, 1.0, True, "1"):
            same = wanted is given_value
            assert matches({"a": wanted}, {"a": given_value}) == same
            assert matches({"a": [wanted]}, {"a": [given_value]}) == same


def test_many_stars_take_no_time() -> None:
    """A matcher that went back would try more ways than there is time for."""
    assert not is_like("*a" * 1000 + "b", "a" * 100_000)


@given(st.dictionaries(st.sampled_from(["a", "*"]), VALUES | BROKEN))
def test_a_pattern_is_taken_or_refused(pattern: dict[str, Any]) -> None:
    try:
        check_pattern(pattern)
    except InvalidRequest:
        return
    assert pattern.get("*", "any") == "any"
    for value in pattern.values():
        assert not (isinstance(value, dict) and "like" in value) or isinstance(value["like"], str)
