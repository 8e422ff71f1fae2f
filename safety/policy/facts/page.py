"""Writes the reference of the facts as Markdown, from their declarations. docs/policy.md holds exactly this text."""

from typing import Final

from . import FACTS, Fact, Judging, Parties

BEGIN: Final = "<!-- facts: written by `python -m tests.policy_reference`, from safety/policy/facts -->"
END: Final = "<!-- end of facts -->"
_HEAD: Final = "| attribute | type | what it is | read from | trust |\n|---|---|---|---|---|\n"


def facts_page() -> str:
    """The table of every fact, between its two marks."""
    return f"{BEGIN}\n\n{_HEAD}{''.join(map(_row, FACTS))}\n{END}\n"


def _row(fact: Fact[Parties] | Fact[Judging]) -> str:
    words = "" if fact.words is None else f": {', '.join(f'`{word}`' for word in sorted(fact.words))}"
    says = fact.says.replace("|", "\\|")
    return f"| `{fact.path}` | `{fact.kind.value}` | {says}{words} | {fact.source} | {fact.trust.value} |\n"
