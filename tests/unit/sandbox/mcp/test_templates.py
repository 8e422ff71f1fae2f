"""A URI follows a template or it does not, and none that climbs does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.mcp.catalogue.templates import climbs, is_uri, template_of


def follows(template, uri):
    found = template_of(template)
    assert found is not None
    return found.matches(uri)


@pytest.mark.parametrize(
    ("template", "uri"),
    [
        ("file:///docs/{page}", "file:///docs/intro"),
        ("file:///docs/{page}", "file:///docs/in%20tro"),
        ("file:///docs/{+path}", "file:///docs/a/b/c.md"),
        ("file://{/a,b}", "file:///x/y"),
        ("db://t/{table}/rows{?limit,offset}", "db://t/users/rows"),
        ("db://t/{table}/rows{?limit,offset}", "db://t/users/rows?limit=1&offset=2"),
        ("x:{a}-{b}", "x:1-2"),
        ("x:{a}.json", "x:1.json"),
        ("x:a{.ext}", "x:a.txt"),
        ("x:a{;p}", "x:a;p=1"),
        ("x:a{#s}", "x:a#top"),
        ("x:a?b=1{&c}", "x:a?b=1&c=2"),
        ("x:{list*}", "x:1,2,3"),
        ("x:{cut:3}", "x:abc"),
        ("git://{project}/issues", "git://group%2Fproject/issues"),
        ("page://{+url}", "page://https://example.com/a/b?c=d"),
        ("page://get{?url}", "page://get?url=https%3A%2F%2Fexample.com%2F"),
        ("file://{+path}", "file:///etc/hosts"),
        ("file:///docs/{+path}", "file:///docs/a/"),
    ],
)
def test_what_a_template_makes_follows_it(template, uri):
    assert follows(template, uri)


@pytest.mark.parametrize(
    ("template", "uri"),
    [
        ("file:///docs/{page}", "file:///docs/"),
        ("file:///docs/{page}", "file:///docs/a/b"),
        ("file:///docs/{page}", "file:///docsx/a"),
        ("file:///docs/{page}", "file:///docs/a?b=1"),
        ("file:///docs/{page}", "xfile:///docs/a"),
        ("file:///docs/{page}", "file:///docs/a\n"),
        ("file:///docs/{page}", "file:///docs/\u0430"),
        ("x:a.b/{c}", "x:aXb/1"),
        ("file:///docs/{+path}", "file:///docs/../etc/passwd"),
        ("file:///docs/{+path}", "file:///docs/a/%2E%2e/b"),
        ("file:///docs/{+path}", "file:///docs/a/%252e%252e/b"),
        ("file:///docs/{page}", "file:///docs/..%5c.."),
        ("file:///docs/{page}", "file:///docs/a%2f.%2fb"),
        ("file:///docs/{+path}", "file:///docs/a?/../../etc/passwd"),
        ("file:///docs/{+path}", "file:///docs/a%3f/%2e%2e/b"),
        ("file:///docs/{+path}", "file:///docs/..;/b"),
        ("file:///docs/x{?at}", "file:///docs/x?at=..%2f..%2fetc"),
        ("file:///docs/{+path}", "file:///docs//etc/passwd"),
        ("file:///docs/{+path}", "file:///docs/a//etc/passwd"),
        ("file:///docs/{page}", "file:///docs/%2Fetc%2fpasswd"),
        ("file:///docs/{page}", "file:///docs/%252fetc"),
        ("file:///docs/{page}", "file:///docs/%5c%5chost%5cshare"),
        ("note://{id}", "note://%2Fetc%2Fpasswd"),
        ("note:{id}", "note:%2fetc"),
    ],
)
def test_what_a_template_does_not_make_does_not_follow_it(template, uri):
    assert not follows(template, uri)


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain:no-expression", "{+all}", "{scheme}:x", "x:{", "x:{}", "x:{a b}", "x:{!a}", "x:{a}{", "x:{{a}}"),
        *("x:" + "{a}" * 33, "x:{a}" + "b" * 3_000, "x:\u0430{a}", "x: {a}", "x:{a*3}", "x:{a:0}"),
    ],
)
def test_what_is_no_template_is_none(text):
    assert template_of(text) is None


@given(st.text(alphabet="a/.%2eEfF5c\\?#:", max_size=40))
def test_no_uri_that_follows_climbs(tail):
    uri = "file:///docs/" + tail
    if follows("file:///docs/{+path}", uri):
        assert is_uri(uri)
        assert not climbs(uri)


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_template_or_none_and_any_uri_follows_or_not(text, uri):
    found = template_of("x:" + text)
    if found is not None:
        assert found.matches("x:" + uri) in {True, False}


def test_a_template_made_to_backtrack_is_answered_at_once():
    assert not follows("x:" + "{a}" * 32, "x:" + "a" * 2_000 + "/")
