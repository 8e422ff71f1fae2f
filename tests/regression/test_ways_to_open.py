"""A server that could not be reached in a way nobody had thought of kept its callers waiting for ever; not any more."""

import anyio
import pytest

from holdfast.contracts import ToolError
from holdfast.sandbox.mcp import UpstreamConfig, Upstreams

from ..integration.mcp.conftest import MemoryPins

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("error", [anyio.ClosedResourceError, anyio.BrokenResourceError, RuntimeError, KeyError])
async def test_whatever_ends_the_opening_of_a_connection_ends_the_wait_for_it(error: type[Exception]):
    """Seen as `holdfast wrap` hanging before a server that died as it was started."""

    async def start(_config: UpstreamConfig, /):
        raise error

    upstreams = Upstreams(pins=MemoryPins(), start=start, changed=lambda _name: None)
    upstreams.add(UpstreamConfig(name="dies", command=("/bin/true",)))
    try:
        with anyio.fail_after(20), pytest.raises(ToolError, match="broke while it was opened"):
            await upstreams.refresh("dies")
    finally:
        await upstreams.close()
