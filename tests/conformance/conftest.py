"""What conformance tests share."""

import pytest

from . import sdk_source, suite


@pytest.fixture(autouse=True)
def _installed() -> None:
    if not suite.PACKAGE.exists() or not sdk_source.SERVER.exists():
        pytest.skip("`make test` installs the suite and the SDK's source")
