"""With the database and without it the verdicts are the same, whatever the texts are made of."""

import random
from collections.abc import Iterator

from holdfast.contracts import Where
from holdfast.safety.leaks import LeakDetector, LeakRule, specimens

TOGETHER = 6
SEEDS = (1,)
FILLER = "the value of `key` is read from the file, see docs/tokens.md (page 3) = 12:"


def _twisted(text: str, draw: random.Random) -> str:
    """*text* with something done to it that a pattern may or may not forgive."""
    at = draw.randrange(len(text))
    return draw.choice(
        (
            text,
            text[:at] + draw.choice("aZ0_-. \n'\"") + text[at + 1 :],
            text[:at],
            text[at:],
            text + draw.choice("aZ0_-"),
            draw.choice("aZ0_-") + text,
            text.swapcase(),
            text.replace(" ", "  ").replace("=", " = "),
            text + text,
            text[:at] + "\u00e9" + text[at:],
        )
    )


def _texts(rules: tuple[LeakRule, ...], seed: int) -> Iterator[str]:
    draw = random.Random(seed)
    templates = [one for rule in rules for one in (*rule.examples, *rule.near_misses)]
    draw.shuffle(templates)
    for start in range(0, len(templates), TOGETHER):
        some = (_twisted(specimens.expand(one, seed), draw) for one in templates[start : start + TOGETHER])
        yield FILLER + "\n".join(f"{one}{FILLER[: draw.randrange(len(FILLER))]}" for one in some)


def test_twisted_examples_and_near_misses_get_the_same_verdict_from_either_engine(
    rules: tuple[LeakRule, ...], detector: LeakDetector, slow_detector: LeakDetector
) -> None:
    found = 0
    for seed in SEEDS:
        for text in _texts(rules, seed):
            fast = detector.scan([text], Where.OUTPUT)
            assert fast == slow_detector.scan([text], Where.OUTPUT)
            found += len(fast)
    assert found > len(rules)  # else nothing was compared


def _where_triggers_end() -> Iterator[str]:
    """Values at the edges of what the database looks for in their place."""
    drawn = specimens.expand("{base62:24}", 7)
    for small in (0, 1, 14, 15, 16, 17, 40):
        yield f"Authorization: Bearer {'abcdefghijklm' * 4:.{small}}{drawn}"
    for begun in ('\\"', 'a\\"', 'ab\\"', 'abc\\"', '\\"\\"', "\\'a"):
        yield f'password = "{begun}{drawn}"'
        yield f"db_password: '{begun}{drawn}'"
        yield f'apiKey = \\"{begun}{drawn}\\"'
    for begun in ("./", "~", "@", "-", "\\", "_.", ":"):
        yield f"token={begun}{drawn}"
    for between in (" is: ", ":\n    ", " was\n", "\n\t", " -- ", "        ", " ..is.. "):
        yield f"acme secret{between}{drawn} "
    for opened in (":= []byte{", "= [", ":\n  [", "= bytes(["):
        yield f"signing_key {opened}{', '.join(map(str, range(1, 40, 3)))}]"


def test_where_a_trigger_ends_at_its_edge_either_engine_finds_the_same(
    detector: LeakDetector, slow_detector: LeakDetector
) -> None:
    texts = tuple(_where_triggers_end())
    verdicts = [detector.scan([text], Where.OUTPUT) for text in texts]

    assert verdicts == [slow_detector.scan([text], Where.OUTPUT) for text in texts]
    assert sum(map(bool, verdicts)) > len(texts) // 2


def test_what_finds_two_rules_finds_both(rules: tuple[LeakRule, ...]) -> None:
    triggers = [rule.trigger for rule in rules if rule.trigger]
    shared = [rule for rule in rules if triggers.count(rule.trigger) > 1]
    detector = LeakDetector.build(shared)

    for rule in shared:
        for template in rule.examples:
            found = detector.scan([f" {specimens.expand(template, 3)} "], Where.OUTPUT)
            assert [str(one.rule) for one in found] == [f"leaks/{rule.id}"]
    assert len(shared) > 1
