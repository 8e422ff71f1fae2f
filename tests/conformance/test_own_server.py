"""The suite against our own server of MCP, behind the guard of HTTP."""

import pytest

from . import suite, targets

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_our_server_passes_what_its_revision_requires(tmp_path, revision):
    with targets.own_server(tmp_path, revision) as url:
        report = suite.against_server(url, revision, tmp_path / "results")

    assert report.failures == ()
    assert report.warnings == frozenset()
    assert report.exit_code == 0, report.printed
    assert len(report.required) == {"2025-11-25": 30, "2026-07-28": 37}[revision]
