"""Writes runs of cases as JUnit XML, which build servers show. Values of calls are not in it."""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from .rehearsing import Run, Tried


def junit_text(runs: Sequence[Run]) -> str:
    """One suite for each profile; a case that fails says what was decided, by which policies, and where it stands."""
    suites = "".join(_suite(run) for run in runs)
    cases, failures = sum(len(run.tried) for run in runs), sum(len(run.failed) for run in runs)
    head = f'<testsuites name="holdfast policy" tests="{cases}" failures="{failures}" errors="0">'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{head}\n{suites}</testsuites>\n'


def _suite(run: Run) -> str:
    cases = "".join(_case(run.profile, one) for one in run.tried)
    head = f'<testsuite name={_quoted(run.profile)} tests="{len(run.tried)}" failures="{len(run.failed)}" errors="0">'
    return f"{head}\n{cases}</testsuite>\n"


def _case(profile: str, one: Tried) -> str:
    case, problem = one.trial.case, one.trial.problem
    head = (
        f"<testcase classname={_quoted(f'{profile}.{case.file}')} name={_quoted(case.name)}"
        f' file={_quoted(case.file)} line="{case.line}"'
    )
    if not problem:
        return f"{head}/>\n"
    said = f"{case.file} line {case.line}: {problem}"
    return f"{head}><failure message={_quoted(problem)}>{escape(_plain(said))}</failure></testcase>\n"


def _quoted(text: str) -> str:
    return quoteattr(_plain(text))


def _plain(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
