"""Writes the reference of facts and of programs as Markdown, from the code. docs/policy.md holds exactly this text."""

from typing import Final

from ...shell.programs import CARRIERS, ORDER, PROGRAMS, RAISERS, SHELLS
from . import FACTS, Fact, Judging, Parties

BEGIN: Final = "<!-- facts: written by `python -m tests.policy_reference`, from safety/policy/facts -->"
END: Final = "<!-- end of facts -->"
_HEAD: Final = "| attribute | type | what it is | read from | trust |\n|---|---|---|---|---|\n"


def facts_page() -> str:
    """The table of every fact, between its two marks."""
    return f"{BEGIN}\n\n{_HEAD}{''.join(map(_row, FACTS))}\n{END}\n"


PROGRAMS_BEGIN: Final = "<!-- programs: written likewise, from safety/shell/programs.py -->"
PROGRAMS_END: Final = "<!-- end of programs -->"


def programs_page() -> str:
    """The programs of each class, between two marks of their own."""
    rows = "".join(_class(risk.value, [name for name, one in PROGRAMS.items() if one is risk]) for risk in ORDER[:-1])
    told = _class("what they run", sorted(CARRIERS | RAISERS | SHELLS | {"eval"}))
    return f"{PROGRAMS_BEGIN}\n\n| risk | programs |\n|---|---|\n{rows}{told}\n{PROGRAMS_END}\n"


def _class(risk: str, names: list[str]) -> str:
    return f"| `{risk}` | {' '.join(f'`{name}`' for name in sorted(names))} |\n"


def _row(fact: Fact[Parties] | Fact[Judging]) -> str:
    words = "" if fact.words is None else f": {', '.join(f'`{word}`' for word in sorted(fact.words))}"
    says = fact.says.replace("|", "\\|")
    return f"| `{fact.path}` | `{fact.kind.value}` | {says}{words} | {fact.source} | {fact.trust.value} |\n"
