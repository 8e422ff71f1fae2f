"""`json`: reads, lays out and looks into JSON text; never repairs it."""

import json
from enum import StrEnum
from typing import Final, assert_never

from holdfast.contracts import (
    Authorized,
    Builtin,
    Completed,
    InvalidRequest,
    Json,
    MalformedJson,
    NotFound,
    Outcome,
    Text,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.json_values import parse
from holdfast.contracts.limits import BUILTIN

from .arguments import choice_or, strict_object, text, text_or


class _Op(StrEnum):
    PARSE = "parse"
    VALIDATE = "validate"
    FORMAT = "format"
    MINIFY = "minify"
    KEYS = "keys"
    QUERY = "query"


SPEC: Final = ToolSpec(
    name=ToolName("json"),
    title="JSON",
    description=(
        "Works on JSON text, read strictly: no duplicate keys, NaN or comments. `parse` answers the value, `validate` "
        "says whether it is JSON, `format` indents, `minify` takes blanks out, `keys` lists the keys of an object "
        "(or the length of an array), `query` answers the part that an RFC 6901 JSON Pointer names."
    ),
    input_schema=strict_object(
        {
            "op": {"type": "string", "enum": [op.value for op in _Op], "description": "What to do with the text."},
            "text": {"type": "string", "description": "The JSON text."},
            "query": {
                "type": "string",
                "maxLength": 1000,
                "description": "RFC 6901 JSON Pointer, such as `/items/0/name`; `` is the whole. For `query`, `keys`.",
            },
        },
        required=("op", "text"),
    ),
    effects=frozenset(),
    runtime=Builtin(),
    limits=BUILTIN,
)


async def json_tool(call: Authorized, /) -> Outcome:
    """The `Handler` of `json`."""
    op = choice_or(call, "op", _Op.PARSE)
    try:
        value = parse(text(call, "text"))
    except MalformedJson as error:
        if op is not _Op.VALIDATE:
            raise InvalidRequest(f"`text`: {error.message}") from None
        return _answer(f"invalid: {error.message}", {"valid": False, "problem": error.message})
    return _apply(op, value, text_or(call, "query", ""))


def _apply(op: _Op, value: Json, query: str) -> Outcome:
    match op:
        case _Op.VALIDATE:
            return _answer("valid", {"valid": True})
        case _Op.PARSE | _Op.FORMAT:
            return _answer(json.dumps(value, ensure_ascii=False, indent=2), value)
        case _Op.MINIFY:
            return _answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")), value)
        case _Op.QUERY:
            found = _at(value, query)
            return _answer(json.dumps(found, ensure_ascii=False, indent=2), found)
        case _Op.KEYS:
            return _keys(_at(value, query))
        case _:
            assert_never(op)


def _keys(value: Json) -> Outcome:
    match value:
        case dict():
            return _answer(json.dumps(list(value), ensure_ascii=False), {"keys": list(value)})
        case list():
            return _answer(f"an array of {len(value)}", {"length": len(value)})
        case _:
            raise InvalidRequest("`keys` needs an object or an array there")


def _at(value: Json, pointer: str) -> Json:
    if pointer and not pointer.startswith("/"):
        raise InvalidRequest("`query` is a JSON Pointer: empty, or starting with `/`")
    for token in pointer.split("/")[1:]:
        value = _step(value, token.replace("~1", "/").replace("~0", "~"))
    return value


def _step(value: Json, token: str) -> Json:
    if isinstance(value, dict) and token in value:
        return value[token]
    # RFC 6901: digits without a leading zero, ASCII only.
    digits = token.isascii() and token.isdigit() and (token == "0" or not token.startswith("0"))  # noqa: S105 -- an index
    if isinstance(value, list) and digits and len(token) < 10 and int(token) < len(value):  # noqa: PLR2004 -- digits
        return value[int(token)]
    raise NotFound("`query` names nothing in the text")


def _answer(written: str, structured: Json) -> Outcome:
    return Completed(content=(Text(text=written),), structured=structured)
