"""For any JSON as a tool's schema and any JSON object as its arguments, policy gives an answer and never fails.

Input: schema, a NUL byte, arguments; bytes that are not that are choices from which both are built. Where the schema
types `path` plainly, a policy on it is never passed by.
"""

import sys
from collections.abc import Mapping
from typing import Any

from holdfast.contracts import (
    ALL_EFFECTS,
    FlowFacts,
    MalformedJson,
    Principal,
    Scope,
    Session,
    SessionId,
    Sink,
    TenantId,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.json_values import parse
from holdfast.contracts.limits import UPSTREAM
from holdfast.safety.policy import Allowed, Denied, Facts, PolicyBundle, PolicyRequest, supposed

POLICIES = """
@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };
@id("path") @reason("path") forbid (principal, action, resource)
when { context.input has path && context.input.path like "*secret*" };
@id("n") @reason("n") forbid (principal, action, resource)
when { context.input has n && context.input.n > 100 };
"""
CASES = """
profiles: [fuzz]
tools: [{name: sample, input: {type: object, properties: {path: {type: string}, n: {type: integer}}}}]
cases: [{name: none, call: sample, as: {scopes: []}, expect: deny}]
"""
WHO = Principal(subject="fuzz", tenant=TenantId("t"), scopes=frozenset({Scope.CALL}))
WHERE = Session(id=SessionId("s"), principal="fuzz", tenant=TenantId("t"), labels=frozenset())
FLOW = FlowFacts(
    effects=ALL_EFFECTS,
    sink=Sink.NONE,
    private=False,
    untrusted=False,
    args_from_user=False,
    all_from_user=False,
    repeated=False,
    receivers_listed=False,
    receivers_from_user=False,
    args_contain_private=False,
    args_from_untrusted=False,
)


NAMES = ("path", "n", "a", "", "__entity", "odd name")
SCALARS = (None, True, False, 0, 101, -(2**63), 2**64, 10**400, 0.5, 1e300, 5e-324, "", "a/secret", "\u00fc", "\x00")
FORMS: tuple[Any, ...] = (
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": ["string", "null"]},
    {"type": 7},
    {"enum": ["a/secret", "b"]},
    {"const": 101},
    {"$ref": "#/$defs/a"},
    {"$ref": "#/$defs/path"},
    {"$ref": 7},
    {"enum": {}},
    True,
    {},
)


class Choices:
    """Bytes as choices; zeros once they are used up."""

    def __init__(self, data: bytes) -> None:
        self._data = iter(data)

    def below(self, count: int) -> int:
        return next(self._data, 0) % count

    def named(self, value: Any, depth: int) -> dict[str, Any]:
        return {NAMES[self.below(len(NAMES))]: value(depth) for _ in range(self.below(4))}

    def schema(self, depth: int) -> Any:
        kind = self.below(len(FORMS) + (4 if depth else 0)) - len(FORMS)
        match kind:
            case 0:
                return {"type": "array", "items": self.schema(depth - 1)}
            case 1:
                return {"anyOf": [self.schema(depth - 1), self.schema(depth - 1)]}
            case 2 | 3:
                return self.object(depth - 1)
            case _:
                return FORMS[kind]

    def object(self, depth: int) -> dict[str, Any]:
        parts = self.named(self.schema, depth)
        needed = [NAMES[self.below(len(NAMES))] for _ in range(self.below(3))]
        return {"type": "object", "properties": parts, "required": needed}

    def json(self, depth: int) -> Any:
        kind = self.below(len(SCALARS) + (2 if depth else 0)) - len(SCALARS)
        if kind == 0:
            return [self.json(depth - 1) for _ in range(self.below(3))]
        return self.named(self.json, depth - 1) if kind == 1 else SCALARS[kind]


def _taken(data: bytes) -> tuple[Any, Any]:
    first, _, second = data.partition(b"\0")
    try:
        return parse(first), parse(second)
    except MalformedJson:
        choices = Choices(data)
        schema = choices.object(4) | {"$defs": choices.named(choices.schema, 3)}
        return schema, choices.named(choices.json, 3)


def check(data: bytes) -> None:
    schema, arguments = _taken(data)
    if not isinstance(schema, dict) or not isinstance(arguments, dict):
        return
    spec = _spec(schema)
    bundle = PolicyBundle.load({"fuzz/p.cedar": POLICIES}, {"c": CASES}, profile="fuzz", specs=[spec])
    decision = bundle.decide(
        PolicyRequest(
            principal=WHO,
            session=WHERE,
            spec=spec,
            arguments=arguments,
            facts=Facts(leaks=0, credentials=0, injection=0, pii=0, rules=frozenset()),
            flow=FLOW,
            around=supposed(),
        )
    )
    assert isinstance(decision, Allowed | Denied)
    if isinstance(decision, Allowed) and _declares_text(schema):
        path = arguments.get("path")
        assert not (isinstance(path, str) and "secret" in path)


def _declares_text(schema: Mapping[str, Any]) -> bool:
    properties = schema.get("properties")
    return "$ref" not in schema and isinstance(properties, dict) and properties.get("path") == {"type": "string"}


def _spec(schema: Mapping[str, Any]) -> ToolSpec:
    return ToolSpec(
        name=ToolName("far__tool"),
        description="",
        input_schema=schema,
        effects=frozenset(),
        runtime=Upstream("far", "tool"),
        limits=UPSTREAM,
    )


if __name__ == "__main__":
    import atheris
    from guiding import instrument_ours

    instrument_ours()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
