"""Two names of one thing are one place, and what cannot be told is everything it could be."""

import pytest

from holdfast.contracts import OperatorError, Place
from holdfast.safety.flow import check_template, fold_key, overlaps, place_of, places, whole

MAIL = "upstream:mail"


def keys(templates, arguments, result=None):
    return [place.key for place in places(templates, MAIL, arguments, result)]


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("a//b/./c/", "a/b/c"),
        ("/A/B", "a/b"),
        ("a\\b", "a/b"),
        ("\uff44\uff4f\uff43\uff53/\uff30lan.MD", "docs/plan.md"),
        ("do\u200bcs/pl\u00adan.md", "docs/plan.md"),
        ("docs /  my   plan.md", "docs/my plan.md"),
        ("docs%2Fplan.md", "docs/plan.md"),
        ("docs%252fplan.md", "docs/plan.md"),
        ("docs/*", "docs/*"),
        ("docs\\ * /", "docs/*"),
        ("docs/%2a", "docs/\u2217"),
        ("docs/\uff0a", "docs/\u2217"),
        ("docs/a*b", "docs/a\u2217b"),
        ("*", "*"),
        ("", "*"),
        (" / . /", "*"),
    ],
)
def test_two_spellings_of_a_path_are_one_key(written, folded):
    assert fold_key(written) == folded
    assert place_of("file", written) == Place("file", folded)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("..", "*"),
        ("a/..", "*"),
        ("a/b/../c", "a/*"),
        ("a/../b", "*"),
        ("a/b/../../c/d", "*"),
        ("a/b/c/../../d", "a/*"),
        ("a/%2e%2e/b", "*"),
        ("a/\uff0e\uff0e/b", "*"),
        ("a/b\\..\\c", "a/*"),
        ("a/b/../*", "a/*"),
    ],
)
def test_a_key_that_climbs_is_everything_below_where_it_may_lead(written, folded):
    assert fold_key(written) == folded


def test_a_key_that_is_too_long_is_a_wildcard():
    assert fold_key("a/" + "b" * 1025) == "*"
    assert keys(["draft/{id}"], {"id": "x" * 2000}) == ["draft/*"]
    assert keys(["a/{x}/{y}"], {"x": "x" * 1000, "y": "y" * 100}) == [f"a/{'x' * 1000}/*"]


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("D-7", "draft/d-7"),
        (7, "draft/7"),
        (7.0, "draft/7"),
        (1.5, "draft/1.5"),
        (True, "draft/true"),
        ("a/b", "draft/a/b"),
        (None, "draft/*"),
        ("", "draft/*"),
        ("  ", "draft/*"),
        (".", "draft/*"),
        ([], "draft/*"),
        ({}, "draft/*"),
        ({"id": "1"}, "draft/*"),
        ("..", "*"),
        ("7/../8", "draft/*"),
        ("../note/8", "*"),
        ("*", "draft/\u2217"),
        ("\uff0a", "draft/\u2217"),
        ("a/*", "draft/a/\u2217"),
    ],
)
def test_a_value_fills_a_template(value, key):
    assert keys(["draft/{id}"], {"id": value}) == [key]


def test_what_is_left_out_is_a_wildcard_from_there():
    assert keys(["draft/{id}"], {}) == ["draft/*"]
    assert keys(["repo/{owner}/{name}/branch/{branch}"], {"owner": "acme", "branch": "main"}) == ["repo/acme/*"]
    assert keys(["user-{id}/x"], {}) == ["*"]
    assert keys(["{path}/*"], {"path": "."}) == ["*"]
    assert keys(["{path}/*"], {"path": "docs/"}) == ["docs/*"]


def test_each_item_of_a_list_is_a_place():
    assert keys(["draft/{ids}"], {"ids": ["1", 2, "1", "٣"]}) == ["draft/1", "draft/2", "draft/٣"]
    assert keys(["e/{event.guests.id}"], {"event": {"guests": [{"id": 1}, {"id": 2}]}}) == ["e/1", "e/2"]


def test_an_item_that_names_nothing_is_a_wildcard_beside_the_others():
    assert keys(["e/{guests.id}"], {"guests": [{"id": 1}, {"mail": "x"}]}) == ["e/1", "e/*"]
    assert keys(["e/{ids}"], {"ids": [1, {"id": 2}]}) == ["e/1", "e/*"]


def test_a_name_with_dots_of_its_own_is_found_too():
    assert keys(["e/{a.b}"], {"a.b": "1", "a": {"b": "2"}}) == ["e/2", "e/1"]


def test_more_than_512_places_of_a_template_are_a_wildcard():
    assert len(keys(["draft/{ids}"], {"ids": list(range(512))})) == 512
    assert keys(["draft/{ids}"], {"ids": list(range(513))}) == ["draft/*"]
    assert keys(["x/{a}/{b}"], {"a": list(range(23)), "b": list(range(23))}) == ["x/*"]
    assert len(keys(["draft/{ids}"], {"ids": [1] * 65})) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 7},
        '{"id": 7}',
        ' {"id": "7"}',
        {"result": {"id": 7}},
        {"result": '{"id": 7}'},
        [{"id": 7}],
        '[{"id": 7}]',
    ],
)
def test_a_field_of_the_answer_is_found(answer):
    assert keys(["draft/{result.id}"], {"id": "no"}, answer) == ["draft/7"]


@pytest.mark.parametrize("answer", [None, "done", "{", '{"id": 1, "id": 2}', "7", {"ID": 7}, {"id": None}, {"id": {}}])
def test_a_field_that_the_answer_does_not_have_is_a_wildcard(answer):
    assert keys(["draft/{result.id}"], {}, answer) == ["draft/*"]


def test_places_of_several_templates_are_named_once():
    assert places(["a/{x}", "A/{x}", "b"], MAIL, {"x": "1"}) == (Place(MAIL, "a/1"), Place(MAIL, "b"))
    assert places([], MAIL, {}) == ()


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/c", False),
        ("a/*", "a/b", True),
        ("a/*", "a/b/c", True),
        ("a/*", "a/b/*", True),
        ("a/*", "ab", False),
        ("a/*", "a", False),
        ("*", "a", True),
        ("*", "*", True),
        ("draft/\u2217", "draft/5", False),
    ],
)
def test_a_wildcard_overlaps_what_is_below_it(one, other, answer):
    assert overlaps(Place(MAIL, one), Place(MAIL, other)) is answer
    assert overlaps(Place(MAIL, other), Place(MAIL, one)) is answer


def test_spaces_never_overlap():
    assert not overlaps(whole("file"), whole(MAIL))
    assert whole("file") == Place("file", "*")


@pytest.mark.parametrize(
    "template",
    ["draft/{id}", "x", "a/{b.c}/*", "*", "{path}", "{owner}-{repo}/x", "my drafts/{id}"],
)
def test_templates_that_can_be_filled_in_are_accepted(template):
    check_template(template, result=False)


@pytest.mark.parametrize(
    ("template", "rule"),
    [
        ("", "empty"),
        ("x" * 513, "longer than 512"),
        ("/draft/{id}", "empty or dotted"),
        ("a//b", "empty or dotted"),
        ("a/../b", "empty or dotted"),
        ("a/./b", "empty or dotted"),
        ("a/{id", "partner"),
        ("a/id}", "partner"),
        ("a/{{id}}", "partner"),
        ("a/{}", "no argument"),
        ("a/{ }", "no argument"),
        ("a/{x..y}", "no argument"),
        ("a/{x y}", "no argument"),
        ("a/b*", "not the whole last segment"),
        ("*/a", "not the whole last segment"),
        ("**", "not the whole last segment"),
        ("a\\b", "backslash"),
        ("a%2fb", "percent"),
        ("a/{result}", "name a field"),
        ("a/{result.id}", "only `writes`"),
    ],
)
def test_a_template_that_cannot_be_filled_in_is_refused_by_name(template, rule):
    with pytest.raises(OperatorError, match=rule) as caught:
        check_template(template, result=False)
    assert f"`{template[:80]}`" in caught.value.message


def test_a_field_of_the_answer_is_for_templates_that_may_know_it():
    check_template("a/{result.id}", result=True)
