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
