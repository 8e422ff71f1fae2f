"""Decoding goes two layers deep, leads back to exactly what was encoded, and has an end that it names."""

import base64
import gzip
import html
import json
import quopri
import random
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from holdfast.contracts import Action, Where
from holdfast.safety.leaks import LeakDetector
from holdfast.safety.leaks.detector import UNREAD
from holdfast.safety.leaks.runs import FREE
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.redaction import redact

GITHUB = expand("ghp_{crc:30}")
PASSWORD = expand("{base62:9}#{digits:3}x")
CONFIG = f'[db]\nhost = "db.internal"\npassword = "{PASSWORD}"\n'


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


ONE: dict[str, Callable[[str], str]] = {
    "base64": base64_of,
    "base64 one byte on": lambda text: base64_of(f"~{text}"),
    "base64 two bytes on": lambda text: base64_of(f"~~{text}").rstrip("="),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(f"<?>{text}".encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(f"some words come before {text} and after".encode()).decode(),
    "base64 in lines of JSON": lambda text: json.dumps(
        base64.encodebytes(f"words before {text} after".encode()).decode()
    ),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "backslash u": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "backslash u in braces": lambda text: "".join(f"\\u{{{ord(char):x}}}" for char in text),
    "backslash x": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "decimal entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(char):X};" for char in text),
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    "soft line breaks": lambda text: quopri.encodestring(f"{'word ' * 11}{text}".encode()).decode(),
    "gzip": packed,
    "zlib": lambda text: base64.b64encode(zlib.compress(text.encode())).decode(),
}
"""Encodings that `test_evasion_matrix` does not cross with everything, and those it does, once each."""


def test_an_encoded_token_is_found_and_nothing_around_it_is_covered(detector: LeakDetector) -> None:
    for name, encode in ONE.items():
        text = f"data: {encode(GITHUB)} ; end"

        found = detector.scan([text], Where.ARGUMENTS)

        assert found, name
        assert {one.action for one in found} == {Action.DENY}, name
        assert all(5 <= one.start < one.end <= len(text) - 6 for one in found), name
        assert detector.scan(redact([text], found), Where.ARGUMENTS) == (), name


def test_two_encodings_of_each_other_hide_nothing(detector: LeakDetector) -> None:
    for outer, wrap in ONE.items():
        for inner, encode in ONE.items():
            text = f"data: {wrap(encode(f'{GITHUB} '))} ; end"

            assert detector.scan([text], Where.ARGUMENTS), (outer, inner)


def test_only_the_groups_that_say_it_are_covered(detector: LeakDetector) -> None:
    for before in range(1, 7):
        whole = base64.encodebytes(f"{'w ' * 40}{'x' * before} {GITHUB} {'y ' * 40}".encode()).decode()

        (found,) = detector.scan([whole], Where.OUTPUT)

        before_it = 80 + before + 1
        first, last = before_it * 8 // 6, ((before_it + len(GITHUB)) * 8 - 1) // 6
        assert whole[found.start : found.end].replace("\n", "") == whole.replace("\n", "")[first : last + 1]


def test_what_is_known_by_its_surroundings_is_known_encoded_too(detector: LeakDetector) -> None:
    assert detector.scan([CONFIG], Where.OUTPUT)
    for encode in (base64_of, packed, quote, lambda text: html.escape(text).replace("=", "&#61;")):
        text = f"config {encode(CONFIG)} end"

        found = detector.scan([text], Where.OUTPUT)

        assert found
        assert PASSWORD not in redact([text], found)[0]


def test_ordinary_text_beside_an_escape_is_judged_once_and_whole(detector: LeakDetector) -> None:
    """A window around an escape shows a name cut in half: `public_key` would become `key`."""
    value = expand("{base62:24}")
    for gap in range(240, 262):
        text = f"public_key={value}{' ' * gap}100%25"

        assert detector.scan([text], Where.OUTPUT) == (), gap


def test_pictures_digests_and_scripts_hold_nothing(detector: LeakDetector) -> None:
    draw = random.Random(7)
    picture = base64_of(draw.randbytes(60_000).decode("latin-1")) + base64.b64encode(draw.randbytes(200_000)).decode()
    sheet = "".join(
        f'"\\x{draw.randrange(256):02x}\\u{draw.randrange(0x2000):04x}%{draw.randrange(256):02X}",' for _ in range(4000)
    )
    script = ";".join(f"var {chr(97 + n % 26)}{n}=function(e){{return e.t[{n}]&&e.k!==''}}" for n in range(2000))
    packs = [base64.b64encode(zlib.compress(draw.randbytes(3000))).decode() for _ in range(20)]

    for text in (
        picture,
        draw.randbytes(40_000).hex(),
        sheet,
        script,
        " ".join(packs),
        f"data:image/png;base64,{picture}",
    ):
        assert detector.scan([text], Where.OUTPUT) == ()


def test_a_stream_that_grows_beyond_measure_is_named_and_not_read(detector: LeakDetector) -> None:
    for size in (FREE // 2, 8 * FREE):
        bomb = base64.b64encode(gzip.compress(b"0" * size)).decode()
        text = f"before {bomb} after {GITHUB}"

        found = detector.scan([text], Where.ARGUMENTS)

        unread = next(one for one in found if one.rule == UNREAD)
        assert (unread.start, unread.end, unread.action) == (7, 7 + len(bomb), Action.DENY)
        assert any(one.rule == "leaks/github-token" for one in found)


def test_when_the_budget_is_spent_the_rest_is_named(detector: LeakDetector) -> None:
    one = base64.b64encode(gzip.compress(b"lorem ipsum " * 3000)).decode()
    text = " ".join([one] * 60)

    found = detector.scan([text], Where.OUTPUT)

    assert {each.rule for each in found} == {UNREAD}
    assert 0 < len(found) < 60


def test_a_broken_stream_is_read_as_far_as_it_goes_and_is_no_error(detector: LeakDetector) -> None:
    stream = gzip.compress(f"{GITHUB} {'word ' * 200}".encode())

    assert detector.scan([base64.b64encode(stream[: len(stream) - 9]).decode()], Where.OUTPUT) != ()
    assert detector.scan([f"H4sI{'A' * 40}"], Where.OUTPUT) == ()


@pytest.mark.parametrize("engine", ["detector", "slow_detector"])
def test_tokens_are_known_backwards_by_their_prefix(engine: str, request: pytest.FixtureRequest) -> None:
    detector: LeakDetector = request.getfixturevalue(engine)
    text = f"see {GITHUB[::-1]} and {GITHUB[::-1]}."

    found = detector.scan([text], Where.ARGUMENTS)

    assert [text[one.start : one.end] for one in found] == [GITHUB[::-1]] * 2
    assert detector.scan([GITHUB[4:][::-1]], Where.ARGUMENTS) == ()


def test_letters_that_look_like_others_are_read_as_those(detector: LeakDetector) -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) for char in GITHUB)
    greek = GITHUB.replace("p", "\u0440", 1).replace("h", "\u04bb", 1)
    struck = "\u0336".join(GITHUB)

    for hidden in (wide, wide[:3] + GITHUB[3:], greek, struck, "\u200b".join(wide)):
        text = f"\u00e9t\u00e9 {hidden} \u00e9t\u00e9"

        (found,) = detector.scan([text], Where.ARGUMENTS)

        assert (found.action, text[found.start : found.end]) == (Action.DENY, hidden), ascii(hidden)


def test_other_scripts_are_what_they_are(detector: LeakDetector) -> None:
    for text in (
        "\u043f\u0430\u0440\u043e\u043b\u044c: \u0441\u0435\u043a\u0440\u0435\u0442",
        "\uff30\uff23\u306e\u8a2d\u5b9a",
        "x\u2212y, caf\u00e9, \u03b1-helix",
    ):
        assert detector.scan([text], Where.OUTPUT) == ()
