"""What two sets of policies decide differently: over recorded calls, and over calls made from their schema."""

from .differences import Comparison, Difference, Kind, compared
from .generated import Generated, Pair, generated
from .writing import case_of

__all__ = ["Comparison", "Difference", "Generated", "Kind", "Pair", "case_of", "compared", "generated"]
