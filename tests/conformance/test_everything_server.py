"""The suite against the SDK's own everything-server: what it finds without Holdfast is nothing."""

import pytest

from . import suite, targets

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.mark.parametrize("revision", suite.REVISIONS)
def test_the_sdk_s_everything_server_passes_what_its_revision_requires(tmp_path, revision):
    with targets.everything(tmp_path, revision) as url:
        report = suite.against_server(url, revision, tmp_path / "results")

    assert report.failures == ()
    assert report.warnings == frozenset()
    assert report.exit_code == 0, report.printed
    assert len(report.required) == {"2025-11-25": 30, "2026-07-28": 37}[revision]
