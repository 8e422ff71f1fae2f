"""The suite through a served Holdfast in front of the SDK's everything-server: every required scenario, both revisions.

Once under a test profile that permits everything, and once under the policies that people run, for a server whose
entry says what its effects are. Of one that says nothing every call is asked about; `make conformance` tells what is
left then.
"""

import pytest

from . import suite, targets

UNCHANGED = frozenset(f"sep-2575-server-sends-{kind}-list-changed-on-subscription" for kind in ("tools", "prompts"))
"""A client should be told when a list changes. The server's does, for a moment; ours does not: what nobody approved is
not in it."""
pytestmark = pytest.mark.xdist_group("conformance")


@pytest.mark.parametrize("revision", suite.REVISIONS)
@pytest.mark.parametrize("target", ["through holdfast, transparent", "through holdfast, supervised, effects declared"])
def test_a_server_behind_holdfast_passes_what_its_revision_requires(tmp_path, target, revision):
    report = targets.ALL[target](tmp_path, revision)

    assert report.failures == ()
    assert report.exit_code == 0, report.printed
    assert report.warnings <= UNCHANGED
    assert len(report.required) == {"2025-11-25": 30, "2026-07-28": 37}[revision]
