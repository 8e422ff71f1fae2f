"""The rules for personal data: complete, enforced, refused when they are not."""

from collections.abc import Callable

import pytest

from holdfast.contracts import OperatorError
from holdfast.safety.pii import CLASSES, load_pii_rules
from holdfast.safety.pii.checks import CHECKS, arithmetic
from holdfast.server.assembly.layers import pii_sources

RULES = load_pii_rules(pii_sources())
WHOLE = """
[[rule]]
id = "x"
class = "card"
why = "w"
source = "s"
severity = "low"
when = "sure"
pattern = '\\d{9}'
width = 12
examples = ["a", "b"]
near_misses = ["c", "d"]
"""


def test_every_class_has_a_rule_and_every_check_is_used() -> None:
    assert {rule.kind for rule in RULES} == set(CLASSES)
    assert set(CHECKS) - {rule.check for rule in RULES} == set()


def test_every_rule_says_why_and_where_its_form_is_laid_down() -> None:
    assert [rule.id for rule in RULES if not (rule.why and rule.source)] == []
    assert min(len(rule.examples) for rule in RULES) >= 2
    assert min(len(rule.near_misses) for rule in RULES) >= 2


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('class = "card"', 'class = "face"', "key `class` must be one of"),
        ('why = "w"', "", "key `why` is missing"),
        ('why = "w"', 'why = ""', "key `why` must be a text"),
        ('why = "w"', 'why = "w"\nextra = 1', "unknown key `extra`"),
        ('severity = "low"', 'severity = "small"', "is not a valid Severity"),
        ('when = "sure"', 'when = "named"', "key `words` belongs to a rule that is not `sure`"),
        ('when = "sure"', 'when = "sure"\nwords = ["a"]', "key `words` belongs to a rule that is not `sure`"),
        ('when = "sure"', 'when = "named"\nwords = ["A"]', "lower case"),
        ("width = 12", "width = 0", "key `width` must be"),
        ("width = 12", "width = true", "key `width` must be"),
        ("width = 12", 'width = 12\ncheck = "none"', "key `check` names no check"),
        ("'\\d{9}'", "'^\\d{9}'", "may not use"),
        ("width = 12", "width = 12\ntriggers = ['(']", "is not a pattern"),
        ('examples = ["a", "b"]', 'examples = ["a"]', "two examples"),
        ('examples = ["a", "b"]', "examples = [1]", "must be a list of texts"),
        ("[[rule]]", "[rule]", "must be a list of"),
        ("[[rule]]", "[[rule]", "is not TOML"),
    ],
)
def test_what_is_wrong_with_a_rule_is_named(old: str, new: str, why: str) -> None:
    assert load_pii_rules({"a.toml": WHOLE})[0].id == "x"

    with pytest.raises(OperatorError, match=why):
        load_pii_rules({"a.toml": WHOLE.replace(old, new)})


def test_a_rule_is_defined_once() -> None:
    with pytest.raises(OperatorError, match="`x` is defined twice"):
        load_pii_rules({"a.toml": WHOLE, "b.toml": WHOLE})


@pytest.mark.parametrize(
    ("check", "right", "wrong"),
    [
        (arithmetic.luhn, "79927398713", "79927398710"),
        (arithmetic.verhoeff, "2363", "2369"),
        (arithmetic.mod_11_10, "94577403194", "94577403195"),
    ],
)
def test_sums_come_out_as_their_standards_print_them(check: Callable[[str], bool], right: str, wrong: str) -> None:
    assert (check(right), check(wrong)) == (True, False)


def test_iso_7064_leaves_one() -> None:
    assert (arithmetic.mod_97("3214282912345698765432161182"), arithmetic.mod_97("3214282912345698765432161183")) == (
        1,
        2,
    )
