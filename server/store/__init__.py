"""State on disk: approvals, leases, sessions, places, tokens, tools, upstreams, keys. Decides and runs nothing."""

from .approval_record import Approval, ApprovalState
from .approvals import Approvals, Ruling, digest_arguments
from .decision_inputs import DecisionInputs, RecordedInput
from .engine import Store
from .idempotency import Begun, Idempotency, Replayed, Taken
from .kv import Kept
from .leases import Lease, Leases
from .places import MarkedPlace, Places, PlaceWrite
from .sessions import Sessions
from .sweeping import sweep
from .times import Clock, rfc3339
from .tokens import TokenRow, Tokens
from .tools import RegisteredTool, Tools, ToolState
from .upstream_tokens import UpstreamTokens
from .upstreams import Pin, UpstreamRow, Upstreams
from .uses import Uses
from .vault import SecretRow, Vault

__all__ = [
    "Approval",
    "ApprovalState",
    "Approvals",
    "Begun",
    "Clock",
    "DecisionInputs",
    "Idempotency",
    "Kept",
    "Lease",
    "Leases",
    "MarkedPlace",
    "Pin",
    "PlaceWrite",
    "Places",
    "RecordedInput",
    "RegisteredTool",
    "Replayed",
    "Ruling",
    "SecretRow",
    "Sessions",
    "Store",
    "Taken",
    "TokenRow",
    "Tokens",
    "ToolState",
    "Tools",
    "UpstreamRow",
    "UpstreamTokens",
    "Upstreams",
    "Uses",
    "Vault",
    "digest_arguments",
    "rfc3339",
    "sweep",
]
