"""What every test shares: the async backend, hypothesis profiles, who runs what, a loud word about skipped parts."""

import os
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parents[1]
GROUP = re.compile(r'xdist_group\("([a-z-]+)"\)')

settings.register_profile("dev", max_examples=50, deadline=None)
# The same examples each time: a change is judged by what it changes. `search` and `nightly` look for new ones.
settings.register_profile(
    "ci", max_examples=150, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Holdfast runs on asyncio."""
    return "asyncio"


@cache
def group(file: str) -> str:
    """Which tests run in one process, so that what they share is made once: a module, or all of the group it names.

    xdist reads its marks into the names of tests, which pytest does not let it do any more (9.2).
    """
    path = ROOT / file
    named = GROUP.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    if named is not None:
        return named[1]
    return str(Path(file).parent) if "containment" in Path(file).parts else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling | None:
    """Hand out groups in the order of the folders: what takes long comes before the many that take nothing."""
    if config.getvalue("dist") != "loadgroup":
        return None
    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)  # type: ignore[arg-type]
    scheduler._split_scope = lambda nodeid: group(nodeid.partition("::")[0])  # type: ignore[method-assign]
    return scheduler


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """In CI nothing may be skipped: what a test needs, CI installs."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("HOLDFAST_TESTS_SKIP_NOTHING") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be: {report.longrepr}"
