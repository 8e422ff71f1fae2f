"""The evasion matrix: each tier of rules against each way of writing and of cutting; open cells are named as such."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from holdfast.contracts import Action, Finding, Json, Secret, Where
from holdfast.contracts.json_values import strings
from holdfast.safety.leaks import Held, LeakDetector
from holdfast.safety.redaction import redact
from holdfast.safety.truncation import truncate

from .evasions import ENCODED, OPEN, TIERS

TABLE = Path(__file__).parents[4] / "docs/detection.md"


@pytest.fixture(scope="module")
def known(detector: LeakDetector) -> LeakDetector:
    held = Held.of([Secret(TIERS["ours"].encode())])
    return detector.holding(lambda: held)


def wanted(found: Sequence[Finding], tier: str, where: Where) -> bool:
    """Whether *found* does what the tier promises."""
    match tier, where:
        case "note", _:
            return bool(found) and {one.action for one in found} == {Action.ANNOTATE}
        case "redact", _:
            return any(one.action is not Action.ANNOTATE for one in found)
        case _, Where.ARGUMENTS:
            return any(one.action is Action.DENY for one in found)
        case _, Where.OUTPUT:
            return any(one.action is Action.REDACT for one in found)


def uncovered(text: str, written: str, found: Sequence[Finding]) -> int:
    """The longest stretch of *written* that is still in *text* once it is redacted."""
    left = redact((text,), found)[0]
    return max(
        (
            size
            for size in range(1, len(written) + 1)
            if any(written[at : at + size] in left for at in range(len(written) - size + 1))
        ),
        default=0,
    )


def test_each_writing_is_found_or_named_as_open(known: LeakDetector) -> None:
    wrong = []
    for name, write in ENCODED.items():
        for tier, text in TIERS.items():
            written = f"so: {write(text)} . end"
            closed = all(wanted(known.scan([written], where), tier, where) for where in Where)
            if closed == (tier in OPEN.get(name, ((), ""))[0]):
                wrong.append(f"{tier} / {name} is {'closed' if closed else 'open'}")

    assert wrong == []


def test_what_is_found_covers_the_secret_in_every_writing(known: LeakDetector) -> None:
    for name, write in ENCODED.items():
        for tier in ("deny", "ours"):
            if tier in OPEN.get(name, ((), ""))[0] or name in (
                "soft line breaks",
                "base64 in lines",
                "base64 of UTF-16 in lines",
                "base64 in a JSON string",
            ):
                continue
            written = write(TIERS[tier])

            found = known.scan([f"so: {written} . end"], Where.OUTPUT)

            assert uncovered(f"so: {written} . end", written, found) <= len(written) // 4, (tier, name)


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [f"so: {text[:middle]}", f"{text[middle:]} . end"]


SPLIT: dict[str, Callable[[str], list[str]]] = {
    "over two texts": halves,
    "over two texts, one of them long": lambda text: ["word " * 3000 + halves(text)[0], halves(text)[1]],
    "over many texts": lambda text: [text[at : at + 5] for at in range(0, len(text), 5)],
    "over two texts, in base64": lambda text: halves(ENCODED["base64"](text)),
    "over two texts, in backslash u": lambda text: halves(ENCODED["backslash u"](text)),
    "over two texts, zero-width": lambda text: halves("\u200b".join(text)),
    "over two texts, fullwidth": lambda text: halves(ENCODED["fullwidth"](text)),
}
ARGUMENTS: dict[str, Callable[[str], dict[str, Json]]] = {
    "in a value": lambda text: {"a": {"b": [1, f"so: {text} ."]}},
    "in a key": lambda text: {"a": {text: 1}},
    "in a key, in base64": lambda text: {ENCODED["base64"](text): None},
    "over two values": lambda text: {"a": halves(text)[0], "key": halves(text)[1]},
    "over items of a list": lambda text: {"a": [text[at : at + 5] for at in range(0, len(text), 5)]},
}
OPEN_SPLIT = {
    "over two texts": {"redact", "note"},
    "over two texts, one of them long": {"redact", "note"},
    "over many texts": {"redact", "note"},
    "over two texts, in base64": {"redact", "note"},
    "over two texts, in backslash u": {"redact", "note"},
    "over two texts, zero-width": {"redact", "note"},
    "over two texts, fullwidth": {"redact", "note"},
    "over two values": {"redact", "note"},
    "over items of a list": {"redact", "note"},
}
"""Two texts are not one line: a name at the end of one does not make a secret of what begins the next."""


def test_what_is_split_is_found_or_named_as_open(known: LeakDetector) -> None:
    wrong = []
    for name, cut in SPLIT.items():
        for tier, text in TIERS.items():
            closed = wanted(known.scan(cut(text), Where.OUTPUT), tier, Where.OUTPUT)
            if closed == (tier in OPEN_SPLIT.get(name, ())):
                wrong.append(f"{tier} / {name} is {'closed' if closed else 'open'}")
    for name, put in ARGUMENTS.items():
        for tier, text in TIERS.items():
            closed = wanted(known.scan_arguments(put(text), Where.ARGUMENTS), tier, Where.ARGUMENTS)
            if closed == (tier in OPEN_SPLIT.get(name, ())):
                wrong.append(f"{tier} / {name} is {'closed' if closed else 'open'}")

    assert wrong == []


def test_a_chunk_border_is_none_in_any_writing(known: LeakDetector) -> None:
    """`test_stream` has the law; here each cell once, cut in the middle of the secret."""
    for name, write in ENCODED.items():
        for tier, text in TIERS.items():
            written = f"{'word ' * 900}so: {write(text)} . end {'word ' * 900}"
            stream = known.stream(Where.OUTPUT, reach=1024)
            middle = 4500 + len(write(text)) // 2

            found = [*stream.feed(written[:middle]), *stream.feed(written[middle:]), *stream.close()]

            assert set(found) == set(known.scan([written], Where.OUTPUT)), (tier, name)


def test_a_cut_leaves_no_part_of_a_secret_in_any_writing(known: LeakDetector) -> None:
    """Scanned whole, redacted, and only then cut: wherever the cut falls, it falls into a mark."""
    for name in ("plain", "base64", "hex", "backslash u", "zero-width", "fullwidth", "gzip in base64", "backwards"):
        for tier in ("deny", "ours"):
            written = ENCODED[name](TIERS[tier])
            text = f"so: {written} . end"
            clean = redact((text,), known.scan([text], Where.OUTPUT))[0]

            for limit in range(4, len(clean)):
                assert written[:4] not in truncate(clean, limit_bytes=limit)[0], (tier, name, limit)


def test_the_open_cells_are_those_that_the_documentation_names() -> None:
    section = TABLE.read_text(encoding="utf-8").partition("## Decoding and evasion")[2].partition("\n## ")[0]
    named = {
        (tier, channel)
        for channel, tiers in re.findall(r"^\| ([^|]+?) \| open: ([a-z, ]+) \|", section, re.MULTILINE)
        for tier in tiers.split(", ")
    }
    here = {(tier, name) for name, (tiers, _why) in OPEN.items() for tier in tiers}

    assert named == here | {(tier, "split over texts or values") for tier in ("redact", "note")}


def test_every_string_of_arguments_is_looked_at() -> None:
    assert list(strings(ARGUMENTS["in a key"]("x"))) == ["a", "x"]
