"""What Cedar answers is read so that an error is never a yes and never says what was in the call."""

import cedarpy
import pytest
from tests.oracle.policy_world import READ, person

from holdfast.safety.policy import supposed
from holdfast.safety.policy.engine import ask, asker
from holdfast.safety.policy.facts import Parties

ALLOW = "permit (principal, action, resource);"
WHO = asker(Parties(person(), READ, supposed().tooling), {})


def test_allow_without_errors_is_a_yes() -> None:
    assert ask((cedarpy.PolicySet.from_str(ALLOW),), WHO, "{}").allowed


def test_allow_with_an_error_is_a_no() -> None:
    skipped = ALLOW + "forbid (principal, action, resource) when { context.missing };"

    answer = ask((cedarpy.PolicySet.from_str(skipped),), WHO, "{}")

    assert answer.matched == ("policy0",), "Cedar itself allows"
    assert not answer.allowed
    assert [(one.policy, one.kind) for one in answer.errors] == [("policy1", "missing attribute")]


@pytest.mark.parametrize("context", ["", "[]", "{", '{"a": null}', '{"a": 1.5}', '{"a": "\\ud800"}', '{"a": "\ud800"}'])
def test_a_context_cedar_cannot_read_is_a_no(context: str) -> None:
    answer = ask((cedarpy.PolicySet.from_str(ALLOW),), WHO, context)

    assert not answer.allowed
    assert [one.kind for one in answer.errors] == ["unreadable request"]
