"""Every fact is declared once, its reference is what the code says, and each one can decide a call."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.oracle.policy_world import DENIED_CASE, READ, load, request, tool
from tests.policy_reference import PAGE, written

from holdfast.contracts import Digest, Effect, Hint, OperatorError, Standing
from holdfast.safety.policy import Allowed, Approved, Around, Counts, Denied, Locations, PolicyBundle, Tooling, supposed
from holdfast.safety.policy.facts import FACTS, NAMED

BLOB = tool("blob", {"blob": {"type": ["object", "array"]}, "path": {"type": "string"}})


def around(**named: Any) -> Around:
    return replace(supposed(), **named)


def at(unix: float) -> Around:
    return around(now=lambda: unix)


def counted(**counts: int) -> Around:
    return around(counts=lambda: Counts(**counts))


def standing(state: Standing) -> Around:
    return around(tooling=Tooling(standing=state))


def bundle(condition: str, *specs: Any) -> PolicyBundle:
    return load(f'@id("a") @reason("r") permit (principal, action, resource) when {{ {condition} && \n'
                'principal.scopes.contains("call") };', *specs)  # fmt: skip


def test_the_reference_is_what_the_code_says() -> None:
    page = PAGE.read_text("utf-8")

    assert page == written(page), "run `python -m tests.policy_reference`"


def test_every_fact_is_named_once_and_says_what_it_is() -> None:
    assert len(NAMED) == len(FACTS)
    assert all(fact.says and fact.source for fact in FACTS)
    assert all((fact.words is None) == (fact.word == "") for fact in FACTS)


NOON_FRIDAY = 1_763_726_400.0
"""2025-11-21 12:00 UTC."""


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ('resource.state == "approved"', standing(Standing.APPROVED), standing(Standing.QUARANTINED)),
        ('resource.state == "trial"', standing(Standing.TRIAL), standing(Standing.UNKNOWN)),
        (
            'resource.isolation.contains("seccomp")',
            around(tooling=Tooling(standing=Standing.APPROVED, isolation=frozenset({"seccomp"}))),
            around(),
        ),
        (
            'resource.hints.contains("read_only")',
            around(tooling=Tooling(standing=Standing.APPROVED, hints=frozenset({Hint.READ_ONLY}))),
            around(tooling=Tooling(standing=Standing.APPROVED, hints=frozenset({Hint.NOT_READ_ONLY}))),
        ),
        (
            'context.workspace.text like "/docs/*" && context.workspace.count == 1',
            around(located=lambda paths: Locations(real=("docs/a",), outside=False)),
            around(located=lambda paths: Locations(real=("src/a",), outside=False)),
        ),
        ("!context.workspace.outside", around(located=lambda _: Locations(real=("",), outside=False)), around()),
        ('context.approval == "approval"', around(approved=Approved.APPROVAL), around(approved=Approved.LEASE)),
        ('context.approval == "none"', around(), around(approved=Approved.APPROVAL)),
        ("context.time.hour >= 9 && context.time.hour < 17", at(NOON_FRIDAY), at(NOON_FRIDAY + 5 * 3600)),
        ('context.time.weekday == "friday"', at(NOON_FRIDAY + 0.5), at(NOON_FRIDAY + 12 * 3600)),
        ("context.time.unix < 1763726401", at(NOON_FRIDAY), at(NOON_FRIDAY + 1)),
        ("context.rate.tool_minute < 3", counted(tool_minute=2), counted(tool_minute=3)),
        ("context.rate.tool_hour < 3", counted(tool_hour=2), counted(tool_hour=3)),
        ("context.rate.tool_day < 3", counted(tool_day=2), counted(tool_day=3)),
        ("context.rate.minute < 3", counted(minute=2, tool_minute=9), counted(minute=3)),
        ("context.rate.hour < 3", counted(hour=2), counted(hour=3)),
        ("context.rate.day < 3", counted(day=2), counted(day=3)),
        ("context.rate.spends_hour < 1", counted(spends_day=1), counted(spends_hour=1)),
        ("context.rate.spends_day < 1", counted(spends_hour=1), counted(spends_day=1)),
    ],
)
def test_a_circumstance_decides(condition: str, yes: Around, no: Around) -> None:
    judged = bundle(condition)

    assert isinstance(judged.decide(request(around=yes)), Allowed)
    assert isinstance(judged.decide(request(around=no)), Denied)


FETCH = tool("fetch", {"url": {"type": "string"}, "options": {"type": "object"}})


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        (
            'context.egress.hosts.contains("api.example")',
            {"url": "https://API.example:443/x"},
            {"url": "https://x.example"},
        ),
        ('["https"].containsAll(context.egress.schemes)', {"url": "https://a.example"}, {"url": "http://a.example"}),
        ("[443].containsAll(context.egress.ports)", {"url": "https://a.example/"}, {"url": "https://a.example:8443/"}),
        (
            '["public"].containsAll(context.egress.classes)',
            {"url": "https://93.184.215.14"},
            {"url": "https://10.0.0.1"},
        ),
        (
            'context.egress.classes.contains("loopback")',
            {"url": "http://[::ffff:127.0.0.1]/"},
            {"url": "http://8.8.8.8/"},
        ),
        (
            'context.egress.classes.contains("link_local")',
            {"url": "http://169.254.169.254/"},
            {"url": "http://a.example"},
        ),
        ('context.egress.classes.contains("name")', {"url": "http://internal/"}, {"url": "http://localhost/"}),
        ("context.egress.count == 0", {"url": "read https://a.example"}, {"options": {"deep": ["https://a.example"]}}),
        ("!context.egress.unread", {"url": "https://a.example"}, {"url": "https://a.example@b.example"}),
        ("!context.egress.unread", {"options": {"text": "a: b"}}, {"url": "a.example"}),
        ("!context.egress.unread", {}, {"options": {"x": "file:///etc/passwd"}}),
        ("!context.egress.unread", {}, {"options": {"callbackUrl": ["https://2130706433/"]}}),
    ],
)
def test_a_destination_decides(condition: str, yes: dict[str, Any], no: dict[str, Any]) -> None:
    # `url` named so is a destination, whatever it holds: the text that is no URL counts as unread, not as a host.
    judged = bundle(condition, FETCH)

    assert isinstance(judged.decide(request(FETCH, yes)), Allowed)
    assert isinstance(judged.decide(request(FETCH, no)), Denied)


RUNS = tool("runs", {"script": {"type": "string"}}, Effect.EXECUTE)


@pytest.mark.parametrize(
    ("condition", "yes", "no"),
    [
        ('["ls", "wc"].containsAll(context.shell.programs)', "ls | wc -l", "ls | cat"),
        ('context.shell.risk == "read"', "ls", "ls > x"),
        ('!context.shell.risks.contains("network")', "rm x", "rm x; curl a"),
        ("context.shell.count <= 2", "ls; ls", "ls; ls; ls"),
        ('context.egress.hosts.contains("a.example")', "curl https://a.example/x", "echo 'see https://a.example/x'"),
    ],
)
def test_a_command_decides(condition: str, yes: str, no: str) -> None:
    judged = bundle(condition, RUNS)

    assert isinstance(judged.decide(request(RUNS, {"script": yes})), Allowed)
    assert isinstance(judged.decide(request(RUNS, {"script": no})), Denied)


def test_the_digest_of_a_tool_pins_it() -> None:
    changed = replace(READ, version="2.0.0")
    pinned = f'resource.digest == "{READ.digest}"'

    assert isinstance(bundle(pinned).decide(request()), Allowed)
    there = PolicyBundle.load(
        {"p/it.cedar": f'@id("a") @reason("r") permit (principal, action, resource) when {{ {pinned} && '
         'principal.scopes.contains("call") };'},
        {"c.yaml": DENIED_CASE}, profile="p", specs=[changed],
    )  # fmt: skip
    assert isinstance(there.decide(request(changed)), Denied)


def test_autonomy_is_the_profile_that_judges() -> None:
    assert isinstance(bundle('context.autonomy == "p"').decide(request()), Allowed)
    assert isinstance(bundle('context.autonomy == "q"').decide(request()), Denied)


def test_what_no_policy_reads_is_not_asked_for() -> None:
    def unread() -> Any:
        raise AssertionError("nobody reads this")

    quiet = Around(
        tooling=Tooling(standing=Standing.APPROVED),
        approved=Approved.NONE,
        now=unread,
        counts=unread,
        located=unread,
        seal=lambda _: unread(),
    )
    decision = bundle("resource has name", BLOB).decide(request(BLOB, {"blob": {}}, around=quiet))

    assert isinstance(decision, Allowed)


@pytest.mark.parametrize("value", [{"a": [1, {"b": 2}]}, [], {}, ["x", None]])
def test_an_argument_without_a_type_is_pinned_by_its_keyed_digest(value: Any) -> None:
    key = bytes(32)
    seal: Callable[[Any], Digest] = supposed().seal
    keyed = around(seal=lambda one: Digest.keyed(key, str(seal(one)).encode()))
    pinned = bundle(f'context.input has blob && context.input.blob.digest == "{keyed.seal(value)}"', BLOB)

    assert isinstance(pinned.decide(request(BLOB, {"blob": value}, around=keyed)), Allowed)
    assert isinstance(pinned.decide(request(BLOB, {"blob": value})), Denied), "another key"
    assert isinstance(pinned.decide(request(BLOB, {"blob": {"other": 1}}, around=keyed)), Denied)
    assert isinstance(pinned.decide(request(BLOB, {}, around=keyed)), Denied)


def test_a_supposed_fact_stands_for_the_read_one_and_nothing_else_changes() -> None:
    judged = bundle('context.time.hour == 3 && resource.state == "trial" && context.session.id == "s1"')

    assert isinstance(judged.decide(request()), Denied)
    supposing = {"context.time.hour": 3, "resource.state": "trial"}
    assert isinstance(judged.decide(request(given=supposing)), Allowed)
    assert isinstance(judged.decide(request()), Denied)
    assert isinstance(judged.decide(request(given=supposing | {"context.session.id": "s2"})), Denied)


def test_a_supposed_digest_reaches_only_an_argument_that_is_there() -> None:
    judged = bundle('context.input has blob && context.input.blob.digest == "d"', BLOB)

    assert isinstance(judged.decide(request(BLOB, {"blob": {}}, given={"context.input.blob.digest": "d"})), Allowed)
    assert isinstance(judged.decide(request(BLOB, {}, given={"context.input.blob.digest": "d"})), Denied)


def case(facts: str) -> str:
    return (
        "profiles: [p]\ncases:\n"
        f"  - {{name: c, call: read, with: {{path: a}}, facts: {{{facts}}}, expect: deny}}\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ("context.time.hours: 3", "`context.time.hours` is no fact"),
        ("hour: 3", "the field `hour` is not known"),
        ("context.time.hour: noon", "`context.time.hour` must be a `Long`"),
        ("context.time.hour: true", "`context.time.hour` must be a `Long`"),
        ("context.time.weekday: someday", "`context.time.weekday` must be of: friday"),
        ("context.session.labels: [privat]", "`context.session.labels` must be of: private, untrusted"),
        ("resource.state: fine", "`resource.state` must be of: approved"),
        ("principal.subject: bob", "`principal.subject` belongs under `as`, `call` or `tools`"),
        ("resource.effects: []", "`resource.effects` belongs under"),
        ("context.input.path: a", "`context.input.path` is no fact"),
    ],
)
def test_a_case_that_sets_what_is_no_fact_or_not_of_its_type_is_refused(facts: str, said: str) -> None:
    with pytest.raises(OperatorError) as refused:
        load('@id("a") @reason("r") permit (principal, action, resource);', cases=case(facts))

    assert said in refused.value.message


def test_a_case_sets_any_circumstance_by_its_path() -> None:
    text = '@id("a") @reason("r") permit (principal, action, resource) when { context.rate.minute < 5 };'

    load(text, cases=case("context.rate.minute: 5"))
    with pytest.raises(OperatorError, match="decided `allow` by `a`"):
        load(text, cases=case("context.rate.minute: 4"))
