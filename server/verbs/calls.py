"""Calls made by an operator, through the same door as everyone's."""

import secrets

from pydantic import Field, JsonValue

from holdfast.contracts import ApprovalId, CallId, Json, Principal, ToolCall, ToolName

from ..accounts import account_of_asked
from ..dispatch import Trail
from ..house import House
from ..principals import OPERATOR, acting_as
from .params import Params


class CallParams(Params):
    """One call. `caller` makes it in somebody else's name, with scope `call` only."""

    tool: str
    arguments: dict[str, JsonValue]
    caller: str | None = Field(default=None, min_length=1, max_length=256)
    session: str | None = None
    approval: str | None = None


async def call(house: House, params: CallParams) -> Json:
    """Run it."""
    result = await house.dispatcher.execute(_call(params), _caller(params))
    return result.operator_json()


async def explain(house: House, params: CallParams) -> Json:
    """Judge it, without effects, and say why policy says what it says."""
    judged: list[Trail] = []
    result = await house.dispatcher.explain(_call(params), _caller(params), heard=judged.append)
    account = await account_of_asked(house.policies, judged[0].asked) if judged else None
    return {**result.operator_json(), "policy": account}


def _call(params: CallParams) -> ToolCall:
    return ToolCall(
        id=new_call_id(),
        tool=ToolName(params.tool),
        arguments=params.arguments,
        session=params.session,
        approval=None if params.approval is None else ApprovalId(params.approval),
    )


def _caller(params: CallParams) -> Principal:
    if params.caller is None:
        return OPERATOR
    return acting_as(params.caller)


def new_call_id() -> CallId:
    """A fresh id that says nothing."""
    return CallId("c_" + secrets.token_hex(12))
