"""Among many policies only those are evaluated that the facts of a call do not rule out, and those that may fail."""

from tests.oracle.policy_world import load, request, tool

from holdfast.contracts import Effect
from holdfast.safety.policy import Allowed, Denied, PolicyBundle, decided_by
from holdfast.safety.policy.narrowing import Narrowing
from holdfast.safety.policy.rules import read_policies

PERMIT = '@id("all") @reason("r") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'
MOST = 2**63 - 1


def forbids(condition: str, name: str = "it") -> str:
    return f'@id("{name}") @reason("r") forbid (principal, action, resource) when {{ {condition} }};\n'


MANY = "".join(
    forbids(f'context.input has path && context.input.path like "*/secret-{number}/*"', f"many-{number}")
    for number in range(50)
)


def bundle(*texts: str) -> PolicyBundle:
    return load(PERMIT + MANY + "".join(texts), tool("plain", {}, Effect.READ_PRIVATE))


def test_only_what_the_facts_do_not_rule_out_is_looked_at() -> None:
    policies = read_policies({"a.cedar": PERMIT + MANY})
    narrowing = Narrowing(policies, frozenset())

    def hits(path: str) -> frozenset[str]:
        return narrowing.hits({"context": {"input": {"path": path}}, "principal": {"scopes": ["call"]}})

    assert narrowing.always == frozenset()
    assert hits("docs/secret-17/a") == {"all", "many-17"}
    assert hits("docs") == {"all"}


def test_a_policy_about_what_a_call_holds_is_found() -> None:
    decision = bundle().decide(request(arguments={"path": "x/secret-17/y"}))

    assert decided_by(decision) == ("many-17",)
    assert isinstance(bundle().decide(request(arguments={"path": "x/secret-99/y"})), Allowed)


def test_a_policy_that_may_fail_before_its_condition_is_evaluated_all_the_same() -> None:
    text = forbids(f'context.facts.leaks + {MOST} > 0 && context.input has path && context.input.path like "*never*"')
    asked = request(facts=request().facts.__class__(leaks=1, credentials=0, injection=0, pii=0, rules=frozenset()))

    decision = bundle(text).decide(asked)

    assert isinstance(decision, Denied)
    assert decision.reason.code == "policy/error"


def test_a_policy_that_was_not_held_against_the_tools_is_evaluated_all_the_same() -> None:
    text = forbids('context.input.path like "*/never/*"')
    policies = read_policies({"a.cedar": MANY + text})

    assert "it" in Narrowing(policies, frozenset({"it"})).always


def test_a_policy_that_reads_what_is_not_there_is_evaluated_and_fails() -> None:
    text = forbids('context.input.path like "*/never/*"')
    narrowing = Narrowing(read_policies({"a.cedar": MANY + text}), frozenset())

    assert narrowing.hits({"context": {"input": {}}}) == {"it"}


def test_what_a_principal_and_a_tool_are_is_looked_up_too() -> None:
    policies = read_policies(
        {
            "a.cedar": forbids('resource.server == "mail" || resource.effects.contains("spend")', "server")
            + '@id("bob") @reason("r") forbid (principal == Principal::"default/bob", action, resource);\n'
            + '@id("other") @reason("r") forbid (principal in Tenant::"other", action, resource);\n'
        }
    )
    narrowing = Narrowing(policies, frozenset())

    def hits(who: str, tenant: str, server: str, *effects: str) -> frozenset[str]:
        return narrowing.hits(
            {
                "principal": {"": who},
                "tenant": {"": tenant},
                "resource": {"server": server, "effects": [*effects]},
            }
        )

    assert hits("default/alice", "default", "time") == frozenset()
    assert hits("default/bob", "default", "mail") == {"bob", "server"}
    assert hits("other/eve", "other", "time", "spend") == {"other", "server"}


def test_many_policies_that_apply_at_once_are_all_evaluated() -> None:
    texts = [
        forbids('context.input has path && context.input.path like "*/all/*"', f"all-{each}") for each in range(80)
    ]
    many = bundle(*texts)

    for path in ("x/all/y", "y/all/x"):
        assert len(decided_by(many.decide(request(arguments={"path": path})))) == 80
