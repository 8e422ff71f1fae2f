"""Writes the Cedar schema of a set of tools: entity types, one action a tool, and the typed arguments of each.

Only arguments that some policy names are written, so a stranger's schema costs nothing that no policy asks for.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final, assert_never

import cedarpy

from holdfast.contracts import Json

from .facts import GROUPS, Fact, Judging, Kind, Parties, cedar_type, of_call, of_party
from .mentions import Wanted
from .shapes import ListShape, NumberShape, OpaqueShape, RecordShape, Scalar, Shape, TextShape, TruthShape, WholeShape

_SCALARS: Final[Mapping[type[Scalar], Mapping[str, Json]]] = {
    TextShape: {"type": "String"},
    TruthShape: {"type": "Boolean"},
    WholeShape: {"type": "Long"},
    NumberShape: {"type": "Extension", "name": "decimal"},
}

ALL: Final = Wanted(parts=frozenset(), whole=frozenset(), everything=True, attributes=frozenset())


def _fixed(**attributes: Json) -> Json:
    return {"type": "Record", "attributes": attributes}


def _of(facts: Iterable[Fact[Parties] | Fact[Judging]]) -> dict[str, Json]:
    return {fact.name: cedar_type(fact.kind) for fact in facts}


_ENTITIES: Final[Json] = {
    "Tenant": {},
    "Principal": {"memberOfTypes": ["Tenant"], "shape": _fixed(**_of(of_party("principal")))},
    "Tool": {"shape": _fixed(**_of(of_party("resource")))},
}
_TYPES: Final[Json] = {group.capitalize(): _fixed(**_of(of_call(group))) for group in GROUPS}
_CONTEXT: Final[Mapping[str, Json]] = {
    **_of(of_call()),
    **{group: {"type": group.capitalize()} for group in GROUPS},
}


def write_schema(tools: Mapping[str, RecordShape], wants: Wanted) -> cedarpy.Schema:
    """Write the schema for *tools* (name to shape of the arguments), as far as *wants* needs it.

    Raises: ValueError when Cedar refuses it.
    """
    return cedarpy.Schema.from_json_str(json.dumps(schema_json(tools, wants)))


def schema_json(tools: Mapping[str, RecordShape], wants: Wanted) -> dict[str, Json]:
    """The same as Cedar's JSON form."""
    actions: dict[str, Json] = {name: _action(shape, wants) for name, shape in tools.items()}
    return {"": {"commonTypes": _TYPES, "entityTypes": _ENTITIES, "actions": actions}}


def type_key(shape: RecordShape, wants: Wanted) -> str:
    """Answer a text that two tools share exactly when the contexts of their calls have the same type."""
    return json.dumps(_action(shape, wants), sort_keys=True)


def _action(shape: RecordShape, wants: Wanted) -> Json:
    arguments = RecordShape({name: part for name, part in shape.parts.items() if wants.takes("input", name)})
    context = _fixed(input=_type(arguments), **_CONTEXT)
    applies: Json = {"principalTypes": ["Principal"], "resourceTypes": ["Tool"], "context": context}
    return {"appliesTo": applies}


def _type(shape: Shape) -> dict[str, Json]:
    match shape:
        case TextShape() | TruthShape() | WholeShape() | NumberShape():
            return dict(_SCALARS[type(shape)])
        case OpaqueShape():
            return {"type": "Record", "attributes": {"digest": cedar_type(Kind.TEXT)}}
        case ListShape(of=item):
            return {"type": "Set", "element": _type(item)}
        case RecordShape(parts=parts):
            attributes: dict[str, Json] = {
                name: {**_type(part.shape), "required": part.required} for name, part in parts.items()
            }
            return {"type": "Record", "attributes": attributes}
        case _:
            assert_never(shape)
