"""What else the facts of a call could be, where that could matter to some policies. It judges nothing."""

from .constants import Constants, constants_of, differing
from .others import EFFECTS, SINK, TENANT, WHO, About, Option, options_of, ways_read
from .reading import facts_read

__all__ = [
    "EFFECTS",
    "SINK",
    "TENANT",
    "WHO",
    "About",
    "Constants",
    "Option",
    "constants_of",
    "differing",
    "facts_read",
    "options_of",
    "ways_read",
]
