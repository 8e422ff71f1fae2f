"""Statistics of numbers, as a component of two functions. It needs nothing of its host but WASI."""

import statistics

import wit_world
from componentize_py_types import Err
from wit_world import Bin, Summary


class WitWorld(wit_world.WitWorld):
    """The world of `world.wit`."""

    def summarize(self, numbers: list[float]) -> Summary:
        """Mean, median and standard deviation of some numbers."""
        if not numbers:
            raise Err("there are no numbers")
        deviation = statistics.stdev(numbers) if len(numbers) > 1 else None
        return Summary(len(numbers), statistics.fmean(numbers), statistics.median(numbers), deviation)

    def histogram(self, numbers: list[float], bins: int) -> list[Bin]:
        """How many of the numbers lie in each of several ranges of the same width."""
        if not numbers or not bins:
            raise Err("there are no numbers, or no bins")
        least, most = min(numbers), max(numbers)
        width = (most - least) / bins
        counts = [0] * bins
        for number in numbers:
            counts[min(int((number - least) / width), bins - 1) if width else 0] += 1
        return [Bin(least + width * at, least + width * (at + 1), count) for at, count in enumerate(counts)]
