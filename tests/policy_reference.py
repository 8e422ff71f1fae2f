"""Puts what docs/policy.md says of facts and profiles in step with the code: `python -m tests.policy_reference`."""

from collections.abc import Mapping
from pathlib import Path

from holdfast.safety.policy import ApprovalLevel, Effect
from holdfast.safety.policy.facts.page import BEGIN, END, PROGRAMS_BEGIN, PROGRAMS_END, facts_page, programs_page
from holdfast.safety.policy.profiles import select
from holdfast.safety.policy.rules import Policy, read_policies
from tests.oracle.policy_world import shipped_sources

PROFILES = ("readonly", "supervised", "autonomous")
PROFILES_BEGIN = "<!-- profiles: written likewise, from policies/ -->"
PROFILES_END = "<!-- end of profiles -->"
PAGE = Path(__file__).parents[1] / "docs" / "policy.md"


def written(page: str) -> str:
    """*page* as it should be."""
    page = _between(page, BEGIN, END, facts_page())
    page = _between(page, PROGRAMS_BEGIN, PROGRAMS_END, programs_page())
    return _between(page, PROFILES_BEGIN, PROFILES_END, profiles_page(shipped_sources()))


def profiles_page(sources: Mapping[str, str]) -> str:
    """Every policy of every profile, from the policies themselves."""
    found: dict[str, dict[str, Policy]] = {}
    for profile in PROFILES:
        for policy in read_policies(select(sources, profile)):
            found.setdefault(policy.id, {}).setdefault(profile, policy)
    rows = "".join(_row(name, held) for name, held in found.items())
    head = f"| policy | {' | '.join(f'`{profile}`' for profile in PROFILES)} | says |\n|---|---|---|---|---|\n"
    return f"{PROFILES_BEGIN}\n\n{head}{rows}\n{PROFILES_END}\n"


def _row(name: str, held: Mapping[str, Policy]) -> str:
    does = " | ".join(_does(held[profile]) if profile in held else "" for profile in PROFILES)
    reasons = dict.fromkeys(policy.reason for policy in held.values())
    return f"| `{name}` | {does} | {'; or: '.join(reasons)} |\n"


def _does(policy: Policy) -> str:
    if policy.effect is Effect.PERMIT:
        return "permits"
    match policy.approval:
        case None:
            return "denies"
        case ApprovalLevel.LEASE:
            return "denies, but for a lease"
        case ApprovalLevel.OPERATOR:
            return "asks"
        case ApprovalLevel.ALWAYS:
            return "asks each time"


def _between(page: str, begin: str, end: str, fresh: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end + "\n")
    assert rest, begin
    assert after, end
    return before + fresh + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
