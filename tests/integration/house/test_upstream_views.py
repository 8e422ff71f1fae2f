"""What a house shows of MCP servers: those that its own configuration knows, and no other."""

import sys
from pathlib import Path

import pytest

from holdfast.server.config import Settings
from holdfast.server.house import Opening, Proving, open_house
from holdfast.server.upstream_settings import UpstreamSettings
from holdfast.server.upstreams.viewing import UpstreamViews

pytestmark = pytest.mark.anyio
LEAN = Opening(proving=Proving.EACH_WORKER, builtins=frozenset())
GONE = UpstreamSettings(name="gone", command=(sys.executable, "-c", "raise SystemExit"))


async def test_a_server_of_another_configuration_is_as_unknown_as_one_that_is_not_there(tmp_path: Path):
    async with open_house(Settings(upstreams=(GONE,)), tmp_path, LEAN) as house:
        there = UpstreamViews(house.upstreams).one("gone")
    async with open_house(Settings(), tmp_path, LEAN) as house:
        views = UpstreamViews(house.upstreams)

        assert there is not None
        assert there["reason"] is not None
        assert there["definitions"] == []
        assert views.all() == ()
        assert views.one("gone") is None
