"""Asks whether a policy that applies to no tool could apply to one that is not here: it tells waiting from never.

Of a tool that is not here anything may be true, and its arguments are open; but it is called neither as one that is
here nor without a server.
"""

from collections.abc import Mapping
from typing import Final

from holdfast.contracts import ALL_EFFECTS, FlowSpec, Json, ToolName, ToolSpec, Upstream, When
from holdfast.contracts.limits import BUILTIN

from ..mentions import applies, tools_named
from ..rules import Policy
from ..schema import ALL, schema_json
from . import kinds
from .assuming import assumptions
from .prover import known_of, shape_of
from .solver import Impossible, Logic, Possible, Term, Undecided, Verdict
from .symbols import One
from .world import World

_MARK: Final = "__"
"""Between server and tool in every name that policies may use of what is not here."""
_ANY: Final = _MARK
"""The name of what nobody has named; no server has an empty one."""
_NAME: Final = ("resource", "name")


def waits(policy: Policy, here: Mapping[str, ToolSpec], *, limit_ms: int) -> bool | str:
    """Whether *policy*, which applies to no call of the tools *here*, could to one of a tool that is not here.

    No, too, if only the arguments that it asks for keep it from applying to one that is: that looks like a misspelt
    one. A text says why it cannot be told. Each question ends after *limit_ms* milliseconds.

    Raises: OperatorError when the solver is not installed.
    """
    undecided: Undecided | None = None
    missing = sorted(tools_named(policy) - here.keys())
    for spec in () if missing else here.values():
        match _asked(policy, spec, known_of(spec), frozenset(), limit_ms):
            case Possible():
                return False
            case Undecided() as why:
                undecided = why
            case Impossible():
                pass
    for name in (*missing, _ANY):
        known: dict[str, Json] = {} if name == _ANY else {"name": name}
        match _asked(policy, _imagined(name), known, frozenset(here), limit_ms):
            case Possible():
                return True if undecided is None else undecided.why
            case Undecided() as why:
                undecided = why
            case Impossible():
                pass
    return False if undecided is None else undecided.why


def _asked(policy: Policy, spec: ToolSpec, known: Mapping[str, Json], others: frozenset[str], limit_ms: int) -> Verdict:
    if not applies(policy, spec.name):
        return Impossible()
    shape = shape_of(spec)
    logic = Logic(limit_ms)
    world = World(logic, spec, kinds.Schema(schema_json({spec.name: shape}, ALL)), known, is_typed=False)
    rule = world.rule(policy)
    world.reading(rule.reads)
    taken = [one.term for one in assumptions(world, shape, None)]
    return logic.ask([rule.matches, *taken, *_unlike(world, others)], {})


def _imagined(name: str) -> ToolSpec:
    return ToolSpec(
        name=ToolName(name),
        description="",
        input_schema={"type": "object", "properties": {"any": {"type": "number"}}},
        effects=ALL_EFFECTS,
        runtime=Upstream(name.partition(_MARK)[0], name),
        limits=BUILTIN,
        flow=FlowSpec(when=(When(argument="any", effects=ALL_EFFECTS),)),
    )


def _unlike(world: World, others: frozenset[str]) -> list[Term]:
    """What holds of the name of a tool that nobody has named: a misspelt one of *others* is none of it."""
    name = world.at(*_NAME) if others and world.has_read(*_NAME) else None
    if not isinstance(name, One):
        return []
    logic = world.logic
    apart = [logic.negated(logic.same(name.term, logic.a_text(one))) for one in sorted(others)]
    return [logic.like(name.term, (None, _MARK, None)), *apart]
