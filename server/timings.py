"""Counts how long things took, in buckets, for Prometheus. It knows no calls, and takes no lock.

A dozen times are noted for every call, all on the event loop: prometheus_client's own histogram takes a lock and looks
through its buckets one by one for each, which together is a tenth of a call.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector


class Times(Collector):
    """A histogram of seconds with one label. Only for one thread; whoever reads may be another."""

    def __init__(self, name: str, about: str, label: str, buckets: Sequence[float]) -> None:
        """*buckets* are upper bounds in seconds, rising; what is longer than the last is counted too."""
        self._name = name
        self._about = about
        self._label = label
        self._bounds = tuple(buckets)
        self._shown = (*map(str, self._bounds), "+Inf")
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, value: str, seconds: float) -> None:
        """One more that took *seconds*, under the label's *value*."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * len(self._shown)
            self._sums[value] = 0.0
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[value] += seconds

    def collect(self) -> Iterator[Metric]:
        """What was counted, as Prometheus wants it: each bucket holds those before it."""
        family = HistogramMetricFamily(self._name, self._about, labels=(self._label,))
        for value, counts in tuple(self._counts.items()):
            buckets = [*zip(self._shown, map(float, accumulate(counts)), strict=True)]
            family.add_metric((value,), buckets=buckets, sum_value=self._sums[value])
        yield family
