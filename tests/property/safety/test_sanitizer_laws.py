"""Laws of cleaning: the second time changes nothing, finds are where they were, and what shows is never lost."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from holdfast.contracts import Action, Rewrite
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.sanitizer.drafts import Draft, Edit

CLEAN = Sanitizer()
WITH = {library: Sanitizer(html_cleaner=library) for library in ("bleach", "nh3")}
RENDERS = MarkdownIt("commonmark", {"html": False}).enable("table")
NARROW = Sanitizer(hosts=("docs.example",))
HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u180b\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2062\u2066\u2067"
    "\u2068\u2069\u206a\u3164\ufe00\ufe0e\ufe0f\ufeff\ufff9\U000e0020\U000e0067\U000e007f\U000e0100\U000e01ef"
)
CONTROL = "\x00\x07\x08\r\n\t\x0b\x0c\x1b\x7f\x85\x90\x9b\x9c\x9d[];mPX\\\x07810_"
VISIBLE = "ab1 #/.éжשعक본한ᠠ葛😀❤👩🏴🏽🇩∩\u0301\u094d\u20e3"
texts = st.one_of(st.text(st.sampled_from(HIDDEN + CONTROL + VISIBLE), max_size=30), st.text(max_size=30))
PIECES = (
    "<p> </p> <div\tstyle='display:none'> </div> <a\thref='javascript:1'> <a\thref=//x> </a> <script> </script> <!-- "
    "--> <svg> <style> </style> <img\tsrc=x\tonerror=1> <b> </b> <table> <td> <math> <title> </title> &lt; &#60; &#97; "
    "&amp; & < > \" ' x <textarea> <noscript> <template> <select> <plaintext> <br/> <![CDATA[ ]]> \u200b <p\thidden ="
)
markup = st.lists(st.sampled_from([" y ", *PIECES.split(" ")]), max_size=14).map("".join)
ACTIVE = re.compile(
    r"<\s*(?:script|style|svg|math|img|iframe|!--)|<[a-z][^<>]*\s(?:on\w+|style|src)\s*=|javascript:", re.IGNORECASE
)


@given(texts)
def test_cleaning_text_twice_is_cleaning_it_once(text):
    once, _ = CLEAN.text(text)
    again, found = CLEAN.text(once)

    assert again == once
    assert all(finding.action is Action.ANNOTATE for finding in found)


LINKS = (
    "![ [ a ] ]( ]: ) <https://evil.example/?q> https://evil.example/(b //evil.example https://docs.example ` `` ``` "
    "~~~ \\ > - | <div> <!-- --> <img\tsrc=https://evil.example/> 'c' # { [a] ![a] ![a](https://evil.example/?d)"
)
pages = st.lists(st.sampled_from([" ", "\n", "\n\n", *LINKS.split(" ")]), max_size=24).map("".join)


@given(pages, st.sampled_from(["text/plain", "text/markdown", "text/html"]))
def test_what_leads_outside_goes_in_one_cleaning(text, media_type):
    once, _ = NARROW.text(text, media_type)

    assert NARROW.text(once, media_type)[0] == once
    if media_type == "text/markdown":
        rendered = RENDERS.render(once)
        assert re.search(r"(?:src|href)=\"[^\"]*//evil", rendered) is None, rendered


@given(texts)
def test_text_changes_exactly_when_a_removal_is_told_but_for_colours(text):
    once, found = CLEAN.text(text)

    assert once != text or all(finding.action is Action.ANNOTATE for finding in found)
    assert once == text or "\x1b[" in text or "\x9b" in text or any(one.action is Action.REMOVE for one in found)
    assert all(0 <= finding.start < finding.end <= len(text) for finding in found)


@given(st.text(st.sampled_from(HIDDEN + VISIBLE), max_size=30))
def test_what_shows_is_kept_in_order(text):
    once, _ = CLEAN.text(text)

    assert [char for char in once if char not in HIDDEN] == [char for char in text if char not in HIDDEN]


@given(texts, texts)
def test_cleaning_arguments_twice_is_cleaning_them_once(key, value):
    verdict = CLEAN.arguments({key: [value]})

    if isinstance(verdict, Rewrite):
        assert not isinstance(CLEAN.arguments(verdict.to), Rewrite)


@pytest.mark.parametrize("library", WITH)
@given(text=st.one_of(markup, st.tuples(markup, texts).map("".join)))
def test_cleaning_html_twice_is_cleaning_it_once_and_leaves_nothing_active(library, text):
    once, _ = WITH[library].text(text, "text/html")

    assert WITH[library].text(once, "text/html")[0] == once
    assert ACTIVE.search(re.sub(r"&[lg]t;[^<]*", "", once)) is None


@given(st.text("abc", max_size=20), st.data())
def test_a_draft_knows_where_each_kept_character_came_from(text, data):
    marked = "".join(f"{char}{index}," for index, char in enumerate(text))
    draft = Draft(marked)
    for _ in range(3):
        edits, at = [], 0
        while at < len(draft.text):
            start = data.draw(st.integers(at, len(draft.text)))
            end = data.draw(st.integers(start, min(len(draft.text), start + 4)))
            if end > start:
                edits.append(
                    Edit(
                        start=start, end=end, to=data.draw(st.sampled_from(["", "#", "##"])), rule="sanitizer/left-out"
                    )
                )
            at = end + 1
        draft.apply(edits)

    for position, char in enumerate(draft.text):
        assert char == "#" or marked[draft.original(position)] == char
    assert all(0 <= span.start <= span.end <= len(marked) for span in draft.spans)
