"""Checks of personal data by name: each takes a value as it stands in a text and says whether its form holds."""

import re
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Final

from . import america, asia, contact, europe, money
from .arithmetic import is_varied

Check = Callable[[str], bool]


_BETWEEN: Final = re.compile(r"[^0-9A-Za-z]")


def _compacted(check: Check) -> Check:
    """*check* over a value without its spaces, dots and dashes."""
    return lambda value: check(_BETWEEN.sub("", value))


def _of(module: ModuleType) -> Mapping[str, Check]:
    """The public functions that *module* itself defines, by name with dashes."""
    return {
        name.replace("_", "-"): value
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    }


CHECKS: Final[Mapping[str, Check]] = {
    **_of(contact),
    "varied": lambda value: is_varied(re.sub(r"[^0-9]", "", value)),
    **{
        name: _compacted(check)
        for module in (money, america, europe, asia)
        for name, check in _of(module).items()
        if name != "bech32-address"
    },
}
"""What a rule's `check` may name."""
