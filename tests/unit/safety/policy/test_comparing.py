"""What two sets decide differently is found over calls made from what they compare with, each with its call."""

import pytest
from tests.oracle.policy_world import READ, load, tool

from holdfast.contracts import Effect, ToolSpec
from holdfast.safety.policy import PolicyBundle, verdict_of
from holdfast.safety.policy.cases import asked, read_case
from holdfast.safety.policy.comparing import Difference, Kind, Pair, case_of, compared, generated

PERMIT = '@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };\n'
PAY = tool(
    "pay",
    {"amount": {"type": "number"}, "to": {"type": "string"}, "way": {"enum": ["wire", "card"]}},
    Effect.SPEND,
    required=["amount", "to"],
)


def rule(name: str, condition: str, marks: str = "") -> str:
    head = f'@id("{name}") @reason("r") {marks} forbid (principal, action == Action::"pay", resource)'
    return f"{head} when {{ {condition} }};\n"


def differences(old: str, new: str, spec: ToolSpec = PAY) -> list[Difference]:
    pair = Pair(old=load(old, spec), new=load(new, spec))
    return [
        one
        for each in generated(pair)
        for one in compared(pair.old, pair.new, (("", call) for call in each.calls)).differences
    ]


def again(bundle: PolicyBundle, one: Difference, spec: ToolSpec) -> str:
    """What *bundle* says of the call of *one* as it is written for people."""
    case = case_of(one.given, bundle.covering(spec.name))
    return verdict_of(bundle.decide(asked(read_case("x", {"name": "x", "expect": "deny", **case}), spec)))


THREE = 'context.input.to == "a" && context.input has way && context.flow.repeated && context.facts.pii > {}'
AMOUNT = 'context.input.amount.greaterThan(decimal("{}"))'


@pytest.mark.parametrize(
    ("old", "new", "kind", "wider"),
    [
        (rule("limit", AMOUNT.format("100.0")), rule("limit", AMOUNT.format("100.0001")), Kind.ALLOWED, True),
        (rule("limit", AMOUNT.format("100.0")), rule("limit", AMOUNT.format("99.9999")), Kind.DENIED, False),
        (rule("limit", AMOUNT.format("100.0")), "", Kind.ALLOWED, True),
        (
            rule("who", 'context.input.to like "*@evil*"'),
            rule("who", 'context.input.to like "*@evil.example"'),
            Kind.ALLOWED,
            True,
        ),
        (rule("way", 'context.input has way && context.input.way == "wire"'), "", Kind.ALLOWED, True),
        (rule("hold", "true"), rule("hold", "true", '@approval("operator")'), Kind.ASKING, True),
        (rule("hold", "true"), rule("hold", "true", '@approval("lease")'), Kind.LEASABLE, True),
        (rule("hold", "true", '@approval("operator")'), rule("hold", "true"), Kind.DENIED, False),
        (
            rule("both", 'context.session.private && context.session.untrusted && principal.scopes.contains("host")'),
            "",
            Kind.ALLOWED,
            True,
        ),
        (
            rule(
                "three",
                THREE.format(3),
            ),
            rule(
                "three",
                THREE.format(4),
            ),
            Kind.ALLOWED,
            True,
        ),
    ],
)
def test_a_change_is_found_with_a_call_that_shows_it(old: str, new: str, kind: Kind, *, wider: bool) -> None:
    found = differences(PERMIT + old, PERMIT + new)

    assert {(one.kind, one.wider) for one in found} == {(kind, wider)}
    for one in found[:20]:
        assert again(load(PERMIT + old, PAY), one, PAY) == verdict_of(one.before)
        assert again(load(PERMIT + new, PAY), one, PAY) == verdict_of(one.after)


@pytest.mark.parametrize(
    "conditions",
    [
        ('principal == Principal::"default/root"', 'principal == Principal::"default/other"'),
        ('principal in Tenant::"ours"', 'principal in Tenant::"theirs"'),
        ('principal == Principal::"a%2Fb/root"', 'principal == Principal::"a%2Fb/other"'),
    ],
)
def test_a_change_of_whom_a_policy_names_is_found(conditions: tuple[str, str]) -> None:
    old, new = (f'@id("some") @reason("r") permit ({one}, action, resource);\n' for one in conditions)

    found = differences(old, new)

    assert {one.kind for one in found} == {Kind.ALLOWED, Kind.DENIED}
    for one in (one for one in found if one.given.tool == PAY.name):
        assert again(load(new, PAY), one, PAY) == verdict_of(one.after)


def test_one_name_more_in_a_list_of_thousands_is_found_before_the_calls_are_used_up() -> None:
    names = [f'"user{number}"' for number in range(3_000)]

    def listed(more: str) -> str:
        condition = f"!([{', '.join((*names, more))}].contains(context.input.to)) || !context.flow.repeated"
        return PERMIT + rule("known", condition)

    found = differences(listed('"last"'), listed('"last", "rival"'))

    assert [one.kind for one in found] == [Kind.ALLOWED]
    assert found[0].given.at(("context", "input", "to")) == "rival"


def test_sets_that_say_the_same_differ_nowhere_and_make_no_calls() -> None:
    text = PERMIT + rule("limit", AMOUNT.format("100.0"))
    other = rule("limit", AMOUNT.format("100.0")) + "// moved\n" + PERMIT

    assert differences(text, text) == []
    assert list(generated(Pair(old=load(text, PAY), new=load(text, PAY)))) == []
    assert differences(text, other) == []


def test_calls_are_the_same_each_time_and_no_more_than_asked_for() -> None:
    many = "".join(rule(f"r{n}", f'context.input.to == "{n}" && context.facts.pii > {n}') for n in range(40))
    pair = Pair(old=load(PERMIT, PAY), new=load(PERMIT + many, PAY))

    first, second = (list(generated(pair, most=500)) for _ in range(2))

    assert first == second
    assert [(one.tool, len(one.calls), one.whole) for one in first] == [("pay", 500, False)]
    assert READ.name not in {one.tool for one in first}
