"""What forbids that ask come to together: a question, or a denial that only a lease ends. It lifts nothing."""

from . import reasons
from .decisions import ApprovalLevel, Asks, Denied
from .rules import Policy


def lifting(asking: tuple[Policy, ...]) -> Asks | Denied:
    """What *asking* come to together: without them the call is allowed."""
    levels = {policy.approval for policy in asking}
    if ApprovalLevel.LEASE in levels:
        firm = next(policy for policy in asking if policy.approval is ApprovalLevel.LEASE)
        ids = tuple(policy.id for policy in asking)
        return Denied(
            reason=reasons.forbidden(firm), forbids=ids, leasable=() if ApprovalLevel.ALWAYS in levels else ids
        )
    level = ApprovalLevel.ALWAYS if ApprovalLevel.ALWAYS in levels else ApprovalLevel.OPERATOR
    return Asks(reason=reasons.forbidden(asking[0]), forbids=tuple(policy.id for policy in asking), level=level)
