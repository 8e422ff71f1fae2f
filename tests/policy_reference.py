"""Puts what docs/policy.md says of facts and profiles in step with the code: `python -m tests.policy_reference`."""

from pathlib import Path

from holdfast.safety.policy.facts.page import BEGIN, END, facts_page

PAGE = Path(__file__).parents[1] / "docs" / "policy.md"


def written(page: str) -> str:
    """*page* as it should be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END + "\n")
    return before + facts_page() + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
