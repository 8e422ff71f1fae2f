"""One thing wrong with a policy set, as a value, so that all of them can be told at once. It judges nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.contracts import OperatorError


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """Why a set is not loaded."""

    rule: str
    """`syntax`, `annotations`, `words`, `unknown-tool`, `types`."""
    file: str
    """Empty when it is about no one place."""
    line: int
    """From 1; 0 when it is about no one place."""
    policy: str
    """The id; empty when it has none."""
    message: str
    """The whole sentence, with its place."""


def refuse_first(complaints: Sequence[Complaint]) -> None:
    """Do nothing when there are none.

    Raises: OperatorError with the first.
    """
    if complaints:
        raise OperatorError(complaints[0].message)
