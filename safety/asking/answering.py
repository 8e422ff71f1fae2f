"""Answers of a client as they may go to the server that asked: what was asked for, nothing beside it. It sends none."""

from collections.abc import Mapping
from typing import Final

from holdfast.contracts import Json, Method, OperatorError, Reason

from ..schemas import Valid, compile_schema

MAX_ROOTS: Final = 100
MAX_TEXT: Final = 65_536
"""Characters of one value, or of a model's answer."""

UNFIT: Final = Reason(
    code="asking/answer", layer="asking", message="the client's answer is not what the server asked for"
)


def answered(method: Method, asked: Mapping[str, Json], answer: Mapping[str, Json]) -> dict[str, Json] | Reason:
    """What of *answer* may go to the server that *asked*; a reason when it is no answer to that."""
    match method:
        case Method.ELICITATION:
            return _elicited(asked, answer)
        case Method.SAMPLING:
            return _sampled(answer)
        case Method.ROOTS:
            return _roots(answer)
        case _:
            return UNFIT


def _elicited(asked: Mapping[str, Json], answer: Mapping[str, Json]) -> dict[str, Json] | Reason:
    action, schema = answer.get("action"), asked.get("requestedSchema")
    if not isinstance(action, str) or action not in {"accept", "decline", "cancel"}:
        return UNFIT
    if action != "accept" or not isinstance(schema, dict):
        return {"action": action}
    content = answer.get("content", {})
    if not isinstance(content, dict) or not all(_is_value(one) for one in content.values()):
        return UNFIT
    fields = schema.get("properties")
    kept = {name: one for name, one in content.items() if isinstance(fields, dict) and name in fields}
    return {"action": action, "content": kept} if _fits(schema, kept) else UNFIT


def _is_value(value: Json) -> bool:
    if isinstance(value, list):
        return all(isinstance(one, str) and len(one) <= MAX_TEXT for one in value)
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= MAX_TEXT)


def _fits(schema: Mapping[str, Json], content: Json) -> bool:
    try:
        return isinstance(compile_schema(schema).evaluate(content), Valid)
    except OperatorError:
        return False


def _sampled(answer: Mapping[str, Json]) -> dict[str, Json] | Reason:
    match answer:
        case {"role": "assistant", "content": {"type": "text", "text": str(text)}, "model": str(model)} if (
            len(text) <= MAX_TEXT and len(model) <= MAX_TEXT
        ):
            said: dict[str, Json] = {
                "role": "assistant",
                "content": {"type": "text", "text": text},
                "model": model,
            }
            stopped = answer.get("stopReason")
            return {**said, "stopReason": stopped} if isinstance(stopped, str) else said
        case _:
            return UNFIT


def _roots(answer: Mapping[str, Json]) -> dict[str, Json] | Reason:
    listed = answer.get("roots")
    if not isinstance(listed, list) or len(listed) > MAX_ROOTS:
        return UNFIT
    roots: list[Json] = []
    for one in listed:
        match one:
            case {"uri": str(uri), "name": str(name)} if _is_folder(uri):
                roots.append({"uri": uri, "name": name})
            case {"uri": str(uri)} if _is_folder(uri):
                roots.append({"uri": uri})
            case _:
                return UNFIT
    return {"roots": roots}


def _is_folder(uri: str) -> bool:
    return uri.startswith("file://") and len(uri) <= MAX_TEXT
