"""The HTTP status of a tool result (DESIGN section 4.2). Adds nothing to the result."""

from collections.abc import Mapping
from typing import Final, assert_never

from holdfast.contracts import Reason, Status, ToolResult

_BY_CODE: Final[Mapping[str, int]] = {
    "tools/unknown": 404,
    "admit/rate": 429,
    "admit/approvals": 429,
    "admit/overloaded": 503,
    "admit/idempotency": 409,
    "internal/error": 500,
}
_VALIDATOR: Final = "validator"
_TOO_LARGE: Final = ("too-large", "too-many-nodes")


def status_of(result: ToolResult) -> int:
    """200 for ok, error and stopped; 202 pending; for denied, what the reason says."""
    match result.status:
        case Status.OK | Status.ERROR | Status.STOPPED:
            return 200
        case Status.PENDING:
            return 202
        case Status.DENIED:
            return 403 if result.reason is None else _denied(result.reason)
        case _:
            assert_never(result.status)


def _denied(reason: Reason) -> int:
    known = _BY_CODE.get(reason.code)
    if known is not None:
        return known
    if reason.layer != _VALIDATOR:
        return 403
    return 413 if reason.code.rpartition("/")[2] in _TOO_LARGE else 422
