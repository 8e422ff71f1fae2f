"""A served name fits every model API, is unambiguous, and never hides what it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts.specs import TOOL_NAME
from holdfast.sandbox.mcp.catalogue.names import hides, served_name, shown
from holdfast.sandbox.mcp.config import UPSTREAM_NAME, Prefix

SERVERS = st.from_regex(UPSTREAM_NAME, fullmatch=True)
TOOLS = st.from_regex(r"[A-Za-z0-9_.-]{1,128}", fullmatch=True).filter(lambda name: "__" not in name)


def test_a_plain_name_is_prefixed_with_its_server():
    assert served_name("files", "read_file", Prefix.NAME) == "files__read_file"
    assert served_name("files", "read_file", Prefix.NONE) == "read_file"


@given(SERVERS, TOOLS)
def test_every_name_of_mcp_is_served_and_splits_into_its_server_at_the_first_mark(server, tool):
    name = served_name(server, tool, Prefix.NAME)

    assert name is not None
    assert TOOL_NAME.fullmatch(name)
    assert name.partition("__")[0] == server


@given(SERVERS, TOOLS, TOOLS)
def test_two_tools_that_had_to_be_changed_do_not_become_one(server, one, other):
    changed = served_name(server, one, Prefix.NAME), served_name(server, other, Prefix.NAME)

    assert changed[0] != changed[1] or one == other or f"{server}__{one}" in changed or f"{server}__{other}" in changed


def test_a_name_too_long_is_cut_the_same_way_every_time():
    name = served_name("files", "a" * 128, Prefix.NAME)

    assert name == served_name("files", "a" * 128, Prefix.NAME)
    assert name != served_name("files", "a" * 127, Prefix.NAME)
    assert len(name) == 64


@pytest.mark.parametrize(
    "tool", ["", "a b", "ec\u200bho", "\u0435cho", "e\U000e0041", "a/b", "a" * 129, "echo\n", "git__commit"]
)
def test_a_name_outside_the_grammar_is_not_served(tool):
    assert served_name("files", tool, Prefix.NAME) is None


@pytest.mark.parametrize(
    "hidden", ["\u200b", "\u202e", "\ufeff", "\U000e0041", "\x00", "\x1b", "\u2028", "\ue000", "\u3164", "\ufe01"]
)
def test_what_nobody_sees_is_taken_out_of_texts(hidden):
    assert hides(f"a{hidden}b")
    assert shown(f"a{hidden}b") == "ab"


@pytest.mark.parametrize("text", ["plain", "two\nlines\tand a tab", "größe 漢字 🙂", ""])
def test_ordinary_text_is_left_alone(text):
    assert not hides(text)
    assert shown(text) == text


@given(st.text())
def test_shown_text_hides_nothing(text):
    assert not hides(shown(text))
