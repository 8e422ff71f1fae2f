"""What a case may say, and when an answer is the expected one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import OperatorError
from holdfast.tools.cases import MOST_CASES, Answered, ExpectTable, cases_of, difference, read_cases

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
TEXT = """
[[cases]]
name = "adds"
arguments = { a = 1, b = [2, 3] }
[cases.expect]
contains = { sum = 6 }

[[cases]]
name = "refuses"
tool = "x_other"
[cases.expect]
status = "error"
"""


def test_cases_are_read_as_written():
    adds, refuses = read_cases(TEXT)

    assert (adds.name, adds.arguments, adds.expect.status) == ("adds", {"a": 1, "b": [2, 3]}, "ok")
    assert (refuses.tool, refuses.arguments, refuses.expect.status) == ("x_other", {}, "error")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cases = 1", "cases"),
        ("[[cases]]\nname = 'x'\n[cases.expect]\nstatus = 'fine'", "status"),
        ("[[cases]]\nname = 'x'\n[cases.expect]\nanswer = 1", "answer"),
        ("[[cases]]\nname = 'x'\nexpected = 1\n[cases.expect]\ntext = ''", "expected"),
        ("[[cases]]\nname = ''\n[cases.expect]\ntext = ''", "name"),
        ("[[cases]]\nname = 'x'", "expect"),
        ("[[cases]]\nname = 'x'\n[cases.expect]", "say what is answered"),
        ("[[cases]]\nname = 'x'\n[cases.expect]\nstructured = 2020-01-01", "JSON"),
        ("[[cases]]\nname = 'x'\narguments = {at = 2020-01-01}\n[cases.expect]\ntext = ''", "JSON"),
        ("[[cases]]\nname = 'x'\n[cases.expect]\nstructured = nan", "JSON"),
        ("[[cases]", "TOML"),
        ("[[cases]]\nname = 'x'\n[cases.expect]\ntext = ''\n" * (MOST_CASES + 1), "cases"),
    ],
)
def test_what_nobody_would_look_at_is_refused(text, names):
    with pytest.raises(OperatorError, match=names):
        read_cases(text)


@pytest.mark.parametrize(
    ("expect", "answered", "why"),
    [
        ({"structured": {"a": 1}}, {"structured": {"a": 1}}, None),
        ({"structured": {"a": 1}}, {"structured": {"a": 1, "b": 2}}, "another"),
        ({"structured": {"a": 1}}, {"structured": {"a": True}}, "another"),
        ({"structured": None}, {"structured": 0}, "another"),
        ({"structured": None}, {"structured": None}, None),
        ({"contains": {"a": {"b": 1}}}, {"structured": {"a": {"b": 1, "c": 2}, "d": 3}}, None),
        ({"contains": {"a": [1]}}, {"structured": {"a": [1, 2]}}, "contain"),
        ({"contains": {"a": None}}, {"structured": {}}, "contain"),
        ({"contains": {}}, {"structured": []}, "contain"),
        ({"text": "x"}, {"text": "x\n"}, None),
        ({"text": "x"}, {"text": " x"}, "text"),
        ({"text": "x"}, {"text": "x", "status": "error"}, "status"),
        ({"status": "stopped"}, {"status": "stopped"}, None),
    ],
)
def test_an_answer_is_held_to_what_was_expected(expect, answered, why):
    found = difference(ExpectTable(**expect), Answered(**{"status": "ok", **answered}))

    assert found is None if why is None else why in (found or "")


@given(JSON)
def test_a_value_is_itself_and_contains_itself(value):
    for key in ("structured", "contains"):
        assert difference(ExpectTable(**{key: value}), Answered(status="ok", structured=value)) is None


@given(JSON, JSON)
def test_two_values_that_hold_each_other_are_the_same(one, other):
    both = all(
        difference(ExpectTable(contains=a), Answered(status="ok", structured=b)) is None
        for a, b in ((one, other), (other, one))
    )
    same = difference(ExpectTable(structured=one), Answered(status="ok", structured=other)) is None

    assert both == same


def test_cases_of_a_request_are_read_like_those_of_a_file():
    (case,) = cases_of({"cases": [{"name": "x", "expect": {"structured": None}}]})

    assert case.expect.model_fields_set == {"structured"}
