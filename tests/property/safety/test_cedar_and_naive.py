"""Cedar, through our bundle, decides what a naive interpreter decides; whatever fails to evaluate denies."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.oracle import cedar_naive, policy_naive
from tests.oracle.cedar_expressions import ONE, calls, policy_sets
from tests.oracle.policy_world import NOTHING_FOUND, request
from tests.oracle.unchecked import naive_rules, unchecked

from holdfast.safety.policy import Allowed, Asks, Denied, PolicyRequest, decided_by
from holdfast.safety.policy.rules import Policy, read_policies

VERDICTS = {Allowed: "allow", Denied: "deny", Asks: "ask"}


def naive(policies: tuple[Policy, ...], asked: PolicyRequest, lifted: frozenset[str]) -> tuple[str, frozenset[str]]:
    return cedar_naive.decide(naive_rules(policies), cedar_naive.call_of(*policy_naive.whole_request(asked)), lifted)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(policy_sets(), st.lists(calls(), min_size=1, max_size=4), st.frozensets(st.sampled_from(["p-0", "p-1"])))
def test_cedar_decides_what_a_naive_interpreter_decides(
    text: str, asked: list[PolicyRequest], lifted: frozenset[str]
) -> None:
    policies = read_policies({"p/it.cedar": text})
    bundle = unchecked(policies)

    for one in asked:
        decision = bundle.decide(one, lifted=lifted)
        assert (VERDICTS[type(decision)], frozenset(decided_by(decision))) == naive(policies, one, lifted)


@pytest.mark.parametrize("effect", ["permit", "forbid"])
@pytest.mark.parametrize(
    ("condition", "kind"),
    [
        ("context.facts.leaks + 9223372036854775807 > 0", "integer overflow"),
        ("-(context.facts.leaks - 9223372036854775807 - 2) > 0", "integer overflow"),
        ("context.facts.leaks * 9223372036854775807 * 2 > 0", "integer overflow"),
        ("context.input.path == context.input.must", "missing attribute"),
        ('{a: 1}.b == "x"', "missing attribute"),
        ("context.input.must < 3 || true", "type error"),
        ("context.facts.leaks && true", "type error"),
        ('context.facts.leaks like "a"', "type error"),
        ("context.input.must.contains(1)", "type error"),
        ('decimal("1.23456") == decimal("1.0")', "extension function failed"),
        ('decimal(context.input.must) == decimal("1.0")', "extension function failed"),
        ('Principal::"default/nobody".tenant == "default"', "missing entity"),
    ],
)
def test_each_kind_of_failure_denies_and_is_named(condition: str, kind: str, effect: str) -> None:
    text = (
        '@id("all") @reason("r") permit (principal, action, resource);\n'
        f'@id("it") @reason("r") {effect} (principal, action, resource) when {{ {condition} }};'
    )
    asked = request(ONE, {"must": "a"}, facts=replace(NOTHING_FOUND, leaks=1))
    policies = read_policies({"p/it.cedar": text})

    decision = unchecked(policies).decide(asked)

    assert isinstance(decision, Denied)
    assert decision.reason.code == "policy/error"
    assert decision.reason.remedy == f"make these total for every input: `it` ({kind})"
    assert naive(policies, asked, frozenset()) == ("deny", frozenset({"error"}))
