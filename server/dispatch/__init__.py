"""One call from door to door: the numbered procedure, and nothing of HTTP or MCP."""

from .admission import Admission, AdmissionLimits
from .circumstances import Circumstances, sealed
from .counting import Counters
from .dispatcher import Dispatcher, Runtimes
from .guessing import Guessing
from .holding import Holding
from .inbound import Inbound, Layers
from .once import Once
from .outbound import Cleaned, Outbound
from .outputs import KeptOutputs
from .records import Records
from .trail import Asked, Trail
from .wrapping import Envelope, Wrapping

__all__ = [
    "Admission",
    "AdmissionLimits",
    "Asked",
    "Circumstances",
    "Cleaned",
    "Counters",
    "Dispatcher",
    "Envelope",
    "Guessing",
    "Holding",
    "Inbound",
    "KeptOutputs",
    "Layers",
    "Once",
    "Outbound",
    "Records",
    "Runtimes",
    "Trail",
    "Wrapping",
    "sealed",
]
