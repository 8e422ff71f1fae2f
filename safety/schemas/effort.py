"""What preparing one schema may take, in steps that are counted; it measures no time."""

from dataclasses import dataclass
from typing import Final

from holdfast.contracts import OperatorError

MAX_STEPS: Final = 40_000
"""Steps of about 1 µs each: a schema at one of its other limits takes up to 30 000, one at two of them is refused."""


@dataclass(slots=True)
class Effort:
    """The meter of one schema that is prepared."""

    left: int = MAX_STEPS

    def pay(self, steps: int) -> None:
        """Pay *steps*.

        Raises: OperatorError when there are no more.
        """
        self.left -= steps
        if self.left < 0:
            raise OperatorError("the schema takes too many steps to check; make it smaller")
