"""What a bundle lets pass when some of its rules are only observed, and what it never does."""

import pytest
from tests.oracle.policy_world import load, request

from holdfast.contracts import OperatorError
from holdfast.safety.policy import Allowed, Asks, Denied, Observes, PolicyBundle, decided_by

PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'
FORBIDS = (
    '@id("one") @reason("r") forbid (principal, action, resource) when { context.session.id == "s1" };\n'
    '@id("two") @reason("r") @approval("operator") forbid (principal, action, resource)\n'
    "when { context.flow.repeated };\n"
)
BROKEN = (
    '@id("fails") @reason("r") forbid (principal, action == Action::"read", resource)\n'
    "when { context.input has limit && context.input.limit + 1 > 0 };\n"
)
CALL = {"path": "a"}
EVERYTHING = Observes(everything=True)


def observing(text: str, observes: Observes) -> PolicyBundle:
    return load(text).observing(observes)


def test_an_observed_forbid_is_let_pass_and_the_rest_counts() -> None:
    bundle = observing(PERMIT + FORBIDS, Observes(forbids=frozenset({"one"})))
    passed = bundle.decide(request(arguments=CALL))
    assert isinstance(passed, Allowed)
    assert isinstance(passed.observed, Denied)
    assert decided_by(passed.observed) == ("one",)

    asked = bundle.decide(request(arguments=CALL, flowing={"repeated": True}))
    assert isinstance(asked, Asks)
    assert asked.forbids == ("two",)
    assert asked.observed is not None


def test_what_would_be_denied_all_the_same_is_denied_for_its_own_reason() -> None:
    bundle = observing(PERMIT + FORBIDS.replace('@approval("operator")', ""), Observes(forbids=frozenset({"one"})))

    decision = bundle.decide(request(arguments=CALL, flowing={"repeated": True}))

    assert isinstance(decision, Denied)


def test_the_whole_layer_lets_pass_what_nothing_permits() -> None:
    nobody = PERMIT.replace('scopes.contains("call")', 'subject == "root"')
    passed = observing(nobody, EVERYTHING).decide(request(arguments=CALL))

    assert isinstance(passed, Allowed)
    assert passed.observed is not None
    assert passed.observed.reason.code == "policy/no-permit"


def test_what_cannot_be_judged_is_denied_whatever_is_observed() -> None:
    bundle = observing(PERMIT + BROKEN, EVERYTHING)
    for arguments in ({"path": "a", "limit": 2**63 - 1}, {"path": 5}):
        decision = bundle.decide(request(arguments=arguments))
        assert isinstance(decision, Denied)
    assert isinstance(load(PERMIT + BROKEN).observing(Observes()).decide(request(arguments=CALL)), Allowed)


def test_only_forbids_that_are_there_can_be_observed() -> None:
    for name in ("all", "nothing"):
        with pytest.raises(OperatorError, match="no forbid"):
            observing(PERMIT + FORBIDS, Observes(forbids=frozenset({name})))
