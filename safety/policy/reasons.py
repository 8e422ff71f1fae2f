"""The reasons of a refusal: a sentence for the agent, a remedy for the operator. Neither holds a value of the call."""

from typing import assert_never

from holdfast.contracts import Reason, ToolSpec

from .decisions import ERROR, LAYER, NO_PERMIT, UNEXPRESSIBLE, UNKNOWN_TOOL, ApprovalLevel, Broken
from .rules import Policy


def forbidden(policy: Policy) -> Reason:
    """Say that *policy* forbids the call."""
    match policy.approval:
        case None:
            what = "forbids this; change its condition there"
        case ApprovalLevel.LEASE:
            what = "forbids this; change its condition there, or add a lease with `holdfast leases add`"
        case ApprovalLevel.OPERATOR | ApprovalLevel.ALWAYS:
            what = "asks for this; change its condition there"
        case _:
            assert_never(policy.approval)
    return Reason(
        code=f"{LAYER}/{policy.id}",
        layer=LAYER,
        message=policy.reason,
        remedy=f"{policy.source.place}: policy `{policy.id}` {what}",
    )


def no_permit(spec: ToolSpec, profile: str) -> Reason:
    """Say that nothing permits the call."""
    effects = ", ".join(f"`{effect.value}`" for effect in sorted(spec.effects)) or "no effects"
    return _ours(
        NO_PERMIT,
        "no policy permits this call; an operator would have to add one",
        f"add a permit for tools with {effects} to a file in `{profile}/`",
    )


def failed(errors: tuple[Broken, ...]) -> Reason:
    """Say that a policy could not be evaluated."""
    named = ", ".join(f"`{error.policy}` ({error.kind})" if error.policy else error.kind for error in errors)
    return _ours(
        ERROR,
        "a policy could not be evaluated for this call, so it is denied",
        f"make these total for every input: {named}",
    )


def unreadable(tool: str, why: str) -> Reason:
    """Say that policy cannot see the arguments it would have to judge."""
    return _ours(
        UNEXPRESSIBLE,
        "policy cannot read the arguments of this call, so it is denied",
        f"tool `{tool}`: {why}",
    )


def unknown_tool(tool: str) -> Reason:
    """Say that the policies were not checked against this tool as it is now."""
    return _ours(
        UNKNOWN_TOOL,
        "the policies have not been checked against this tool as it is now",
        f"load the policies again with the registry's definition of `{tool}`",
    )


def _ours(code: str, message: str, remedy: str) -> Reason:
    return Reason(code=f"{LAYER}/{code}", layer=LAYER, message=message, remedy=remedy)
