"""A check says everything that is wrong with a set at once, what probably is a mistake, and what it did not judge."""

import json

import jsonschema
import pytest
from tests.oracle.policy_world import READ, foreign, shipped_cases, shipped_sources, tool

from holdfast.contracts import Effect
from holdfast.safety.policy import proving
from holdfast.safety.policy.auditing import RULES, Audit, Remark, Severity, Unjudged, audit, sarif_log
from holdfast.server.assembly import builtin_specs

SEND = tool(
    "send",
    {
        "to": {"type": "string"},
        "path": {"type": "string"},
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "confirmed": {"type": "boolean"},
        "mode": {"type": "string"},
        "url": {"type": "string"},
        "command": {"type": "string"},
        "note": {"type": "string"},
    },
    Effect.EGRESS,
    required=["to", "path", "amount", "count", "confirmed", "url", "command"],
)
CASES = """
profiles: [p]
cases:
  - {name: denied, call: send, as: {scopes: []}, expect: deny,
     with: {to: a, path: p, amount: 1, count: 1, confirmed: true, url: u, command: c}}
"""
ON_SEND = 'principal, action == Action::"send", resource'


def policy(name: str, effect: str, rest: str) -> str:
    return f'@id("{name}") @reason("r") {effect} {rest};\n'


SCOPE = policy("scope", "forbid", '(principal, action, resource) unless { principal.scopes.contains("call") }')


def of(text: str, *, cases: str = CASES, questions: int = 60, **files: str) -> Audit:
    sources = {"p/it.cedar": text, **files}
    return audit(sources, {"tests/it.yaml": cases}, profile="p", specs=[READ, SEND], questions=questions)


def said(found: Audit, severity: Severity | None = None) -> list[tuple[str, str]]:
    return [(one.rule, one.policy) for one in found.remarks if severity in (None, one.severity)]


def test_every_error_of_a_set_is_said_with_its_place() -> None:
    text = (
        policy("typo", "permit", f'({ON_SEND}) when {{ context.input.amuont == decimal("1.0") }}')
        + policy("number", "forbid", f"({ON_SEND}) when {{ context.input.to > 3 }}")
        + policy("word", "forbid", '(principal, action, resource) when { resource.effects.contains("egres") }')
        + policy("stranger", "forbid", '(principal, action == Action::"nobody", resource)')
        + "permit (principal, action, resource);\n"
        + "permit (principal,;\n"
    )

    found = of(text)

    assert found.digest is None
    assert {(one.rule, one.policy, one.line) for one in found.remarks if one.severity is Severity.ERROR} == {
        ("types", "typo", 1),
        ("types", "number", 2),
        ("words", "word", 3),
        ("unknown-tool", "stranger", 4),
        ("annotations", "", 5),
        ("syntax", "", 6),
    }
    assert {one.rule for one in found.unjudged} == {"case-fails", "no-negative-test", "never-applies", "shadowed"}
    assert all(one.file == "p/it.cedar" and one.remedy for one in found.remarks)


def test_a_case_that_fails_is_an_error_at_its_line() -> None:
    found = of(
        SCOPE + policy("all", "forbid", f"({ON_SEND})"), cases=CASES.replace("expect: deny", "expect: allow") + DENY
    )

    (one,) = [one for one in found.remarks if one.rule == "case-fails"]
    assert (one.file, one.line, one.severity) == ("tests/it.yaml", 4, Severity.ERROR)
    assert "expected `allow`, decided `deny` by `scope`, `all`" in one.message


DENY = "  - {name: not read, call: read, as: {scopes: []}, with: {path: a}, expect: deny}\n"

HABITS = [
    (
        "arithmetic-overflow",
        ("forbid", f"({ON_SEND}) when {{ context.input.count + 1 > 5 }}"),
        ("forbid", f"({ON_SEND}) when {{ context.input.count > 4 }}"),
    ),
    (
        "unfolded-path",
        ("forbid", f'({ON_SEND}) when {{ context.input.path like "*/.env" }}'),
        ("forbid", f'({ON_SEND}) when {{ context.paths.text like "*/.env/*" }}'),
    ),
    (
        "path-allowlist",
        ("forbid", f'({ON_SEND}) unless {{ context.paths.text like "/srv/out/*" }}'),
        ("forbid", f'({ON_SEND}) unless {{ context.paths.within.contains("/srv/out/") }}'),
    ),
    (
        "case-sensitive",
        ("forbid", f'({ON_SEND}) when {{ context.input.to like "*@rival.example" }}'),
        ("forbid", f'({ON_SEND}) unless {{ context.input.to like "*@ours.example" }}'),
    ),
    (
        "caller-lifts-forbid",
        ("forbid", f"({ON_SEND}) unless {{ context.input.confirmed }}"),
        ("forbid", f"({ON_SEND}) unless {{ context.flow.args_from_user }}"),
    ),
    (
        "claim-frees",
        ("forbid", f"({ON_SEND}) unless {{ context.flow.args_contain_private }}"),
        ("forbid", f"({ON_SEND}) when {{ context.flow.args_contain_private }}"),
    ),
    (
        "rounded-number",
        ("forbid", f'({ON_SEND}) when {{ context.input.amount.greaterThan(decimal("100.0")) }}'),
        (
            "forbid",
            f'({ON_SEND}) when {{ context.input.amount.greaterThan(decimal("100.0")) || context.facts.inexact }}',
        ),
    ),
    (
        "absent-permits",
        ("permit", f'({ON_SEND}) when {{ !(context.input has mode && context.input.mode == "raw") }}'),
        ("permit", f'({ON_SEND}) when {{ context.input has mode && !(context.input.mode == "raw") }}'),
    ),
    (
        "open-host",
        ("permit", f'({ON_SEND}) when {{ context.input.url like "https://ours.example*" }}'),
        ("permit", f'({ON_SEND}) when {{ context.input.url like "https://ours.example/*" }}'),
    ),
    (
        "command-prefix",
        ("permit", f'({ON_SEND}) when {{ context.input.command like "git *" }}'),
        ("permit", f'({ON_SEND}) when {{ ["git status", "git log"].contains(context.input.command) }}'),
    ),
]


@pytest.mark.parametrize(("rule", "bad", "good"), HABITS, ids=[one[0] for one in HABITS])
def test_a_condition_that_says_something_else_than_it_seems_to_is_found(
    rule: str, bad: tuple[str, str], good: tuple[str, str]
) -> None:
    assert (rule, "it") in said(of(SCOPE + policy("it", *bad)))
    assert not {(rule, "it")} & {*said(of(SCOPE + policy("it", *good)))}


NEVER = [
    (f'({ON_SEND}) when {{ context.flow.sink == "send" && context.flow.sink == "none" }}', "sink"),
    (f'({ON_SEND}) when {{ ["a", "b"].contains(context.input.to) && context.input.to == "c" }}', "to"),
    (f"({ON_SEND}) when {{ context.session.private }} unless {{ context.session.private }}", "both ways"),
    ('(principal, action == Action::"send", resource == Tool::"read")', "never one of"),
    (f"({ON_SEND}) when {{ false }}", "never true"),
]


@pytest.mark.parametrize(("rest", "why"), NEVER)
def test_a_policy_that_contradicts_itself_is_found_without_a_solver(rest: str, why: str) -> None:
    (one,) = [
        one for one in of(SCOPE + policy("it", "forbid", rest), questions=0).remarks if one.rule == "never-applies"
    ]

    assert one.policy == "it"
    assert why in one.message


def test_a_policy_whose_conditions_exclude_each_other_by_meaning_is_found_by_the_solver() -> None:
    text = SCOPE + policy("it", "forbid", f"({ON_SEND}) when {{ context.input.count > 5 && context.input.count < 4 }}")

    found = of(text)

    assert proving.is_installed()
    assert ("never-applies", "it") in said(found)
    assert ("never-applies", "scope") not in said(found)


def test_what_is_not_judged_is_named() -> None:
    text = SCOPE + policy("it", "forbid", f"({ON_SEND}) when {{ context.input.count > 5 && context.input.count < 4 }}")

    found = of(text, questions=0)

    assert ("never-applies", "it") not in said(found)
    assert any(
        one.rule == "never-applies" and "it" in one.policies and "--thorough" in one.why for one in found.unjudged
    )


WIDE_FORBID = policy("wide", "forbid", f"({ON_SEND}) when {{ context.session.private }}")
NARROW = f"({ON_SEND}) when {{ context.session.private && context.input.count > 3 }}"
ASKS = '@approval("operator") '
SHADOWS = [
    (WIDE_FORBID + policy("narrow", "forbid", NARROW), True),
    (WIDE_FORBID + ASKS + policy("narrow", "forbid", NARROW), True),
    (WIDE_FORBID + policy("narrow", "permit", NARROW), True),
    (ASKS + WIDE_FORBID + policy("narrow", "forbid", NARROW), False),
    (ASKS + WIDE_FORBID + policy("narrow", "permit", NARROW), False),
    (ASKS + WIDE_FORBID + ASKS + policy("narrow", "forbid", NARROW), True),
    (policy("wide", "permit", f"({ON_SEND})") + policy("narrow", "permit", NARROW), True),
    (policy("wide", "permit", f"({ON_SEND})") + policy("narrow", "forbid", NARROW), False),
    (WIDE_FORBID.replace("private", "untrusted") + policy("narrow", "forbid", NARROW), False),
]


@pytest.mark.parametrize(("text", "idle"), SHADOWS)
def test_a_policy_is_shadowed_only_by_one_that_leaves_it_nothing_to_decide(text: str, idle: bool) -> None:  # noqa: FBT001 -- a row of the table
    assert (("shadowed", "narrow") in said(of(SCOPE + text))) is idle
    assert (("shadowed", "narrow") in said(of(SCOPE + text, questions=0))) is idle
    assert ("shadowed", "wide") not in said(of(SCOPE + text))


def test_a_policy_that_another_implies_by_meaning_is_found_by_the_solver() -> None:
    text = policy("wide", "forbid", f"({ON_SEND}) when {{ context.input.count > 3 }}") + policy(
        "narrow", "forbid", f"({ON_SEND}) when {{ context.input.count > 5 }}"
    )

    assert ("shadowed", "narrow") in said(of(SCOPE + text))
    assert ("shadowed", "wide") not in said(of(SCOPE + text))
    assert ("shadowed", "narrow") not in said(of(SCOPE + text, questions=0))


def test_of_two_equal_policies_the_second_is_shadowed() -> None:
    text = policy("first", "permit", f"({ON_SEND})") + policy("second", "permit", f"({ON_SEND})")

    assert [one for one in said(of(SCOPE + text)) if one[0] == "shadowed"] == [("shadowed", "second")]


PERMIT = policy("few", "permit", f"({ON_SEND}) when {{ context.input.count < 5 && context.session.private }}")


def case(count: int, session: str = "[]", expect: str = "deny") -> str:
    return CASES + (
        f"  - {{name: c, call: send, session: {session}, expect: {expect},\n"
        f"     with: {{to: a, path: p, amount: 1, count: {count}, confirmed: true, url: u, command: c}}}}\n"
    )


@pytest.mark.parametrize(
    ("cases", "shown"),
    [
        (CASES, False),
        (case(1, "[private]", "allow"), False),
        (case(7), False),
        (case(7, "[private]"), True),
        (case(1), True),
    ],
)
def test_a_permit_needs_a_case_that_is_kept_out_for_one_condition_alone(cases: str, shown: bool) -> None:  # noqa: FBT001 -- a row of the table
    assert (("no-negative-test", "few") not in said(of(SCOPE + PERMIT, cases=cases))) is shown


def test_a_permit_whose_call_a_forbid_stops_has_its_case() -> None:
    text = SCOPE + policy("all", "permit", f"({ON_SEND})")

    assert ("no-negative-test", "all") not in said(of(text))


def test_a_policy_of_every_profile_that_is_idle_in_one_is_a_note() -> None:
    shared = policy("narrow", "forbid", NARROW)
    found = of(SCOPE + WIDE_FORBID, **{"all.cedar": shared, "q/more.cedar": SCOPE})

    assert ("shadowed", "narrow") in said(found, Severity.NOTE)
    assert found.worst is Severity.NOTE


def test_tools_that_are_not_connected_and_arguments_nobody_has_are_said() -> None:
    text = (
        SCOPE
        + policy("far", "forbid", '(principal, action == Action::"far__away", resource)')
        + policy("odd", "forbid", "(principal, action, resource) when { context.input has pathh }")
    )

    found = of(text)

    assert ("dormant", "far") in said(found, Severity.NOTE)
    assert ("reads-nothing", "odd") in said(found, Severity.WARNING)


def test_a_tool_that_its_server_no_longer_offers_is_said_although_a_case_file_has_a_sample_of_it() -> None:
    paid = (
        SCOPE
        + policy("big", "forbid", '(principal, action == Action::"bank__pay", resource)')
        + policy("named", "forbid", '(principal, action, resource) when { resource.name == "bank__pay" }')
        + policy(
            "set", "forbid", '(principal, action, resource) when { ["bank__pay", "send"].contains(resource.name) }'
        )
        + policy("far", "forbid", '(principal, action == Action::"far__away", resource)')
    )
    sample = CASES.replace("cases:", "tools:\n  - {name: bank__pay, effects: [], input: {type: object}}\ncases:", 1)

    def missing(*names: str) -> set[str]:
        specs = [READ, SEND, *(foreign(name, {}) for name in names)]
        found = audit({"p/it.cedar": paid}, {"tests/it.yaml": sample}, profile="p", specs=specs)
        return {one.policy for one in found.remarks if one.rule == "missing-tool"}

    assert missing("bank__payout") == {"big", "named", "set"}, "it was renamed"
    assert missing("bank__pay", "bank__payout") == set()
    assert missing("other__pay") == set(), "its server is not here"


WAITING = [
    ('(principal, action == Action::"far__away", resource)', True),
    ('(principal, action == Action::"far__away", resource) when { context.input has x && context.input.x > 3 }', True),
    ('(principal, action == Action::"far__away", resource) when { resource.name == "far__other" }', False),
    ('(principal, action == Action::"far__away", resource) when { context.rate.day < 0 }', False),
    ('(principal, action in [Action::"send", Action::"far__away"], resource) when { context.rate.day < 0 }', False),
    ('(principal, action in [Action::"send", Action::"far__away"], resource) when { context.input.zz > 3 }', True),
    ('(principal, action, resource) when { resource.server == "far" }', True),
    ('(principal, action, resource) when { resource.server == "far" && context.input has zz }', True),
    ('(principal, action, resource) when { context.effects.contains("spend") && context.facts.inexact }', True),
    ('(principal, action, resource) when { resource.effects.contains("spend") && context.flow.sink == "send" }', True),
    ('(principal, action, resource) when { context.effects.contains("spend") && context.flow.sink == "send" }', False),
    ('(principal, action, resource) when { resource.name like "far__*" }', True),
    ('(principal, action, resource) when { resource.name == "sendd" }', False),
    ("(principal, action, resource) when { context.input has pathh }", False),
]


@pytest.mark.parametrize("effect", ["permit", "forbid"])
def test_a_policy_that_waits_for_its_tools_is_told_from_one_that_never_applies(effect: str) -> None:
    for rest, waits in WAITING:
        found = [one for one in of(SCOPE + policy("it", effect, rest)).remarks if one.policy == "it"]
        warned = {one.rule for one in found if one.severity is Severity.WARNING}
        assert ("never-applies" in warned) is not waits, rest
        assert not (waits and warned) or '"send"' in rest, f"no warning of what needs the tools: {rest}"
        assert ("dormant" in {one.rule for one in found}) is (waits or "far__away" in rest), rest


def test_whether_a_policy_waits_is_not_guessed_when_the_questions_are_used_up() -> None:
    found = of(policy("it", "forbid", '(principal, action, resource) when { resource.server == "far" }'), questions=1)

    assert not {("never-applies", "it"), ("dormant", "it")} & {*said(found)}
    assert any(one.rule == "never-applies" and "it" in one.policies for one in found.unjudged)


@pytest.mark.parametrize("profile", ["readonly", "supervised", "autonomous"])
def test_the_shipped_policies_have_nothing_to_warn_of(profile: str) -> None:
    found = audit(shipped_sources(), shipped_cases(), profile=profile, specs=builtin_specs())

    assert found.worst in (None, Severity.NOTE)
    assert not found.unjudged


def test_a_profile_or_folder_that_is_none_is_an_error() -> None:
    nothing = audit({}, {}, profile="p", specs=[READ])
    other = audit({"q/it.cedar": SCOPE}, {}, profile="p", specs=[READ])
    uncased = of(SCOPE, cases="profiles: [q]\n")

    assert [said(one) for one in (nothing, other)] == [[("files", "")], [("files", "")]]
    assert ("cases", "") in said(uncased, Severity.ERROR)


def test_a_sarif_log_has_what_code_review_needs() -> None:
    bad = SCOPE + policy("it", "forbid", f'({ON_SEND}) when {{ context.input.path like "*/.env" }}')
    log = sarif_log([of(bad), of(bad)], folder="some folder/policies", version="1.2.3")

    assert (log["version"], log["$schema"]) == ("2.1.0", "https://json.schemastore.org/sarif-2.1.0.json")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [one["id"] for one in rules] == [*RULES]
    assert all(one["name"].casefold() != one["id"] and one["name"].isalpha() for one in rules), "an id is not its name"
    (result,) = [one for one in run["results"] if one["ruleId"] == "unfolded-path"]
    assert rules[result["ruleIndex"]]["id"] == "unfolded-path"
    assert result["level"] == "warning"
    (where,) = result["locations"]
    assert where["physicalLocation"] == {
        "artifactLocation": {"uri": "some%20folder/policies/p/it.cedar", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 2},
    }
    assert "*/.env" not in json.dumps(result), "no text of the policy is repeated"


TEXT = {"type": "object", "properties": {"text": {"type": "string", "minLength": 1}}, "required": ["text"]}
LEVEL = {"enum": ["error", "warning", "note"]}


def closed(**properties: object) -> dict[str, object]:
    """An object with exactly these members."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def several(of_one: object) -> dict[str, object]:
    return {"type": "array", "items": of_one}


TEXTUAL = {"type": "string"}
RULE = closed(
    id={"pattern": "^[a-z-]+$"},
    name={"pattern": "^[A-Za-z]+$"},
    shortDescription=TEXT,
    fullDescription=TEXT,
    help=TEXT,
    defaultConfiguration=closed(level=LEVEL),
    properties=closed(tags=several(TEXTUAL)),
)
PLACE = closed(
    artifactLocation=closed(uri={"pattern": "^[A-Za-z0-9._~/%-]+$"}, uriBaseId=TEXTUAL),
    region=closed(startLine={"type": "integer", "minimum": 1}),
)
RESULT = closed(
    ruleId={"enum": [*RULES]},
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=TEXT,
    locations=several(closed(physicalLocation=PLACE)),
    partialFingerprints={"type": "object", "additionalProperties": TEXTUAL},
    properties=closed(policy=TEXTUAL, profiles=several(TEXTUAL)),
)
LOG = closed(
    **{"$schema": {"format": "uri"}},
    version={"const": "2.1.0"},
    runs=several(
        closed(
            tool=closed(driver=closed(name=TEXTUAL, semanticVersion=TEXTUAL, rules=several(RULE))),
            columnKind={"const": "unicodeCodePoints"},
            originalUriBaseIds={"type": "object"},
            invocations=several(
                closed(
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications=several(closed(level=LEVEL, message=TEXT)),
                )
            ),
            results=several(RESULT),
        )
    ),
)
"""What SARIF 2.1.0 says of the members that we write, and no others: what was held against the official schema."""


def test_every_kind_of_remark_is_written_as_sarif_wants_it() -> None:
    remarks = [
        Remark(rule=name, severity=rule.severity, policy=policy, file=file, line=line, message="m", remedy=rule.remedy)
        for name, rule in RULES.items()
        for policy, file, line in (("it", "p/ü %.cedar", 3), ("", "", 0))
    ]
    unjudged = (Unjudged(rule="shadowed", policies=("it",), why="w"),)
    whole = Audit(profile="p", digest=None, policies=("it",), remarks=tuple(remarks), unjudged=unjudged)

    for folder in ("", "some folder/ü"):
        log = json.loads(json.dumps(sarif_log([whole, of(SCOPE)], folder=folder, version="1.2.3")))
        jsonschema.validate(log, LOG, cls=jsonschema.Draft202012Validator)
        assert {one["ruleId"] for one in log["runs"][0]["results"]} >= {*RULES}


def test_a_fingerprint_survives_a_move_and_tells_policies_apart() -> None:
    bad = policy("it", "forbid", f'({ON_SEND}) when {{ context.input.path like "*/.env" }}')

    def prints(text: str) -> set[str]:
        results = sarif_log([of(text)], folder="", version="1")["runs"][0]["results"]
        return {one["partialFingerprints"]["holdfastPolicy/v1"] for one in results if one["ruleId"] == "unfolded-path"}

    moved = prints(SCOPE + "\n\n" + bad)
    assert prints(SCOPE + bad) == moved
    assert prints(SCOPE + bad.replace("it", "other")).isdisjoint(moved)


def test_a_foreign_tool_that_policy_cannot_see_is_noted() -> None:
    huge = foreign("far__tool", {f"a{number}": {"type": "string"} for number in range(600)})
    found = audit({"p/it.cedar": SCOPE}, {"t.yaml": CASES}, profile="p", specs=[READ, SEND, huge])

    assert ("quarantined", "") in said(found, Severity.NOTE)
