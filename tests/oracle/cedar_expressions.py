"""Cedar expressions over our schema, and calls, made by hypothesis: mostly of the right types, now and then not."""

from typing import Any

from hypothesis import strategies as st
from tests.oracle.policy_world import flow, person, request, tool

from holdfast.contracts import Effect, Label, Scope, Sink, ToolSpec
from holdfast.safety.policy import Facts, PolicyRequest

PROPERTIES: dict[str, Any] = {
    "must": {"type": "string"},
    "path": {"type": "string"},
    "limit": {"type": "integer"},
    "amount": {"type": "number"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "sizes": {"type": "array", "items": {"type": "integer"}},
    "flag": {"type": "boolean"},
    "deep": {"type": "object", "properties": {"path": {"type": "string"}, "flag": {"type": "boolean"}}},
    "free": {},
}
ONE = tool("one", PROPERTIES, Effect.READ_PRIVATE, Effect.WRITE, required=["must"])
TWO = tool("two", PROPERTIES, Effect.EGRESS, Effect.READ_UNTRUSTED, required=["must"])
TOOLS = (ONE, TWO)

WORDS = ("", "a", "b", "ab", "a/b", "private", "call", "host", "egress", "send", "x*")
PATTERNS = ("*", "a*", "*b", "*a*b*", "a", "", "*/a/*", "x\\*", "*\\**", "**b")
NUMBERS = (-1, 0, 1, 2, 3, 100, 2**62, 2**63 - 1, -(2**63))
FRACTIONS = ("0.0", "1.5", "-0.0001", "1.50", "922337203685477.5807", "1.23456", "x", "922337203685477.5808")
ENTITIES = (
    'Principal::"default/alice"',
    'Principal::"default/bob"',
    'Tenant::"default"',
    'Tenant::"other"',
    'Action::"one"',
    'Tool::"one"',
    'Tool::"two"',
)

_TEXT_FACTS = (
    "context.input.must",
    "context.input.path",
    "context.input.deep.path",
    "context.flow.sink",
    "context.paths.text",
    "principal.subject",
    "principal.tenant",
    "resource.name",
    "context.input.none",
)
_NUMBER_FACTS = ("context.facts.leaks", "context.facts.pii", "context.input.limit", "context.paths.count")
_TRUTH_FACTS = (
    "context.session.private",
    "context.flow.repeated",
    "context.facts.inexact",
    "context.facts.unseen",
    "context.input.flag",
    "context.input.deep.flag",
)
_GROUP_FACTS = (
    "context.input.tags",
    "context.effects",
    "context.session.labels",
    "principal.scopes",
    "resource.effects",
    "context.facts.rules",
)
_HELD = ("path", "limit", "amount", "tags", "sizes", "flag", "deep", "free", "deep.flag", "none", "must")

Draw = Any


def quoted(word: str) -> str:
    return f'"{word}"'


@st.composite
def texts(draw: Draw, depth: int = 1) -> str:
    if draw(st.booleans()):
        return str(draw(st.sampled_from(_TEXT_FACTS)))
    if depth and draw(st.integers(0, 5)) == 0:
        return f"(if {draw(truths(depth - 1))} then {draw(texts(depth - 1))} else {draw(texts(depth - 1))})"
    return quoted(draw(st.sampled_from([word for word in WORDS if "*" not in word])))


@st.composite
def numbers(draw: Draw, depth: int = 1) -> str:
    match draw(st.integers(0, 7 if depth else 5)):
        case 0 | 1 | 2:
            return str(draw(st.sampled_from(_NUMBER_FACTS)))
        case 3 | 4 | 5:
            return str(draw(st.sampled_from(NUMBERS)))
        case 6:
            sign = draw(st.sampled_from(["+", "-", "*"]))
            return f"({draw(numbers(depth - 1))} {sign} {draw(numbers(depth - 1))})"
        case _:
            return f"(-({draw(numbers(depth - 1))}))"


@st.composite
def groups(draw: Draw) -> str:
    if draw(st.booleans()):
        return str(draw(st.sampled_from(_GROUP_FACTS)))
    return f"[{', '.join(draw(st.lists(texts(0), min_size=1, max_size=3)))}]"


@st.composite
def fractions(draw: Draw) -> str:
    if draw(st.booleans()):
        return "context.input.amount"
    return f'decimal("{draw(st.sampled_from(FRACTIONS))}")'


@st.composite
def whatever(draw: Draw, depth: int) -> str:
    """Of any type."""
    entities = st.sampled_from([*ENTITIES, "principal", "resource", "action", "context.input", "{a: 1}", "[principal]"])
    return f"({draw(st.one_of(texts(depth), numbers(depth), groups(), fractions(), entities, truths(depth)))})"


@st.composite
def truths(draw: Draw, depth: int = 2) -> str:
    if depth and draw(st.integers(0, 2)):
        return str(draw(_joined(depth - 1)))
    return str(draw(st.one_of(_ATOMS)))


@st.composite
def _joined(draw: Draw, depth: int) -> str:
    left, right = draw(truths(depth)), draw(truths(depth))
    match draw(st.integers(0, 5)):
        case 0 | 1:
            return f"({left} && {right})"
        case 2 | 3:
            return f"({left} || {right})"
        case 4:
            return f"!({left})"
        case _:
            return f"(if {left} then {right} else {draw(truths(0))})"


_ORDER = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_FRACTION_ORDER = st.sampled_from(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])
_GROUP_ORDER = st.sampled_from(["containsAll", "containsAny"])


def _guarded(name: str, truth: str) -> str:
    return f"(context.input has {name} && {truth})"


_ATOMS: list[st.SearchStrategy[str]] = [
    st.sampled_from(_TRUTH_FACTS),
    st.builds(lambda name: f"context.input has {name}", st.sampled_from(_HELD)),
    st.builds(lambda left, sign, right: f"{left} {sign} {right}", numbers(), _ORDER, numbers()),
    st.builds(
        lambda sign, number: _guarded("limit", f"context.input.limit {sign} {number}"),
        _ORDER,
        st.sampled_from(NUMBERS),
    ),
    st.builds(lambda left, right: f"{left} == {right}", texts(), texts()),
    st.builds(
        lambda left, right: _guarded("path", f"{left} == {right}"),
        st.just("context.input.path"),
        texts(),
    ),
    st.builds(lambda text, pattern: f'{text} like "{pattern}"', texts(), st.sampled_from(PATTERNS)),
    st.builds(lambda group, text: f"{group}.contains({text})", groups(), texts()),
    st.builds(lambda left, op, right: f"{left}.{op}({right})", groups(), _GROUP_ORDER, groups()),
    st.builds(lambda group: f"{group}.isEmpty()", groups()),
    st.builds(
        lambda op, words: _guarded("tags", f"context.input.tags.{op}([{words}])"),
        _GROUP_ORDER,
        st.sampled_from(['"a"', '"a", "b"', '"b"', '"ab", "a"']),
    ),
    st.builds(lambda left, right: f"{left} == {right}", groups(), groups()),
    st.builds(lambda left, op, right: f"{left}.{op}({right})", fractions(), _FRACTION_ORDER, fractions()),
    st.builds(lambda number: f"context.input.sizes.contains({number})", numbers()),
    st.builds(
        lambda who, how, what: f"{who} {how} {what}",
        st.sampled_from(["principal", "resource", "action"]),
        st.sampled_from(["==", "in"]),
        st.sampled_from(ENTITIES),
    ),
    st.builds(
        lambda left, what: f"{left} {what}",
        st.sampled_from(["principal", "resource"]),
        st.sampled_from(
            ["is Principal", "is Tool", 'is Principal in Tenant::"default"', 'in [Tenant::"other", Tool::"one"]']
        ),
    ),
    st.builds(lambda text: f"{{a: {text}, b: 1}}.a == {text}", texts(0)),
]
_BROKEN: list[st.SearchStrategy[str]] = [
    st.builds(
        lambda left, op, right: f"{left} {op} {right}",
        whatever(0),
        st.sampled_from(["<", "==", "in", "&&"]),
        whatever(0),
    ),
    st.builds(lambda left, right: f"{left}.contains({right})", whatever(0), whatever(0)),
    st.builds(lambda one: f'{one} like "a*"', whatever(0)),
    st.builds(lambda one: f"{one} has a", whatever(0)),
    st.builds(lambda one: f"{one}.name == 1", whatever(0)),
    st.builds(lambda one: f"{one} is Tool", whatever(0)),
    st.builds(lambda one: f"!{one}", whatever(0)),
    st.builds(lambda one: f"-{one} < 3", whatever(0)),
    st.builds(lambda one, two: f"if {one} then true else {two}", whatever(0), whatever(0)),
]


@st.composite
def conditions(draw: Draw) -> str:
    """Mostly of the right types."""
    if draw(st.integers(0, 14)) == 0:
        return f"{draw(truths(1))} {draw(st.sampled_from(['&&', '||']))} ({draw(st.one_of(_BROKEN))})"
    return str(draw(truths(2)))


_SCOPES = st.sampled_from(
    [
        *["principal, action, resource"] * 6,
        'principal == Principal::"default/alice", action, resource',
        'principal in Tenant::"default", action, resource',
        'principal is Principal in Tenant::"other", action, resource is Tool',
        'principal, action == Action::"one", resource',
        'principal, action in [Action::"one", Action::"two"], resource',
        'principal, action, resource == Tool::"two"',
    ]
)


@st.composite
def statements(draw: Draw, name: str) -> str:
    """A policy called *name*."""
    effect = draw(st.sampled_from(["permit", "forbid"]))
    level = draw(st.sampled_from(["", "", "operator", "always", "lease"])) if effect == "forbid" else ""
    approval = f'@approval("{level}") ' if level else ""
    clauses = "".join(f" {draw(st.sampled_from(['when', 'when', 'unless']))} {{ {draw(conditions())} }}" for _ in "1")
    return f'@id("{name}") @reason("r") {approval}{effect} ({draw(_SCOPES)}){clauses};'


@st.composite
def policy_sets(draw: Draw) -> str:
    """One to five policies, the first of which permits a good deal."""
    first = draw(st.booleans())
    rest = "\n".join(draw(statements(f"p-{number}")) for number in range(draw(st.integers(1, 4))))
    return ('@id("all") @reason("r") permit (principal, action, resource);\n' if first else "") + rest


_TEXT = st.sampled_from(WORDS)
ARGUMENTS = st.fixed_dictionaries(
    {"must": _TEXT},
    optional={
        "path": _TEXT,
        "limit": st.sampled_from([*NUMBERS, 2**70]),
        "amount": st.sampled_from([0, 1.5, -0.0001, 1e30, 0.00001, 3]),
        "tags": st.lists(_TEXT, max_size=3),
        "sizes": st.lists(st.sampled_from(NUMBERS), max_size=2),
        "flag": st.booleans(),
        "deep": st.fixed_dictionaries({}, optional={"path": _TEXT, "flag": st.booleans()}),
        "free": st.integers(),
        "extra": st.integers(),
    },
)


@st.composite
def calls(draw: Draw) -> PolicyRequest:
    """A call as there could be one: its flow follows from its effects, and its labels show."""
    spec: ToolSpec = draw(st.sampled_from(TOOLS))
    labels = draw(st.frozensets(st.sampled_from(Label)))
    truth = st.booleans()
    said = {
        "private": Label.PRIVATE in labels or draw(truth),
        "untrusted": Label.UNTRUSTED in labels or draw(truth),
        "repeated": draw(truth),
    }
    if flow(spec).sink is Sink.CHANGE and draw(truth):
        said["sink"] = Sink.STAGE
    small = st.integers(0, 3)
    facts = Facts(
        leaks=draw(small),
        credentials=0,
        injection=0,
        pii=draw(small),
        rules=draw(st.frozensets(st.sampled_from(["a", "ab", "pii/card"]), max_size=2)),
    )
    scopes = draw(st.frozensets(st.sampled_from([Scope.CALL, Scope.HOST]), min_size=1))
    principal = person(
        draw(st.sampled_from(["alice", "bob"])), *scopes, tenant=draw(st.sampled_from(["default", "other"]))
    )
    return request(spec, draw(ARGUMENTS), principal=principal, labels=labels, facts=facts, flowing=said)
