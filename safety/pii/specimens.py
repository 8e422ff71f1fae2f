"""Makes values that follow a rule for personal data from its templates, so that none is written down.

Templates are those of the leak rules, and `?` is a check character: each is filled so that the rule's check holds.
`{base58check:00}` is an address of that version, `{bech32:bc}` one of that prefix.
"""

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import product
from typing import Final

from ..checksums import base58check, bech32_words
from ..leaks.specimens import expand
from .checks import CHECKS
from .rules import PiiRule

_CHARACTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FIELD: Final = re.compile(r"\{(base58check|bech32):(\w+)\}")


def specimen(rule: PiiRule, template: str, seed: int = 0) -> str:
    """*template* with every field drawn from *seed* and every `?` filled so that the check of *rule* holds.

    Raises: ValueError when no filling makes it hold for many seeds: the template does not fit its check.
    """
    for attempt in range(seed, seed + 2000, 100):
        text = _expanded(template, attempt)
        for filled in _filled(text) if "?" in text else (text,):
            if any(_holds(rule, value) for value in _values(rule, filled)):
                return filled
    raise ValueError(f"no filling of an example makes the check of `{rule.id}` hold")


def _expanded(template: str, seed: int) -> str:
    plain = _FIELD.sub(lambda found: f"\x00{found[1]}:{found[2]}\x01", template)
    text = expand(plain, seed)
    return re.sub("\x00(\\w+):(\\w+)\x01", lambda found: _address(found[1], found[2], seed), text)


def _filled(text: str) -> Iterator[str]:
    for characters in product(_CHARACTERS, repeat=text.count("?")):
        drawn = iter(characters)
        yield re.sub(r"\?", lambda _found: next(drawn), text)  # noqa: B023 -- used up before the next turn


def _values(rule: PiiRule, text: str) -> Iterator[str]:
    for found in re.finditer(rf"(?<![0-9A-Za-z])(?:{rule.pattern})(?![0-9A-Za-z])", text):
        yield found[0]


def _holds(rule: PiiRule, value: str) -> bool:
    return rule.check is None or CHECKS[rule.check](value)


def _address(kind: str, detail: str, seed: int) -> str:
    drawn = sha256(f"{kind}{detail}{seed}".encode()).digest()
    if kind == "base58check":
        return base58check(bytes.fromhex(detail) + drawn[:20])
    return bech32_words(detail, [0, *(byte % 32 for byte in drawn)])
