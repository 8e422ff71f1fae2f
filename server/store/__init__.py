"""State on disk: approvals, sessions, tokens, tools, upstreams, idempotency keys. Decides and runs nothing."""

from .approvals import Approval, Approvals, ApprovalState, Ruling, digest_arguments
from .engine import Store
from .idempotency import Begun, Idempotency, Replayed, Taken
from .sessions import Sessions
from .sweeping import sweep
from .times import Clock, rfc3339
from .tokens import TokenRow, Tokens
from .tools import RegisteredTool, Tools, ToolState
from .upstreams import Pin, PinPair, PinState, UpstreamRow, Upstreams

__all__ = [
    "Approval",
    "ApprovalState",
    "Approvals",
    "Begun",
    "Clock",
    "Idempotency",
    "Pin",
    "PinPair",
    "PinState",
    "RegisteredTool",
    "Replayed",
    "Ruling",
    "Sessions",
    "Store",
    "Taken",
    "TokenRow",
    "Tokens",
    "ToolState",
    "Tools",
    "UpstreamRow",
    "Upstreams",
    "digest_arguments",
    "rfc3339",
    "sweep",
]
