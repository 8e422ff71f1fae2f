"""An explanation names every policy that matched, what failed, and what would change the answer; it changes nothing."""

from tests.oracle.policy_world import load, person, request, shipped, tool

from holdfast.contracts import Effect, Label, Scope
from holdfast.safety.policy import Asks, Denied, Facts

FETCH = tool(
    "http_fetch",
    {"url": {"type": "string"}, "method": {"type": "string"}},
    Effect.EGRESS,
    Effect.READ_UNTRUSTED,
    required=["url"],
)
PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'


def test_a_question_is_explained_with_permits_forbids_and_what_would_change_it() -> None:
    call = request(FETCH, {"url": "https://x.example/"}, labels=[Label.PRIVATE])

    said = shipped("supervised", FETCH).explain(call)

    assert isinstance(said.decision, Asks)
    assert [(match.id, match.effect.value) for match in said.matches] == [
        ("egress", "permit"),
        ("ask-http-private", "forbid"),
    ]
    assert said.errors == ()
    assert said.changes == (
        "an approval (level `operator`) that lifts `ask-http-private` would let exactly this call run",
        f"`supervised/egress.cedar` line {said.matches[1].line} holds `ask-http-private`",
        "in a session without the label `private` the call would be allowed",
        "if every receiver were `trusted` in `[[labels]]` the call would be allowed",
    )


def test_a_denial_by_facts_says_what_would_be_without_them() -> None:
    facts = Facts(leaks=1, credentials=0, injection=0, pii=0, rules=frozenset())

    said = shipped("autonomous", FETCH).explain(request(FETCH, {"url": "u"}, facts=facts))

    assert "with nothing found by the detectors the call would be allowed" in said.changes


def test_an_allowed_call_names_its_permits() -> None:
    said = load(PERMIT).explain(request())

    assert said.changes == ("without `all` nothing would permit it",)


def test_a_missing_permit_is_explained() -> None:
    said = load(PERMIT).explain(request(principal=person("alice", Scope.AUDIT)))

    assert said.matches == ()
    assert said.changes == ("add a permit for tools with `read_private` to a file in `p/`",)


def test_a_failure_names_policy_and_kind_but_no_value() -> None:
    text = PERMIT + (
        '@id("sum") @reason("r") forbid (principal, action == Action::"read", resource)'
        " when { context.input has limit && context.input.limit + 1 > 3 };"
    )

    said = load(text).explain(request(arguments={"path": "a", "limit": 2**63 - 1}))

    assert [(one.policy, one.kind) for one in said.errors] == [("sum", "integer overflow")]
    assert "9223372036854775807" not in repr((said.decision, said.errors, said.changes))


def test_an_unknown_tool_is_explained() -> None:
    said = load(PERMIT).explain(request(tool("stranger"), {}))

    assert isinstance(said.decision, Denied)
    assert said.changes == ("load the policies again with the registry's definition of `stranger`",)
