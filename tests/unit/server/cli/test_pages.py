"""What an operator decides by: whole, on lines that no value can leave, with everything that hides written out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.server.cli.approval_page import approval_page
from holdfast.server.cli.pages import WIDTH, Page
from holdfast.server.cli.rendering import show_json
from holdfast.server.terminal import escaped, escaped_json

TEXTS = st.text(st.characters(), max_size=400) | st.text("\n\r\x1b[2J\u202e\u200b |:\\", max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def record(**more: object) -> dict[str, object]:
    """An approval as `approvals.show` answers it."""
    plain: dict[str, object] = {
        "id": "a1",
        "state": "pending",
        "created_at": "2026-01-01T00:00:00.000Z",
        "expires_at": "2026-01-01T00:15:00.000Z",
        "tool": "shell",
        "arguments": {},
        "forbids": ["ask-it"],
        "reasons": {"ask-it": "because it asks"},
        "level": "operator",
        "principal": "agent",
        "tenant": "local",
        "call_id": "c1",
        "session": "s1",
        "lineage": "s1",
        "labels": [],
        "flow": [],
        "facts": {},
        "references": [],
        "unresolved": [],
        "ran_before": None,
        "digest": "blake3:00",
    }
    return plain | more


HIDDEN = {
    "an escape": "\x1b[2J",
    "a carriage return": "\r",
    "a tab": "\t",
    "a bell": "\a",
    "a right-to-left override": "\u202e",
    "an isolate": "\u2066",
    "a zero-width space": "\u200b",
    "a no-break space": "\u00a0",
    "a line separator": "\u2028",
    "a variation selector": "\ufe0f",
    "a supplementary one": "\U000e0101",
    "a tag": "\U000e0041",
    "a hangul filler": "\u3164",
    "a blank braille pattern": "\u2800",
    "a soft hyphen": "\u00ad",
    "a joiner of graphemes": "\u034f",
    "a half of a pair": "\ud800",
    "a private character": "\ue000",
    "an unassigned one": "\u0378",
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_what_does_not_show_stands_there_as_its_number(kind: str):
    char = HIDDEN[kind]

    for shown in (escaped(f"a{char}b"), approval_page(record(arguments={"x": f"a{char}b"}))):
        assert char not in shown
        assert json.dumps(f"a{char}b")[1:-1] in shown


@pytest.mark.parametrize("text", ["naïve café", "日本語", "Привет", "مرحبا", "नमस्ते", "e\u0301", "👍", "a|b: c"])
def test_what_people_write_stands_there_as_it_is(text: str):
    assert escaped(text) == text


def test_a_pile_of_marks_is_cut_up_and_a_mark_at_the_beginning_sits_on_nothing():
    assert escaped("e" + "\u0301" * 9).count("\\u0301") == 6
    assert escaped("\u0301e") == "\\u0301e"


@given(TEXTS)
def test_no_two_texts_look_the_same_escaped(text: str):
    """It reads back, so nothing was lost and nothing can be taken for an escape."""
    assert json.loads('"' + escaped(text).replace('"', '\\"') + '"') == text


@given(VALUES)
def test_json_reads_back_as_what_it_was(value: object):
    written = escaped_json(json.dumps(value, ensure_ascii=False, indent=2))

    assert json.loads(written) == value
    assert all(char.isprintable() or char == "\n" for char in written)


def test_json_on_the_terminal_hides_nothing(capsys: pytest.CaptureFixture[str]):
    show_json({"a": "".join(HIDDEN.values())})

    assert capsys.readouterr().out.isascii()


@given(st.dictionaries(TEXTS, VALUES, max_size=4), TEXTS, st.lists(TEXTS, max_size=3))
def test_no_value_can_look_like_a_line_of_ours(arguments: dict[str, object], principal: str, unresolved: list[str]):
    page = approval_page(record(arguments=arguments, principal=principal, unresolved=unresolved))
    plain = approval_page(record())
    ours = {line for line in plain.splitlines() if line and not line.startswith(" ")}

    lines = page.split("\n")
    heads = [line for line in lines if line and not line.startswith(" ")]

    assert all(char.isprintable() for line in lines for char in line)
    assert set(heads) - ours <= {"what it names and could not be told: look yourself"}
    assert len(heads) == len(set(heads))


@given(TEXTS)
def test_nothing_of_a_text_is_left_out(text: str):
    page = Page()
    page.value(text)

    lines = page.text()[:-1].split("\n")
    shown: list[str] = []
    for line in lines:
        assert line.startswith(("    | ", "    : "))
        if line.startswith("    | "):
            shown.append(line[6:])
        else:
            shown[-1] += line[6:]
    wanted = [escaped(line) for line in text.split("\n")]
    assert shown == [line[:-1] + "\\u0020" if line.endswith(" ") else line for line in wanted]


def test_a_long_line_is_broken_and_goes_on_behind_a_colon():
    text = "x" * (2 * WIDTH) + "        labels none"
    page = approval_page(record(arguments={"script": text}))

    lines = [line for line in page.splitlines() if line.startswith(("    | ", "    : "))]
    assert "".join(line[6:] for line in lines) == text
    assert [line[4] for line in lines] == ["|", ":", ":"]


def test_wide_characters_count_twice():
    page = Page()
    page.value("界" * WIDTH)

    assert len(page.text().splitlines()) == 2


def test_a_hundred_thousand_characters_are_all_there():
    page = approval_page(record(arguments={"content": "0123456789" * 10_000}))

    lines = [line[6:] for line in page.splitlines() if line.startswith(("    | ", "    : "))]
    assert "".join(lines) == "0123456789" * 10_000


def test_a_page_says_what_a_person_asks():
    page = approval_page(
        record(
            arguments={"script": "sh a.sh\n", "cwd": ".", "n": 1, "nested": {"a": [True]}},
            lineage="s0",
            labels=["private", "untrusted"],
            level="always",
            flow=[
                {
                    "call_id": "c0",
                    "tool": "mail__read",
                    "labels": ["untrusted"],
                    "places": ["upstream:mail:inbox/1"],
                    "at": "2025-12-31T23:00:00.000Z",
                }
            ],
            facts={
                "sink": "execute",
                "effects": ["execute"],
                "args_from_user": False,
                "receivers_listed": False,
                "private": True,
                "untrusted": True,
                "args_from_untrusted": True,
                "carries": [
                    {
                        "place": "upstream:git:branch/main",
                        "call_id": "c9",
                        "tool": "git__commit",
                        "session": "s9",
                        "labels": ["private"],
                        "at": "2025-12-31T22:00:00.000Z",
                    }
                ],
            },
            references=[{"path": "a.sh", "digest": "blake3:11"}],
            unresolved=["the script has words that the shell makes others of"],
            ran_before="c5",
        )
    )

    for said in (
        "  argument script (text)\n    | sh a.sh\n    | \n",
        "  argument n (number)\n    | 1\n",
        '  argument nested (object)\n    | {\n    |   "a": [\n    |     true\n    |   ]\n    | }\n',
        "  ask-it: because it asks\n  each call is asked anew; no lease lifts this\n",
        "  session s1, below session s0\n  it holds: private, untrusted\n",
        "  untrusted: mail__read at 2025-12-31T23:00:00.000Z\n    from upstream:mail:inbox/1\n    call c0\n",
        "  it runs a program (effects: execute)\n  what decides its effect is not in the user's request",
        "  the same call already ran, as c5\n",
        "  private: upstream:git:branch/main\n    written by git__commit at 2025-12-31T22:00:00.000Z\n",
        "    call c9, session s9\n",
        "  a.sh\n    blake3:11\n",
        "  the script has words that the shell makes others of\n",
        "  like something that a stranger wrote\n",
    ):
        assert said in page, (said, page)


def test_a_text_and_a_number_that_look_alike_are_told_apart():
    page = approval_page(record(arguments={"a": "1", "b": 1, "c": "", "d": None, "e": False, "f": "null"}))

    kinds = [line.partition("(")[2].rstrip(")") for line in page.splitlines() if line.startswith("  argument ")]
    assert kinds == ["text", "number", "empty text", "null", "true or false", "text"]
