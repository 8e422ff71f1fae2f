"""Laws of flow over a generated world of tools and arbitrary agents, with a model of the world as the oracle.

1. Labels of a session and its parents only grow, and are there when the store is opened anew.
2. They cover what the context has really read: of sources, of what others stored, of files, errors and kept outputs.
3. Without an approval or a lease no bytes of a private source leave that strangers may have asked for, unless everybody
   who gets them is listed, or the user wrote every argument and the call was not made before.
4. Nor is anything changed, sent, executed or spent that strangers may have asked for, unless the user asked for it too.
5. An approval runs one call: that of its session, with its arguments, under no more labels.
6. `autonomous` runs nothing that `supervised` would not, and `readonly` does nothing.

For a night: `HYPOTHESIS_PROFILE=nightly pytest tests/property/server/test_flow_laws.py --timeout 0`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from tests.property.server.flow_agents import Program, programs
from tests.property.server.flow_house import House, open_house
from tests.property.server.flow_play import Play
from tests.property.server.flow_routes import ROUTES
from tests.property.server.flow_stage import play, play_on

_TENANTS = count()


class Stage:
    """One house, and the loop that it lives in."""

    def __init__(self, runner: asyncio.Runner, house: House) -> None:
        self._runner = runner
        self._house = house

    def play(self, program: Program) -> Play:
        return self._runner.run(play(self._house, f"t{next(_TENANTS)}", program))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    root = tmp_path_factory.mktemp("laws")
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        house = runner.run(stack.enter_async_context(open_house(root)))
        yield Stage(runner, house)
        runner.run(stack.aclose())


def _few(share: int) -> settings:
    """A part of the profile's examples: each opens sessions and makes some twenty calls."""
    return settings(
        max_examples=max(1, settings.default.max_examples // share), deadline=None, suppress_health_check=_SLOW
    )


_SLOW = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


@_few(4)
@given(program=programs())
def test_no_sequence_of_calls_breaks_a_law(stage: Stage, program: Program) -> None:
    stage.play(program)


@_few(25)
@given(program=programs())
def test_no_sequence_breaks_a_law_over_a_restart(program: Program, tmp_path_factory: pytest.TempPathFactory) -> None:
    asyncio.run(play_on(tmp_path_factory.mktemp("restart"), program))


@pytest.mark.parametrize("route", list(ROUTES))
def test_a_route_that_was_open_once_stays_closed(stage: Stage, route: str) -> None:
    played = stage.play(ROUTES[route])

    assert played.made
