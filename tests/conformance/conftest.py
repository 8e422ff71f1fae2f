"""What conformance tests share."""

import pytest

from . import sdk_source, suite


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    """Without the npm registry a user's machine leaves the suite out, loudly; where nothing may be skipped it fails."""
    if request.path.name == "test_json_schema.py":  # it needs neither
        return
    if not suite.PACKAGE.exists() or not sdk_source.SERVER.exists():
        pytest.skip("the suite or the SDK's source is not here: `make test` installs both, and CI fails without")
