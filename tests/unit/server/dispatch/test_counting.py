"""Calls that were let through are counted by principal and tool, over windows that end now."""

import pytest
from tests.oracle.policy_world import person

from holdfast.contracts import Effect, ToolName
from holdfast.safety.policy import Counts
from holdfast.server.dispatch import Counters

SEND, PAY = ToolName("send"), ToolName("pay")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_call_counts_for_its_principal_and_its_tool() -> None:
    counters = Counters(clock=Clock())
    for _ in range(3):
        counters.let_through(person("alice"), SEND, frozenset({Effect.WRITE}))
    counters.let_through(person("alice"), PAY, frozenset({Effect.SPEND}))
    counters.let_through(person("bob"), SEND, frozenset())
    counters.let_through(person("alice", tenant="other"), SEND, frozenset())

    assert counters.counts(person("alice"), SEND) == Counts(
        tool_minute=3, tool_hour=3, tool_day=3, minute=4, hour=4, day=4, spends_hour=1, spends_day=1
    )
    assert counters.counts(person("carol"), SEND) == Counts()


@pytest.mark.parametrize("step", [0.7, 1.0, 13.0, 61.0, 599.0, 3599.0, 40_000.0])
def test_a_count_is_never_too_small_and_at_most_a_sixtieth_of_its_window_too_large(step: float) -> None:
    clock = Clock()
    counters = Counters(clock=clock)
    stamps: list[float] = []
    for _ in range(200):
        clock.now += step
        counters.let_through(person(), SEND, frozenset())
        stamps.append(clock.now)
        counts = counters.counts(person(), SEND)
        for window, counted in ((60, counts.minute), (3600, counts.hour), (86_400, counts.day)):
            least = sum(stamp > clock.now - window for stamp in stamps)
            most = sum(stamp > clock.now - window * 61 / 60 for stamp in stamps)
            assert least <= counted <= most


def test_what_is_over_is_forgotten() -> None:
    clock = Clock()
    counters = Counters(clock=clock)
    counters.let_through(person(), SEND, frozenset())
    clock.now += 86_400 * 2

    assert counters.counts(person(), SEND) == Counts()
