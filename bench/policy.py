"""Measures what one policy decision costs, p50 in microseconds, for sets of 10 to 1 000 policies. Decides nothing.

`new`: a call with arguments the bundle has not seen. `seen`: the same question again, as the gate asks it.
`general`: policies about every tool. `one tool each`: policies scoped to one of a hundred tools, as for upstreams.
"""

import json
import statistics
import time
from collections.abc import Callable
from itertools import product

from holdfast.contracts import (
    Builtin,
    Effect,
    FlowFacts,
    Label,
    Principal,
    Scope,
    Session,
    SessionId,
    Sink,
    TenantId,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.limits import BUILTIN
from holdfast.safety.policy import Facts, PolicyBundle, PolicyRequest, supposed

ROUNDS = 3000
SIZES = (10, 100, 1000)
TOOLS = (100, 500)
CASES = """
profiles: [bench]
cases:
  - {name: none, call: tool_0, as: {scopes: []}, with: {path: a}, expect: deny}
"""
BASE = """
@id("scope") @reason("no scope") forbid (principal, action, resource) unless { principal.scopes.contains("call") };
@id("reading") @reason("reading") permit (principal, action, resource)
when { ["read_private"].containsAll(resource.effects) };
@id("paths") @reason("paths") @approval("operator") forbid (principal, action, resource)
when { context.paths.text like "*/.env/*" };
@id("facts") @reason("facts") forbid (principal, action, resource)
when { context.facts.leaks > 0 && resource.effects.contains("egress") };
"""


def tool(number: int) -> ToolSpec:
    """One of many tools, all alike."""
    return ToolSpec(
        name=ToolName(f"tool_{number}"),
        description="",
        input_schema={
            "type": "object",
            "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}},
            "required": ["path"],
        },
        effects=frozenset({Effect.READ_PRIVATE}),
        runtime=Builtin(),
        limits=BUILTIN,
    )


def policies(size: int, scope: Callable[[int], str]) -> str:
    """A set of *size* policies, all but four of them forbids that look at an argument and do not match."""
    return BASE + "".join(
        f'@id("more-{number}") @reason("more") forbid (principal, {scope(number)}, resource)'
        f' when {{ context.input has path && context.input.path like "*/secret-{number}/*" }};\n'
        for number in range(size - 4)
    )


FLOW = FlowFacts(
    effects=frozenset({Effect.READ_PRIVATE}),
    sink=Sink.NONE,
    private=True,
    untrusted=False,
    args_from_user=False,
    all_from_user=False,
    repeated=False,
    receivers_listed=False,
    receivers_from_user=False,
    args_contain_private=False,
    args_from_untrusted=False,
)


def request(spec: ToolSpec, path: str) -> PolicyRequest:
    """One call of *spec*."""
    return PolicyRequest(
        principal=Principal(subject="agent", tenant=TenantId("default"), scopes=frozenset({Scope.CALL})),
        session=Session(
            id=SessionId("s"), principal="agent", tenant=TenantId("default"), labels=frozenset({Label.PRIVATE})
        ),
        spec=spec,
        arguments={"path": path, "limit": 10},
        facts=Facts(leaks=0, credentials=0, injection=0, pii=0, rules=frozenset()),
        flow=FLOW,
        around=supposed(),
    )


def median(work: Callable[[int], object]) -> float:
    """Middle time of one *work*, in microseconds."""
    times: list[int] = []
    for number in range(ROUNDS):
        began = time.perf_counter_ns()
        work(number)
        times.append(time.perf_counter_ns() - began)
    return round(statistics.median(times) / 1000, 1)


def measure(size: int, scope: Callable[[int], str], tools: int) -> dict[str, float]:
    """Load a set of *size* for *tools* tools and measure it."""
    specs = [tool(number) for number in range(tools)]
    began = time.perf_counter()
    bundle = PolicyBundle.load(
        {"bench/p.cedar": policies(size, scope)}, {"c.yaml": CASES}, profile="bench", specs=specs
    )
    loaded = time.perf_counter() - began
    calls = [request(specs[0], f"docs/{number}.md") for number in range(ROUNDS)]
    bundle.decide(request(specs[0], "warm"))
    return {
        "load_ms": round(loaded * 1000, 1),
        "new_us": median(lambda number: bundle.decide(calls[number])),
        "seen_us": median(lambda _: bundle.decide(calls[-1])),
    }


def main() -> None:
    """Print one JSON object a line."""
    for name, scope in (
        ("general", lambda _: "action"),
        ("one tool each", lambda number: f'action == Action::"tool_{number % TOOLS[0]}"'),
    ):
        for tools, size in product(TOOLS, SIZES):
            print(json.dumps({"policies": size, "kind": name, "tools": tools, **measure(size, scope, tools)}))


if __name__ == "__main__":
    main()
