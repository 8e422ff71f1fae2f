"""Laws of the envelope, over text made of the pieces that attack it."""

import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from holdfast.safety.envelope import spelled_back, unwrap, unwrap_strict, wrap, wrap_strict
from holdfast.safety.sanitizer.lookalikes import SHAPES, letterforms, read_as

LABELS = {"name": "t", "call": "c", "status": "ok", "boundary": "0123456789abcdef"}
TAG = re.compile(r"<[/\\]*tool[_\\]*output")

FORMS = {key: re.findall(r"\\U([0-9a-f]{8})", body) for key, body in letterforms().items()}
GAPS = [
    "",
    "",
    "",
    " ",
    "\n",
    "\t",
    "\u200b",
    "\u00ad",
    "\u2060",
    "\u0301",
    "\ufe0f",
    "\U000e0061",
    "\\",
    "\r",
    "\x00",
    "\u3000",
    "\u202e",
]


def letter(key: str) -> st.SearchStrategy[str]:
    drawn = st.sampled_from([chr(int(point, 16)) for point in FORMS[key]] + list(SHAPES[key]))
    return st.one_of(st.sampled_from([key, key.upper()]), drawn)


@st.composite
def lookalike(draw: st.DrawFn) -> str:
    opener = draw(st.one_of(letter("<"), st.sampled_from(["&lt;", "&#60;", "&#x3C;", "\\u003c", "%3c", "&amp;lt;"])))
    marks = draw(st.sampled_from(["", "", "~", "~~"]))
    name = [draw(letter(key)) for key in draw(st.sampled_from(["/tool_output", "tool_output", "tooloutput"]))]
    gaps = [draw(st.sampled_from(GAPS)) for _ in name]
    return opener + marks + "".join(gap + char for gap, char in zip(gaps, name, strict=True))


pieces = st.one_of(
    lookalike(),
    st.text(max_size=5),
    st.sampled_from(["~", "<", "&", "\\", "\r", "\u27e6U+41\u27e7", "\u27e6~U+0\u27e7", "]]>", "\ud800"]),
)
bodies = st.lists(pieces, max_size=6).map("".join)


@given(bodies)
def test_unwrapping_gives_back_what_was_wrapped(text):
    assert unwrap(wrap(text, **LABELS)) == text


@given(bodies)
def test_the_strict_form_is_xml_and_gives_back_what_was_wrapped(text):
    strict = wrap_strict(text, **LABELS)
    element = ET.fromstring(strict)
    read = spelled_back(element.text or "")

    assert unwrap_strict(strict) == text
    assert len(element) == 0
    assert unwrap(wrap("", **LABELS).replace("\n\n", read)) == text


@given(bodies)
def test_nothing_inside_reads_as_the_tag(text):
    body = wrap(text, **LABELS).partition("\n")[2].rpartition("\n")[0]

    assert TAG.search(read_as(body)) is None


@given(lookalike())
def test_every_lookalike_is_found(text):
    assert wrap(text, **LABELS) != wrap("", **LABELS).replace("\n\n", f"\n{text}\n")


@given(bodies, bodies)
def test_different_bodies_stay_different(one, other):
    assert (wrap(one, **LABELS) == wrap(other, **LABELS)) == (one == other)


@given(st.text(), st.text(), st.text())
def test_attributes_are_one_line_of_plain_ascii(name, call, status):
    head = wrap("x", name=name, call=call, status=status, boundary=LABELS["boundary"]).partition("\n")[0]

    assert head.isascii()
    assert head.isprintable()
    assert set(ET.fromstring(head + "</tool_output_0123456789abcdef>").attrib) == {"name", "call", "status", "trust"}
