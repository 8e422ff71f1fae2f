"""A difference shows every value that differs, each on a line of its own, and forges no line."""

from holdfast.server.catalogue.differences import UNSEEN, changed_lines


def test_equal_definitions_differ_in_what_is_not_shown():
    assert changed_lines({"title": "a"}, {"title": "a"}) == [UNSEEN]


def test_a_text_is_compared_line_by_line():
    before, after = {"description": "one\ntwo\nthree"}, {"description": "one\n2\nthree"}

    assert changed_lines(before, after) == ["description", "  - two", "  + 2"]


def test_a_text_that_is_new_or_gone_is_shown():
    assert changed_lines({"title": None}, {"title": "a"}) == ["title", "  + a"]
    assert changed_lines({"title": "a"}, {"title": None}) == ["title", "  - a"]


def test_a_text_that_looks_like_a_difference_has_its_own_sign():
    lines = changed_lines({"description": "a"}, {"description": "a\n+ approved\n--- x"})

    assert lines == ["description", "  + + approved", "  + --- x"]


def test_each_value_of_a_schema_that_differs_is_a_line():
    before = {"input_schema": {"properties": {"a": {"enum": ["x"], "default": "x"}, "b": {"type": "string"}}}}
    after = {"input_schema": {"properties": {"a": {"enum": ["x", "y"]}, "c": {"type": "string"}}}}

    assert changed_lines(before, after) == [
        "input_schema",
        '  - properties.a.default: "x"',
        '  - properties.a.enum: ["x"]',
        '  + properties.a.enum: ["x", "y"]',
        '  - properties.b.type: "string"',
        '  + properties.c.type: "string"',
    ]


def test_a_flipped_hint_is_one_line_each_way():
    before, after = {"annotations": {"readOnlyHint": True}}, {"annotations": {"readOnlyHint": False}}

    assert changed_lines(before, after) == ["annotations", "  - readOnlyHint: true", "  + readOnlyHint: false"]


def test_true_and_one_are_not_the_same():
    assert changed_lines({"annotations": {"a": True}}, {"annotations": {"a": 1}})[0] == "annotations"
