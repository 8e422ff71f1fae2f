"""What the suite is pointed at, each as a context that answers a URL. Decides nothing."""

import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from ..doors.server import serving
from . import suite
from .own_server import TOKEN
from .processes import listening, python
from .sdk_source import SERVER
from .shim import with_token


@contextmanager
def everything(home: Path, _revision: str) -> Generator[str]:
    """The SDK's everything-server itself: what the suite must find without us."""
    with listening(python("mcp_everything_server", "--port", "0"), home / "everything", path=[SERVER]) as port:
        yield f"http://127.0.0.1:{port}/mcp"


@contextmanager
def own_server(home: Path, _revision: str) -> Generator[str]:
    """Our server of MCP with everything the suite asks for, behind the guard of HTTP."""
    with (
        listening(python("tests.conformance.own_server"), home / "own", path=[suite.ROOT]) as port,
        with_token(port, TOKEN) as shim,
    ):
        yield f"http://127.0.0.1:{shim}/mcp"


Target = Callable[[Path, str], AbstractContextManager[str]]


class Run(Protocol):
    """One target and one revision, all scenarios or one of them."""

    def __call__(self, home: Path, revision: str, scenario: str | None = None) -> suite.Report: ...


HOUSE = """\
[policy]
{policy}
[[upstreams]]
name = "everything"
url = "{url}"
prefix = "none"
asks = ["elicitation", "sampling", "roots"]
era = "{era}"
{more}
"""
TRANSPARENT = f'profile = "autonomous"\ndir = "{Path(__file__).with_name("transparent")}"'
"""Permits everything; a test profile."""
SUPERVISED = 'profile = "supervised"'
"""What people run."""
DECLARED = 'effects = ["read_untrusted"]'
"""What its operator would say of such a server; one that says nothing has every effect, and is asked about."""


def through(policy: str, more: str = "") -> Target:
    """`holdfast serve` under *policy*, in front of the everything-server, whose entry has *more* in it."""

    @contextmanager
    def target(home: Path, revision: str) -> Generator[str]:
        with (
            everything(home, revision) as url,
            serving(home / "holdfast", HOUSE.format(policy=policy, url=url, era=revision, more=more)) as server,
        ):
            server.done("upstreams", "approve", "everything")
            with with_token(server.port, server.token("suite")["token"]) as shim:
                yield f"http://127.0.0.1:{shim}/mcp"

    return target


def against(target: Target) -> Run:
    """The suite's server half against *target*, as something to be run."""

    def run(home: Path, revision: str, scenario: str | None = None) -> suite.Report:
        with target(home, revision) as url:
            return suite.against_server(url, revision, home / "results", scenario=scenario)

    return run


def our_client(home: Path, revision: str, scenario: str | None = None) -> suite.Report:
    """The suite's client half, each scenario against a house of its own."""
    with tempfile.TemporaryDirectory(prefix="conformance-turns-") as turns:
        command = python("tests.conformance.turns", turns, "tests.conformance.client")
        return suite.against_client(command, revision, home / "results", scenario=scenario)


ALL: Mapping[str, Run] = {
    "everything-server": against(everything),
    "our server": against(own_server),
    "our client": our_client,
    "through holdfast, transparent": against(through(TRANSPARENT)),
    "through holdfast, supervised": against(through(SUPERVISED)),
    "through holdfast, supervised, effects declared": against(through(SUPERVISED, DECLARED)),
}
"""By the name it has in the table."""

MUST_PASS = frozenset(
    {
        "everything-server",
        "our server",
        "our client",
        "through holdfast, transparent",
        "through holdfast, supervised, effects declared",
    }
)
"""Those that fail the run; the others are told about."""
