"""Writes the Cedar schema of a set of tools: entity types, one action a tool, and the typed arguments of each.

Only arguments that some policy names are written, so a stranger's schema costs nothing that no policy asks for.
"""

import json
from collections.abc import Mapping
from typing import Final, assert_never

import cedarpy

from holdfast.contracts import Json

from .mentions import Wanted
from .shapes import ListShape, NumberShape, OpaqueShape, RecordShape, Scalar, Shape, TextShape, TruthShape, WholeShape

_TEXT: Final[Json] = {"type": "String"}
_TEXTS: Final[Json] = {"type": "Set", "element": _TEXT}
_LONG: Final[Json] = {"type": "Long"}
_BOOL: Final[Json] = {"type": "Boolean"}

_SCALARS: Final[Mapping[type[Scalar], Mapping[str, Json]]] = {
    TextShape: {"type": "String"},
    TruthShape: {"type": "Boolean"},
    WholeShape: {"type": "Long"},
    NumberShape: {"type": "Extension", "name": "decimal"},
}

ALL: Final = Wanted(parts=frozenset(), whole=frozenset(), everything=True, attributes=frozenset())


def _fixed(**attributes: Json) -> Json:
    return {"type": "Record", "attributes": attributes}


_ENTITIES: Final[Json] = {
    "Tenant": {},
    "Principal": {"memberOfTypes": ["Tenant"], "shape": _fixed(subject=_TEXT, tenant=_TEXT, scopes=_TEXTS)},
    "Tool": {"shape": _fixed(name=_TEXT, effects=_TEXTS, runtime=_TEXT, server=_TEXT)},
}
_TYPES: Final[Json] = {
    "Session": _fixed(id=_TEXT, labels=_TEXTS, private=_BOOL, untrusted=_BOOL),
    "Flow": _fixed(
        sink=_TEXT,
        args_from_user=_BOOL,
        all_from_user=_BOOL,
        repeated=_BOOL,
        receivers_listed=_BOOL,
        receivers_from_user=_BOOL,
        args_contain_private=_BOOL,
        args_from_untrusted=_BOOL,
    ),
    "Facts": _fixed(
        leaks=_LONG, credentials=_LONG, injection=_LONG, pii=_LONG, rules=_TEXTS, inexact=_BOOL, unseen=_BOOL
    ),
    "Paths": _fixed(text=_TEXT, count=_LONG),
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
    context = _fixed(
        input=_type(arguments),
        effects=_TEXTS,
        flow={"type": "Flow"},
        session={"type": "Session"},
        facts={"type": "Facts"},
        paths={"type": "Paths"},
    )
    applies: Json = {"principalTypes": ["Principal"], "resourceTypes": ["Tool"], "context": context}
    return {"appliesTo": applies}


def _type(shape: Shape) -> dict[str, Json]:
    match shape:
        case TextShape() | TruthShape() | WholeShape() | NumberShape():
            return dict(_SCALARS[type(shape)])
        case OpaqueShape():
            return {"type": "Record", "attributes": {}}
        case ListShape(of=item):
            return {"type": "Set", "element": _type(item)}
        case RecordShape(parts=parts):
            attributes: dict[str, Json] = {
                name: {**_type(part.shape), "required": part.required} for name, part in parts.items()
            }
            return {"type": "Record", "attributes": attributes}
        case _:
            assert_never(shape)
