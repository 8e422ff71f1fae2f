"""The house that the integration tests have, for what was once broken in it."""

from tests.integration.house.conftest import (  # noqa: F401 -- fixtures
    fresh,
    own_world,
    shared,
    wide,
    world,
)
