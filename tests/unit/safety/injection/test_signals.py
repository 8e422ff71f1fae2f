"""Injection rules are data with examples: what is wrong with a file is said with file, rule and key."""

import pytest

from holdfast.contracts import OperatorError
from holdfast.safety.expressions import expression
from holdfast.safety.injection import SignalRule, load_signals
from holdfast.safety.injection.folding import fold
from holdfast.safety.injection.literals import SPACE, conditions, squeezed

RULE = """
[pieces]
beast = "dogs?|cats?"

[[rule]]
id = "feed-them"
why = "asks for food"
weight = 0.5
patterns = ['\\bfeed {{gap:2}}{{beast}}\\b']
positives = ["feed the cat", "FEED  all, my dogs"]
near_misses = ["feed the fish", "the cat feeds"]
"""


def finds(rule: SignalRule, text: str) -> bool:
    data = b"\n%b\n" % fold(text).text.encode("utf-8", "surrogatepass")
    cued = not rule.cues or any(cue.encode() in data for cue in rule.cues)
    return cued and any(expression(pattern).search(data) for pattern in rule.patterns)


def test_a_rule_is_read_whole_and_its_pieces_are_put_in_their_places() -> None:
    (rule,) = load_signals({"a.toml": RULE})

    assert (rule.id, rule.why, rule.weight) == ("feed-them", "asks for food", 0.5)
    assert all(finds(rule, text) for text in rule.positives)
    assert not any(finds(rule, text) for text in rule.near_misses)


@pytest.mark.parametrize(
    ("find", "replace", "said"),
    [
        ('why = "asks for food"', "", "key `why` must be a text"),
        ("weight = 0.5", "weight = 1", "key `weight` must be a number between 0 and 1"),
        ("weight = 0.5", "weight = 1.5", "key `weight` must be a number between 0 and 1"),
        ("weight = 0.5", "weight = 0.5\ncolour = 1", "unknown key `colour`"),
        ("weight = 0.5", 'weight = 0.5\nsignals = ["decoded"]', "exactly one of `patterns` and `signals`"),
        ('positives = ["feed the cat", "FEED  all, my dogs"]', 'positives = ["feed the cat"]', "at least 2 texts"),
        ('near_misses = ["feed the fish", "the cat feeds"]', "", "key `near_misses` must hold at least 2 texts"),
        ("{{beast}}", "{{fish}}", "uses an unknown piece `fish`"),
        ("\\bfeed ", "^feed ", "may not use anchors"),
        ("\\bfeed ", "fe+?d ", "may not use lazy counts"),
        ("\\bfeed ", "(feed ", "is not a pattern that RE2 reads"),
        ('id = "feed-them"', 'id = "Feed"', "key `id` must be kebab-case"),
    ],
)
def test_a_broken_rule_is_refused_with_file_rule_and_key(find: str, replace: str, said: str) -> None:
    assert find in RULE
    with pytest.raises(OperatorError) as refused:
        load_signals({"beasts.toml": RULE.replace(find, replace)})

    assert "`beasts.toml`" in refused.value.message
    assert said in refused.value.message


def test_an_id_is_defined_once_over_all_files() -> None:
    with pytest.raises(OperatorError, match="`feed-them` is defined twice"):
        load_signals({"a.toml": RULE, "b.toml": RULE.replace("beast", "other")})


@pytest.mark.parametrize("sources", [{}, {"a.toml": ""}, {"a.toml": "x = 1"}, {"a.toml": "[["}])
def test_no_rules_at_all_is_refused(sources: dict[str, str]) -> None:
    with pytest.raises(OperatorError):
        load_signals(sources)


def test_every_shipped_rule_finds_its_positives_and_leaves_its_near_misses(signals: tuple[SignalRule, ...]) -> None:
    wrong = [
        (rule.id, text)
        for rule in signals
        for texts, found in ((rule.positives, True), (rule.near_misses, False))
        for text in texts
        if finds(rule, text) != found
    ]
    assert wrong == []
    assert sum(len(rule.patterns) for rule in signals) >= 200


def test_what_a_pattern_needs_stands_in_every_text_it_matches(signals: tuple[SignalRule, ...]) -> None:
    for rule in signals:
        for pattern in rule.patterns:
            needed = conditions(pattern)
            assert needed, f"{rule.id} would be searched for in every text"
            for text in rule.positives:
                data = b"\n%b\n" % fold(text).text.encode()
                if expression(pattern).search(data):
                    words = squeezed(data)
                    assert all(any(phrase in words for phrase in one) for one in needed), (rule.id, text)


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        (r"\bone two\b", [{b"onetwo"}]),
        (r"\b(?:cats?|dog)\b.{0,9}food", [{b"cat", b"cats", b"dog"}, {b"food"}]),
        (r"maybe(?: not)?", [{b"maybe", b"maybenot"}]),
        (r"(?:maybe)?sure", [{b"maybesure", b"sure"}]),
        (r"(?:many words)*", []),
        (r"(?:[a-z]+|some)", []),
        (r"x\{\{some\\x[ab]thing", [{b"xsomexathing", b"xsomexbthing"}]),
    ],
)
def test_conditions_are_what_must_occur(pattern: str, needed: list[set[bytes]]) -> None:
    found = conditions(pattern.replace(" ", SPACE))
    assert sorted(map(sorted, found)) == sorted(map(sorted, needed))
