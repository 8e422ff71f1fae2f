"""What the detector promises beyond its rules: places in characters, seams, encodings, tiers, bounds."""

import base64
import json
import threading
from urllib.parse import quote

import pytest

from holdfast.contracts import Action, Where
from holdfast.contracts.json_values import strings
from holdfast.safety.leaks import LeakDetector, LeakRule, checks
from holdfast.safety.leaks.detector import FLOOD
from holdfast.safety.leaks.specimens import expand

GITHUB = expand("ghp_{crc:30}")
UNCHECKED = expand("ghp_{base62:36}")
AWS = expand("AKIA{base32:16}")
PEM = expand("{pem:RSA }")


def test_a_finding_says_where_and_never_what(detector: LeakDetector) -> None:
    (found,) = detector.scan([f"use {GITHUB} now"], Where.ARGUMENTS)

    assert (found.rule, found.layer, found.part, found.start, found.end) == ("leaks/github-token", "leaks", 0, 4, 44)
    assert GITHUB not in repr(found)


@pytest.mark.parametrize(
    "before",
    ["é", "日本語 ", "🙂🙂 ", "\ud800 ", "a\u0301 "],
    ids=["latin", "kanji", "emoji", "surrogate", "combining"],
)
def test_places_count_characters_in_any_script(detector: LeakDetector, before: str) -> None:
    text = f"{before}={GITHUB}={before}"

    (found,) = detector.scan([text], Where.OUTPUT)

    assert text[found.start : found.end] == GITHUB


def test_output_is_redacted_and_arguments_are_denied(detector: LeakDetector) -> None:
    assert {found.action for found in detector.scan([GITHUB], Where.ARGUMENTS)} == {Action.DENY}
    assert {found.action for found in detector.scan([GITHUB], Where.OUTPUT)} == {Action.REDACT}


def test_a_failed_checksum_lowers_the_tier_and_does_not_acquit(detector: LeakDetector) -> None:
    (found,) = detector.scan([UNCHECKED], Where.ARGUMENTS)

    assert (found.rule, found.action) == ("leaks/github-token", Action.REDACT)


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_secret_across_two_texts_is_found_in_both(detector: LeakDetector, cut: int) -> None:
    found = detector.scan([f"see {GITHUB[:cut]}", f"{GITHUB[cut:]} there"], Where.OUTPUT)

    assert [(each.rule, each.part, each.start, each.end) for each in found] == [
        ("leaks/github-token", 0, 4, 4 + cut),
        ("leaks/github-token", 1, 0, 40 - cut),
    ]


def test_a_secret_in_crumbs_over_many_texts_is_found_in_each(detector: LeakDetector) -> None:
    found = detector.scan(list(GITHUB), Where.OUTPUT)

    assert [each.part for each in found] == list(range(40))


def test_a_secret_between_two_long_texts_is_found(detector: LeakDetector) -> None:
    texts = ["word " * 20_000 + GITHUB[:9], GITHUB[9:] + " word" * 20_000]

    assert [each.part for each in detector.scan(texts, Where.OUTPUT)] == [0, 1]


def test_a_key_does_not_hide_a_secret_split_over_two_values(detector: LeakDetector) -> None:
    arguments = {"first": f"x {GITHUB[:20]}", "second": GITHUB[20:], "list": [AWS]}

    found = detector.scan_arguments(arguments, Where.ARGUMENTS)

    every = list(strings(arguments))
    assert [every[each.part][each.start : each.end] for each in found] == [GITHUB[:20], GITHUB[20:], AWS]


def test_unrelated_texts_are_not_read_as_one_line(detector: LeakDetector) -> None:
    assert detector.scan(["password", expand("{base62:20}")], Where.OUTPUT) == ()


def test_a_private_key_is_covered_whole(detector: LeakDetector) -> None:
    text = f"before\n{PEM}\nafter"

    (found,) = detector.scan([text], Where.OUTPUT)

    assert text[found.start : found.end] == PEM


def test_a_private_key_without_an_end_is_covered_to_where_it_stops(detector: LeakDetector) -> None:
    text = PEM[:-60]

    (found,) = detector.scan([text], Where.OUTPUT)

    assert (found.start, found.end) == (0, len(text))


def test_an_end_in_another_text_does_not_hide_a_key(detector: LeakDetector) -> None:
    texts = ["x " * 9000 + PEM[:-60] + " y" * 9000, "----- END PRIVATE KEY -----", PEM[-40:]]

    assert 0 in {each.part for each in detector.scan(texts, Where.OUTPUT)}


ENCODINGS = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url64-shifted": lambda text: base64.urlsafe_b64encode(f"={text}".encode()).decode(),
    "base64-shifted": lambda text: base64.b64encode(f"x {text}".encode()).decode().rstrip("="),
    "base64-lines": lambda text: base64.encodebytes(f"some words before {text} and some after".encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "HEX-spaced": lambda text: f"{text} {text}".encode().hex().upper(),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "quote": lambda text: quote(f"token={text}", safe=""),
    "backslash-u": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "backslash-x": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("secret", [GITHUB, AWS], ids=["github", "aws"])
def test_one_level_of_encoding_hides_nothing(detector: LeakDetector, encode, secret: str) -> None:
    text = f"data: {encode(secret)} end"

    found = detector.scan([text], Where.ARGUMENTS)

    assert found
    assert all(each.action is Action.DENY for each in found)
    assert min(each.start for each in found) >= 6
    assert max(each.end for each in found) <= len(text) - 4


def test_only_the_encoded_stretch_of_a_long_text_is_covered(detector: LeakDetector) -> None:
    text = "100%25 of it " * 50 + quote(f"{GITHUB}é", safe="") + " plain " * 200

    found = detector.scan([text], Where.OUTPUT)

    assert max(each.end - each.start for each in found) <= 3 * len(GITHUB)


def test_a_secret_in_a_json_text_is_found_after_its_escapes(detector: LeakDetector) -> None:
    text = json.dumps({"out": f"line\n{GITHUB}\tand\n{AWS}\n"})

    assert [text[each.start : each.end] for each in detector.scan([text], Where.OUTPUT)] == [GITHUB, AWS]


def test_overlapping_findings_become_one_named_by_the_surest(detector: LeakDetector) -> None:
    (found,) = detector.scan([f"GITHUB_TOKEN={GITHUB}"], Where.ARGUMENTS)

    assert (found.rule, found.action) == ("leaks/github-token", Action.DENY)


def test_two_neighbouring_secrets_are_two_findings(detector: LeakDetector) -> None:
    assert len(detector.scan([f"{GITHUB} {GITHUB},{AWS}"], Where.OUTPUT)) == 3


def test_a_rejected_match_does_not_hide_the_next(detector: LeakDetector) -> None:
    text = f"password=changeme password={expand('{base62:14}')}"

    (found,) = detector.scan([text], Where.OUTPUT)

    assert found.start == text.rindex("=") + 1


@pytest.mark.parametrize(
    "piece", [GITHUB + " ", "password: x1y2z3 ", expand("Bearer {base36:18} ")], ids=["token", "assignment", "header"]
)
def test_a_flood_is_never_silence(detector: LeakDetector, piece: str) -> None:
    text = piece * 40_000

    found = detector.scan([text, "second"], Where.OUTPUT)

    assert {each.rule for each in found} == {FLOOD}
    assert [(each.part, each.start, each.end) for each in found] == [(0, 0, len(text)), (1, 0, 6)]
    assert {each.action for each in detector.scan([text], Where.ARGUMENTS)} == {Action.DENY}


def test_reports_that_come_to_nothing_do_not_hide_a_secret_behind_them(detector: LeakDetector) -> None:
    found = detector.scan(["-----BEGIN PRIVATE KEY " * 20_000 + GITHUB], Where.OUTPUT)

    assert {each.rule for each in found} == {FLOOD}


def test_confirming_is_bounded_too(slow_detector: LeakDetector) -> None:
    """Without the database nothing caps what is seen, so the budget of confirmation alone must."""
    found = slow_detector.scan([f"{GITHUB} " * 3000], Where.OUTPUT)

    assert {each.rule for each in found} == {FLOOD}


@pytest.mark.parametrize(
    "piece",
    ["key access_token_value_{}_name ", "token=the_{}_value&", "sk-key-{}-", "-----BEGIN PRIVATE KEY----- {} "],
    ids=["words", "bare", "prefix", "pem"],
)
def test_near_misses_that_are_all_different_end_in_a_finding(
    detector: LeakDetector, monkeypatch: pytest.MonkeyPatch, piece: str
) -> None:
    judged = 0
    real = checks.counts

    def counting(rule: LeakRule, secret: str) -> bool:
        nonlocal judged
        judged += 8 + len(secret)
        return real(rule, secret)

    monkeypatch.setattr(checks, "counts", counting)
    text = "".join(map(piece.format, range(4000)))[: 16 << 10]

    found = detector.scan([text, GITHUB], Where.ARGUMENTS)

    assert {(each.rule, each.action) for each in found} == {(FLOOD, Action.DENY)}
    assert judged <= 19 << 10


def test_reports_end_a_short_scan_with_a_finding(detector: LeakDetector) -> None:
    found = detector.scan([('pwd="' * 4000)[: 16 << 10] + GITHUB], Where.OUTPUT)

    assert {each.rule for each in found} == {FLOOD}


def test_a_flood_in_either_reading_is_all_that_is_said(detector: LeakDetector) -> None:
    """What does not show stands between the letters: as they are, the texts are no flood."""
    text = f"{GITHUB} " + 'pw\u200bd="' * 4000

    found = detector.scan([text, "second"], Where.OUTPUT)

    assert [(each.rule, each.part, each.start, each.end) for each in found] == [
        (FLOOD, 0, 0, len(text)),
        (FLOOD, 1, 0, 6),
    ]


def test_a_file_of_nothing_but_passwords_is_no_flood(detector: LeakDetector) -> None:
    text = "".join(f"SERVICE_{at}_PASSWORD={expand('{hex:14}', at)}\n" for at in range(440))

    found = detector.scan([text], Where.OUTPUT)

    assert len(text) < 16 << 10
    assert len(found) >= 430
    assert FLOOD not in {each.rule for each in found}


def test_nothing_is_found_in_nothing(detector: LeakDetector) -> None:
    assert detector.scan([], Where.OUTPUT) == ()
    assert detector.scan(["", ""], Where.OUTPUT) == ()


def test_threads_scan_at_once(detector: LeakDetector) -> None:
    text = f"{'word ' * 4000}{GITHUB}{' word' * 4000}"
    results: list[int] = []
    threads = [
        threading.Thread(target=lambda: results.extend(len(detector.scan([text], Where.OUTPUT)) for _ in range(50)))
        for _ in range(4)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [1] * 200


def test_the_mark_of_a_redaction_gives_what_follows_no_meaning(detector: LeakDetector) -> None:
    value = expand("{base62:26}7xK3")

    assert detector.scan([f"[REDACTED:alibaba-named-key] {value.lower()}"], Where.OUTPUT) == ()
    assert detector.scan([f"[REDACTED:no-such-rule] api_key {value}"], Where.OUTPUT) != ()
    assert detector.scan([f"[REDACTED:alibaba-named-key]{GITHUB}"], Where.OUTPUT) != ()


@pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u200d", "\U000e0041"])
@pytest.mark.parametrize("where", [Where.ARGUMENTS, Where.OUTPUT])
def test_characters_nobody_sees_split_no_credential(detector: LeakDetector, unseen: str, where: Where) -> None:
    text = f"use {unseen.join(GITHUB)} now"

    (found,) = detector.scan([text], where)

    assert text[found.start : found.end].replace(unseen, "") == GITHUB
    assert found.action is (Action.DENY if where is Where.ARGUMENTS else Action.REDACT)


def test_one_unseen_character_anywhere_in_it_is_enough_to_look_again(detector: LeakDetector) -> None:
    for place in range(1, len(GITHUB)):
        text = f"\u00e9 {GITHUB[:place]}\u200b{GITHUB[place:]} \u200b\u00e9"

        found = detector.scan(["plain", text], Where.OUTPUT)

        assert any(text[one.start : one.end].replace("\u200b", "") == GITHUB for one in found if one.part == 1), place


def test_names_in_a_row_are_not_read_whole_for_each_of_them(detector: LeakDetector, monkeypatch: pytest.MonkeyPatch):
    longest = 0
    real = checks.counts

    def noting(rule: LeakRule, secret: str) -> bool:
        nonlocal longest
        longest = max(longest, len(secret))
        return real(rule, secret)

    monkeypatch.setattr(checks, "counts", noting)
    detector.scan(("token=" * 400,), Where.OUTPUT)

    assert 0 < longest <= 256
