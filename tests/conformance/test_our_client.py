"""The suite against our client: a house for each scenario, driven as an agent host would; every required one passes."""

import pytest

from . import suite, targets

pytestmark = [pytest.mark.xdist_group("conformance"), pytest.mark.timeout(suite.CLIENT_SUITE_S + 60)]


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_our_client_passes_what_its_revision_requires(tmp_path, revision):
    report = targets.our_client(tmp_path, revision)

    assert report.failures == ()
    assert report.warnings == frozenset()
    assert report.exit_code == 0, report.printed
    assert len(report.required) == {"2025-11-25": 18, "2026-07-28": 32}[revision]
