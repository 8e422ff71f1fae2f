"""Personal data: found by form, check digits and words; a note unless it was asked for; silent about what it says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Action, Where
from holdfast.safety.leaks.specimens import expand
from holdfast.safety.pii import PiiDetector, load_pii_rules
from holdfast.safety.pii.specimens import specimen
from holdfast.safety.redaction import redact
from holdfast.server.assembly.layers import pii_sources

RULES = load_pii_rules(pii_sources())
BY_ID = {rule.id: rule for rule in RULES}
FAST, SLOW = PiiDetector.build(RULES), PiiDetector.build_without_database(RULES)
CARD = specimen(BY_ID["card"], "4{digits:14}?")
HETU = specimen(BY_ID["fi-person"], "010594-{digits:3}?")


def ids(texts: list[str], detector: PiiDetector = FAST) -> list[str]:
    return [each.rule.removeprefix("pii/") for each in detector.scan(texts, Where.OUTPUT)]


def test_every_example_is_found_and_no_near_miss_by_either_engine() -> None:
    """One loop over all rules: some hundred texts, each with both engines."""
    wrong: list[tuple[str, str]] = []
    for rule in RULES:
        for seed in (0, 1):
            found = [specimen(rule, each, seed) for each in rule.examples]
            missed = [expand(each.replace("?", "5"), seed) for each in rule.near_misses]
            wrong += [(rule.id, text) for text in found for one in (FAST, SLOW) if rule.id not in ids([text], one)]
            wrong += [(rule.id, text) for text in missed for one in (FAST, SLOW) if rule.id in ids([text], one)]
    assert wrong == []


def test_a_number_with_another_check_digit_is_none() -> None:
    """What ends in a check character is found with one or two of ten digits in its place, never with all."""
    most: dict[str, int] = {}
    for rule in RULES:
        template = next((each for each in rule.examples if "{" not in each.rpartition("?")[2] and "?" in each), None)
        if template is not None:
            text, behind = specimen(rule, template), len(template.rpartition("?")[2]) + 1
            others = [text[:-behind] + digit + text[len(text) - behind + 1 :] for digit in "0123456789"]
            most[rule.id] = sum(rule.id in ids([each], SLOW) for each in others)

    assert len(most) > 50
    assert {rule: count for rule, count in most.items() if count > 2} == {}


def test_findings_say_where_and_what_rule_and_carry_no_text() -> None:
    text = f"Zahlung é mit {CARD}, danke"

    (found,) = FAST.scan(["nothing", text], Where.OUTPUT)

    assert (found.part, text[found.start : found.end], found.rule) == (1, CARD, "pii/card")
    assert (found.layer, found.action, found.seen_by) == ("pii", Action.ANNOTATE, ())
    assert CARD not in repr(found)


def test_a_class_that_is_asked_for_is_taken_out_of_output_and_noted_in_arguments() -> None:
    detector = PiiDetector.build_without_database(RULES, redact=["card"])
    text = f"{CARD} {HETU}"

    found, noted = detector.scan([text], Where.OUTPUT), detector.scan([text], Where.ARGUMENTS)

    assert redact([text], found) == (f"[REDACTED:pii-card] {HETU}",)
    assert {each.action for each in noted} == {Action.ANNOTATE}


def test_what_is_like_many_numbers_needs_its_word() -> None:
    number = specimen(BY_ID["us-npi"], "1{digits:8}?")

    assert ids([f"took {number} ns"]) == ids([number]) == []
    assert ids([f"NPI: {number}"]) == ["us-npi"]
    assert ids([f"NPI {'x ' * 35}{number}"]) == []
    assert ids([f"of 030 5554 1234 no phone, phone 030 5554 1234 and {'x ' * 30} 030 5554 1234"]) == ["phone-national"]


def test_a_key_names_its_value() -> None:
    number = specimen(BY_ID["us-npi"], "1{digits:8}?")

    assert ids(["npi", number, "other", "x"]) == ["us-npi"]


def test_alone_in_its_text_a_checked_number_counts() -> None:
    pesel = specimen(BY_ID["pl-pesel"], "4405140{digits:3}?")

    assert ids([pesel]) == ids([f'"{pesel}"']) == ["pl-pesel"]
    assert ids([f"rows {pesel} read"]) == []


@pytest.mark.parametrize(
    "text", ["1.{}", "{}.5", "0a-{}", "{}%", "{}:00", "{}-4aff", "{}@x", "#{}", "x{}", "{}x", "0x{}"]
)
def test_a_piece_of_something_longer_is_no_number(text: str) -> None:
    assert ids([text.format(CARD)]) == []
    assert ids([f"({CARD})."]) == ["card"]


def test_words_in_capitals_behind_an_account_number_are_not_part_of_it() -> None:
    iban = specimen(BY_ID["iban"], "DE?? {digits:4} {digits:4} {digits:4} {digits:4} {digits:2}")
    text = f"IBAN {iban} BITTE SOFORT"

    (found,) = FAST.scan([text], Where.OUTPUT)

    assert text[found.start : found.end] == iban


def test_two_side_by_side_are_two() -> None:
    first, second = specimen(BY_ID["sg-nric"], "S{digits:7}?"), specimen(BY_ID["sg-nric"], "G{digits:7}?", 7)

    assert ids([f"{first} {second}"]) == ["sg-nric", "sg-nric"]


def test_addresses_of_machines_and_examples_are_nobody_s() -> None:
    texts = ["a@example.com", "git@github.com", "noreply@x.io", "logo@2x.png", "nats://foo:bar@host.me:1"]

    assert ids(texts) == []


def test_more_than_will_be_looked_at_is_said() -> None:
    text = "tel 0301234567 " * 20_000

    noted = FAST.scan([text, "x"], Where.OUTPUT)
    redacting = PiiDetector.build_without_database(RULES, redact=["phone"]).scan([text[:100_000]], Where.OUTPUT)

    assert [(each.rule, each.part, each.action) for each in noted if each.rule == "pii/flood"] == [
        ("pii/flood", 0, Action.ANNOTATE),
        ("pii/flood", 1, Action.ANNOTATE),
    ]
    assert {each.action for each in redacting} <= {Action.REDACT}


ALPHABET = st.sampled_from(
    [*"0123456789 .-/:@+\n\"'é", "ssn ", "IBAN", "DE", CARD, HETU, "tel. ", "a.b@c.de", "여권", "\ud800"]
)


@given(st.lists(st.lists(ALPHABET, max_size=30).map("".join), max_size=3))
def test_both_engines_agree_and_findings_lie_apart_within_their_texts(texts: list[str]) -> None:
    found = FAST.scan(texts, Where.OUTPUT)

    assert found == SLOW.scan(texts, Where.OUTPUT)
    assert all(0 <= each.start < each.end <= len(texts[each.part]) for each in found)
    assert all((one.part, one.end) <= (two.part, two.start) or one.part < two.part for one, two in pairwise(found))
