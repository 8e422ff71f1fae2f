"""One server for all attacks that can share it; every test comes as agents of its own."""

from collections.abc import Iterator

import pytest

from .callers import Caller
from .server import Server, serving
from .watching import Listener, listening

OUTPUT_BYTES = 4096

GRANTS = f"""
[limits]
output_bytes = {OUTPUT_BYTES}
[[egress]]
host = "127.0.0.1"
scheme = "http"
port = PORT
methods = ["GET", "HEAD", "POST"]
unsafe_allow_network = "127.0.0.0/8"
[[egress]]
host = "granted.example"
"""


@pytest.fixture(scope="session")
def granted() -> Iterator[Listener]:
    """The one place that tools may reach."""
    with listening() as listener:
        yield listener


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, granted: Listener) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("house")
    with serving(home, GRANTS.replace("PORT", str(granted.port))) as one:
        yield one


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator lets approvals and leases be handled over HTTP."""
    with serving(tmp_path_factory.mktemp("open"), "\n[limits]\nburst = 1000\n", admin_http=True) as one:
        yield one


@pytest.fixture
def agent(server: Server) -> Caller:
    """An agent in a fresh session."""
    return server.agent()


@pytest.fixture
def other(server: Server) -> Caller:
    """Another agent, who must be served whatever the first one does."""
    return server.agent()
