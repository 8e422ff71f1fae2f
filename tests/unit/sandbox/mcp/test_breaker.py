"""When a server that fails is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sandbox.mcp.breaker import LAST_RETRY_SECONDS, TRIPPED_BY, Breaker, BreakerState


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_is_closed_until_too_many_fail_in_a_row(clock: Clock) -> None:
    breaker = Breaker(clock=clock)

    states = []
    for _ in range(TRIPPED_BY):
        breaker.failed()
        states.append(breaker.state)

    assert states == [BreakerState.CLOSED] * (TRIPPED_BY - 1) + [BreakerState.OPEN]


def test_an_answer_between_failures_makes_the_next_one_a_first(clock: Clock) -> None:
    breaker = Breaker(clock=clock)

    for _ in range(20):
        for _ in range(TRIPPED_BY - 1):
            breaker.failed()
        breaker.answered()

    assert breaker.state is BreakerState.CLOSED


def test_calls_that_fail_delay_no_connection_before_it_opens_and_lost_connections_do(clock: Clock) -> None:
    calls, connections = Breaker(clock=clock), Breaker(clock=clock)

    calls.failed()
    waits = []
    for _ in range(4):
        connections.lost()
        waits.append(connections.wait())

    assert calls.wait() == 0
    assert waits == [0.25, 0.5, 1.0, 2.0]


def test_when_its_time_is_over_it_is_half_open_and_a_failed_probe_opens_it_for_longer(clock: Clock) -> None:
    breaker = Breaker(clock=clock)
    for _ in range(TRIPPED_BY):
        breaker.lost()
    first = breaker.wait()
    clock.now += first

    half = breaker.state
    breaker.lost()

    assert half is BreakerState.HALF_OPEN
    assert breaker.state is BreakerState.OPEN
    assert breaker.wait() > first


def test_after_a_probe_one_failure_is_one_too_many_and_an_answer_makes_it_whole(clock: Clock) -> None:
    breaker = Breaker(clock=clock)
    for _ in range(TRIPPED_BY):
        breaker.lost()
    clock.now += 100

    breaker.passed()
    passed = breaker.state
    breaker.failed()
    failed = breaker.state
    clock.now += 100
    breaker.passed()
    breaker.answered()
    breaker.failed()

    assert (passed, failed, breaker.state) == (BreakerState.CLOSED, BreakerState.OPEN, BreakerState.CLOSED)


@given(st.lists(st.sampled_from(["lost", "failed", "answered", "passed", "time"]), max_size=60))
def test_it_is_never_shut_for_longer_than_the_longest_wait(steps: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    for step in steps:
        if step == "time":
            clock.now += 1.0
        else:
            getattr(breaker, step)()
        assert 0 <= breaker.wait() <= LAST_RETRY_SECONDS
        assert (breaker.state is BreakerState.CLOSED) == (breaker.failures < TRIPPED_BY)
