"""Puts what docs/policy.md says of facts and profiles in step with the code: `python -m tests.policy_reference`."""

from pathlib import Path

from holdfast.safety.policy.facts.page import BEGIN, END, PROGRAMS_BEGIN, PROGRAMS_END, facts_page, programs_page

PAGE = Path(__file__).parents[1] / "docs" / "policy.md"


def written(page: str) -> str:
    """*page* as it should be."""
    page = _between(page, BEGIN, END, facts_page())
    return _between(page, PROGRAMS_BEGIN, PROGRAMS_END, programs_page())


def _between(page: str, begin: str, end: str, fresh: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end + "\n")
    assert rest, begin
    assert after, end
    return before + fresh + after


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
