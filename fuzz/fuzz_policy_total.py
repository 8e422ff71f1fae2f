"""For any JSON as a tool's schema and any JSON object as its arguments, policy gives an answer and never fails.

Input: schema, a NUL byte, arguments. What policy may not see is never what lets a call through: with a policy on
`context.input`, the arguments were seen, or the call is denied.
"""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

from holdfast.contracts import (
    MalformedJson,
    Principal,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.json_values import parse
from holdfast.contracts.limits import UPSTREAM
from holdfast.safety.policy import Allowed, Denied, Facts, PolicyBundle, PolicyRequest

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


@cache
def _plain() -> PolicyBundle:
    return PolicyBundle.load({"fuzz/p.cedar": POLICIES}, {"c": CASES}, profile="fuzz", specs=[])


def check(data: bytes) -> None:
    first, _, second = data.partition(b"\0")
    try:
        schema, arguments = parse(first), parse(second)
    except MalformedJson:
        return
    if not isinstance(schema, dict) or not isinstance(arguments, dict):
        return
    assert _plain().quarantined == {}
    spec = _spec(schema)
    bundle = PolicyBundle.load({"fuzz/p.cedar": POLICIES}, {"c": CASES}, profile="fuzz", specs=[spec])
    decision = bundle.decide(
        PolicyRequest(
            principal=WHO,
            session=WHERE,
            spec=spec,
            arguments=arguments,
            facts=Facts(leaks=0, credentials=0, rules=frozenset()),
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

    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
