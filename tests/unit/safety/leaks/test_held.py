"""Every writing of what is held is found, wherever it stands, and covered to the last bit."""

import base64
import html
import json
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Secret, Where
from holdfast.safety.leaks import HELD, Held, LeakDetector
from holdfast.safety.leaks.database import HyperscanLiterals, PlainLiterals
from holdfast.safety.redaction import redact

VALUE = 'zaun/König & "Söhne"\n=12%'


def holding(detector: LeakDetector, *values: str) -> LeakDetector:
    held = Held.of(Secret(value.encode()) for value in values)
    return detector.holding(lambda: held)


def test_each_writing_is_covered_whole(detector: LeakDetector) -> None:
    raw = VALUE.encode()
    written = {
        "plain": VALUE,
        "JSON": json.dumps(VALUE)[1:-1],
        "JSON in JSON": json.dumps(json.dumps(VALUE))[3:-3],
        "JSON with all letters": json.dumps(VALUE, ensure_ascii=False)[1:-1],
        "URL": quote(VALUE, safe=""),
        "HTML": html.escape(VALUE),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "hex apart": raw.hex(":"),
        "base32": base64.b32encode(raw).decode().rstrip("="),
    } | {f"base64 after {n}": base64.b64encode(b"..."[:n] + raw).decode().rstrip("=") for n in range(3)}
    known = holding(detector, VALUE)

    for name, text in written.items():
        found = [one for one in known.scan([f"so: {text} ."], Where.OUTPUT) if one.rule == HELD]

        assert found, name
        left = redact([f"so: {text} ."], found)[0].replace("[REDACTED:held-secret]", "")
        apart = {"base64 after 1": 1, "base64 after 2": 2}.get(name, 0)  # characters that say none of it
        assert len(left) == len("so:  .") + apart, (name, left)


def test_both_engines_of_literals_agree() -> None:
    needles = [b"abcdefgh", b"ABCdefgh1", b"\x00\xff(.*)"]
    data = b"xABCDEFGH1 abcdefgh\x00\xff(.*)"

    assert sorted(HyperscanLiterals(needles).ends(data) or ()) == sorted(PlainLiterals(needles).ends(data) or ())
    assert HyperscanLiterals([b"aa"]).ends(b"a" * 20_000) is None
    assert PlainLiterals([b"aa"]).ends(b"a" * 20_000) is None


def test_what_is_too_short_or_not_there_is_not_looked_for(detector: LeakDetector) -> None:
    assert Held.of([]) is None
    assert Held.of([Secret(b"seven77")]) is None
    assert holding(detector).scan([VALUE], Where.OUTPUT) == detector.scan([VALUE], Where.OUTPUT)


def test_a_long_value_is_found_in_parts_too(detector: LeakDetector) -> None:
    value = "\n".join(f"line {n} of a key file" for n in range(60))
    known = holding(detector, value)

    for text in (value, value[300:], f"x {value[192:384]} y", json.dumps(value)):
        found = known.scan([text], Where.OUTPUT)
        assert {one.rule for one in found} == {HELD}
    assert redact([value], known.scan([value], Where.OUTPUT)) == ("[REDACTED:held-secret]",)


def test_nothing_that_is_printed_says_a_value() -> None:
    held = Held.of([Secret(VALUE.encode())])

    assert "zaun" not in repr(held)


def test_a_value_in_pieces_over_texts_is_found_in_each(detector: LeakDetector) -> None:
    found = holding(detector, VALUE).scan([f"a {VALUE[:9]}", f"{VALUE[9:]} b"], Where.OUTPUT)

    assert [one.part for one in found if one.rule == HELD] == [0, 1]


@given(st.text(min_size=8, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_value_is_found_in_any_text(value: str, before: str, after: str) -> None:
    raw = value.encode("utf-8", "ignore")
    held = Held.of([Secret(raw)])
    if held is None:
        return
    data = before.encode("utf-8", "replace") + raw + after.encode("utf-8", "replace")

    start = len(before.encode("utf-8", "replace"))
    assert (start, start + len(raw)) in (held.places(data) or ())
