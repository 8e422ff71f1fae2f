"""What a client can be asked, in MCP's terms: what it declared, how a question is written, how its answer is read.

It asks nobody and judges no question.
"""

from collections.abc import Mapping
from typing import Any, Final, assert_never, cast

import mcp.types as t
from pydantic import BaseModel, ValidationError

from holdfast.contracts import NEEDS, Json, Method, Reason, Refusal

ASKABLE: Final = (Method.ELICITATION, Method.SAMPLING, Method.ROOTS)

NEEDED: Final = {code: method for method, code in NEEDS.items()}
"""What a client would have had to declare, by reason code."""

Question = t.ElicitRequest | t.CreateMessageRequest | t.ListRootsRequest
Reply = t.ElicitResult | t.CreateMessageResult | t.CreateMessageResultWithTools | t.ListRootsResult


def refusal(code: str, message: str, remedy: str | None = None) -> Refusal:
    """A question that is not asked, or has no answer."""
    return Refusal(Reason(code=code, layer="mcp", message=message, remedy=remedy))


def undeclared(method: Method) -> Refusal:
    """Why a client is not asked what it did not declare."""
    return refusal(NEEDS[method], f"the client did not declare that it can be asked `{method.value}`")


def declared(capabilities: t.ClientCapabilities | None) -> frozenset[Method]:
    """What a client with *capabilities* can be asked."""
    if capabilities is None:
        return frozenset()
    return frozenset(method for method in ASKABLE if _declares(capabilities, method))


def needed(method: Method, params: Mapping[str, Json]) -> t.ClientCapabilities:
    """What a client must have declared to be asked exactly this."""
    match method:
        case Method.ELICITATION:
            by_url = params.get("mode") == "url"
            form = None if by_url else t.FormElicitationCapability()
            url = t.UrlElicitationCapability() if by_url else None
            return t.ClientCapabilities(elicitation=t.ElicitationCapability(form=form, url=url))
        case Method.SAMPLING:
            tools = t.SamplingToolsCapability() if params.get("tools") else None
            return t.ClientCapabilities(sampling=t.SamplingCapability(tools=tools))
        case Method.ROOTS:
            return t.ClientCapabilities(roots=t.RootsCapability())
        case Method.TOOL | Method.RESOURCE | Method.PROMPT | Method.COMPLETION:
            raise ValueError("a client is not asked this")
        case _:
            assert_never(method)


def lacking(
    capabilities: t.ClientCapabilities | None, method: Method, params: Mapping[str, Json]
) -> t.ClientCapabilities | None:
    """What a client with *capabilities* would have had to declare to be asked this; None when it did."""
    need = needed(method, params)
    if capabilities is None or not _declares(capabilities, method):
        return need
    match method:
        case Method.ELICITATION:
            have = capabilities.elicitation
            by_url = params.get("mode") == "url"
            # An empty declaration means forms, as clients of 2025-06-18 wrote it.
            fits = have is not None and (have.url is not None if by_url else have.form is not None or have.url is None)
        case Method.SAMPLING:
            have_tools = capabilities.sampling is not None and capabilities.sampling.tools is not None
            fits = have_tools or not params.get("tools")
        case _:
            fits = True
    return None if fits else need


def question(method: Method, params: Mapping[str, Json]) -> Question:
    """The question as it goes out.

    Raises: Refusal when *params* are not what MCP defines for *method*.
    """
    kind: type[Question]
    match method:
        case Method.ELICITATION:
            kind = t.ElicitRequest
        case Method.SAMPLING:
            kind = t.CreateMessageRequest
        case _:
            kind = t.ListRootsRequest
    body: dict[str, Any] = {"method": method.value, "params": dict(params)}
    try:
        return kind.model_validate(body, by_name=False)
    except ValidationError:
        raise refusal("mcp/malformed-question", "the server's question is not one that MCP defines") from None


def reply_of(method: Method, params: Mapping[str, Json]) -> type[Reply]:
    """The kind of answer that belongs to a question."""
    match method:
        case Method.ELICITATION:
            return t.ElicitResult
        case Method.SAMPLING:
            return t.CreateMessageResultWithTools if params.get("tools") else t.CreateMessageResult
        case _:
            return t.ListRootsResult


def written(reply: BaseModel) -> dict[str, Json]:
    """An answer as whoever asked reads it: what MCP defines, and nothing beside it."""
    body = cast("dict[str, Json]", reply.model_dump(by_alias=True, mode="json", exclude_none=True))
    return {key: value for key, value in body.items() if key not in {"_meta", "resultType"}}


def _declares(capabilities: t.ClientCapabilities, method: Method) -> bool:
    match method:
        case Method.ELICITATION:
            return capabilities.elicitation is not None
        case Method.SAMPLING:
            return capabilities.sampling is not None
        case Method.ROOTS:
            return capabilities.roots is not None
        case _:
            return False
