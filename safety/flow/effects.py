"""Says which effects one call has, and the gravest thing it does; a call that cannot be judged has every effect.

1. An effect named in `when` is had only if one of its conditions holds; every other effect of the tool, always.
2. A condition holds if its argument is there and not empty, or may have one of its values, or cannot be looked into.
   What is left out counts as what the schema says it defaults to.
3. An argument that the input schema does not name makes every condition hold.
"""

from collections.abc import Mapping

from holdfast.contracts import Json, JsonObject, ToolSpec
from holdfast.contracts.effects import Effect
from holdfast.contracts.flow import Sink, When

from . import paths
from .declared import any_unknown, level_at
from .paths import is_there
from .patterns import Value

_READS = frozenset({Effect.READ_PRIVATE, Effect.READ_UNTRUSTED})


def call_effects(spec: ToolSpec, arguments: JsonObject) -> frozenset[Effect]:
    """The effects of a call of *spec* with *arguments*: at most those of the tool."""
    conditions = spec.flow.when
    conditional = frozenset[Effect]().union(*(when.effects for when in conditions))
    if not conditional or any_unknown(spec.input_schema, arguments, (when.argument for when in conditions)):
        return spec.effects
    held = frozenset[Effect]().union(*(when.effects for when in conditions if _holds(spec, arguments, when)))
    return spec.effects - (conditional - held)


def has_unknown(spec: ToolSpec, arguments: JsonObject) -> bool:
    """Whether *arguments* hold one that the input schema does not name, where it could matter to the flow.

    Looked at are the top level, and every level that declares its fields on the way to an argument the entry names.
    """
    flow = spec.flow
    named = (*(when.argument for when in flow.when), *(flow.decisive or ()), *flow.receivers)
    return any_unknown(spec.input_schema, arguments, named)


def sink_of(effects: frozenset[Effect], *, staged: bool) -> Sink:
    """The gravest thing a call with *effects* does. A staged call that also sends, executes or spends is not staged."""
    if Effect.SPEND in effects:
        return Sink.SPEND
    if Effect.EXECUTE in effects:
        return Sink.EXECUTE
    if Effect.EGRESS in effects:
        return Sink.QUERY if effects & _READS and Effect.WRITE not in effects else Sink.SEND
    if Effect.WRITE in effects:
        return Sink.STAGE if staged else Sink.CHANGE
    return Sink.NONE


def _holds(spec: ToolSpec, arguments: JsonObject, when: When) -> bool:
    found = paths.find(arguments, when.argument)
    values = found.values
    if found.missing:
        values += level_at(spec.input_schema, paths.parts_of(when.argument)).defaults()
    if _is_opaque(arguments, paths.parts_of(when.argument)):
        return True
    return any(_may_be(value, when.values) if when.values else is_there(value) for value in values)


def _may_be(value: Json, patterns: tuple[str, ...]) -> bool:
    if isinstance(value, Mapping):
        return True
    if isinstance(value, list):
        return any(_may_be(item, patterns) for item in value)
    return value is not None and any(Value(pattern).widely(value) for pattern in patterns)


def _is_opaque(value: Json | JsonObject, parts: tuple[str, ...]) -> bool:
    """Whether somewhere on the way along *parts* is a value that is there and cannot be looked into."""
    if isinstance(value, list):
        return any(_is_opaque(item, parts) for item in value)
    if isinstance(value, Mapping):
        return bool(parts) and parts[0] in value and _is_opaque(value[parts[0]], parts[1:])
    return bool(parts) and is_there(value)
