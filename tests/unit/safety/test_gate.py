"""The gate lets through exactly what was judged: same tool, same policy, same arguments, an approval spent once."""

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from tests.oracle.policy_world import NOTHING_FOUND, load, person, session, tool

from holdfast.contracts import (
    ApprovalId,
    Authorized,
    CallId,
    Digest,
    Effect,
    FlowFacts,
    Json,
    Label,
    Limits,
    Principal,
    Reason,
    Scope,
    Sink,
    TenantId,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.json_values import canonical, strings
from holdfast.contracts.limits import BUILTIN
from holdfast.safety.gate import Gate, GateRequest
from holdfast.safety.policy import Facts, PolicyBundle, supposed

pytestmark = pytest.mark.anyio

KEY = b"k" * 32
POLICIES = """
@id("all") @reason("all") permit (principal, action, resource) when { principal.scopes.contains("call") };
@id("ask") @reason("look") @approval("operator") forbid (principal, action, resource)
when { context.session.labels.contains("private") };
@id("each") @reason("anew") @approval("always") forbid (principal, action, resource)
when { context.session.labels.contains("untrusted") };
@id("firm") @reason("never") forbid (principal, action, resource) when { context.facts.leaks > 0 };
"""
SEND = tool("send", {"to": {"type": "string"}, "parts": {"type": "array"}}, Effect.EGRESS)
BUNDLE = load(POLICIES, SEND)
FILES, STATE = Digest.of(b"files"), Digest.of(b"state")
NO_FLOW = FlowFacts(
    effects=SEND.effects,
    sink=Sink.SEND,
    private=False,
    untrusted=False,
    args_from_user=True,
    all_from_user=True,
    repeated=False,
    receivers_listed=True,
    receivers_from_user=True,
    args_contain_private=False,
    args_from_untrusted=False,
)


def digest(arguments: Mapping[str, Json]) -> Digest:
    return Digest.keyed(KEY, canonical(arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """An approval in the ledger, and everything it is bound to."""

    tenant: TenantId = person().tenant
    principal: str = "alice"
    session: str = "s1"
    tool: ToolName = SEND.name
    definition: Digest = SEND.digest
    arguments: Digest
    labels: frozenset[Label] = frozenset({Label.PRIVATE})
    policy: Digest = BUNDLE.digest
    references: Digest = FILES
    carried: Digest = STATE
    forbids: tuple[str, ...] = ("ask",)


@dataclass(slots=True)
class Ledger:
    """Approvals in memory, each spent once."""

    held: dict[str, Approved] = field(default_factory=dict)
    tried: int = 0
    meanwhile: Any = None
    """Something that happens while the gate waits."""

    async def consume(self, approval: ApprovalId, **bound: Any) -> tuple[str, ...] | None:
        self.tried += 1
        if self.meanwhile is not None:
            self.meanwhile()
        found = self.held.get(approval)
        if found is None or any(getattr(found, name) != value for name, value in bound.items()):
            return None
        return self.held.pop(approval).forbids


@dataclass(slots=True)
class Leased:
    """Leases in memory, and how many uses each has left."""

    left: dict[str, int] = field(default_factory=dict)
    meanwhile: Any = None
    """Something that happens while the gate waits."""

    async def spend(self, lease: str) -> bool:
        if self.meanwhile is not None:
            self.meanwhile()
        self.left[lease] = self.left.get(lease, 0) - 1
        return self.left[lease] >= 0


@dataclass(slots=True)
class World:
    """A catalogue, two ledgers and the bundle of now, all of which a test can change."""

    tools: dict[str, ToolSpec]
    bundle: PolicyBundle
    ledger: Ledger = field(default_factory=Ledger)
    leases: Leased = field(default_factory=Leased)
    asked_for: Principal | None = None

    def current(self, principal: Principal) -> PolicyBundle:
        self.asked_for = principal
        return self.bundle

    def get(self, name: ToolName) -> ToolSpec | None:
        return self.tools.get(name)

    @property
    def gate(self) -> Gate:
        return Gate(catalogue=self, approvals=self.ledger, leases=self.leases, policy=self.current, digest=digest)


@pytest.fixture
def world() -> World:
    return World(tools={SEND.name: SEND}, bundle=BUNDLE)


ARGUMENTS: dict[str, Json] = {"to": "bob", "parts": [{"text": "hello"}, 1]}


def call(world: World, arguments: Mapping[str, Json] = ARGUMENTS, **named: Any) -> GateRequest:
    return GateRequest(
        **{
            "call_id": CallId("c1"),
            "spec": SEND,
            "arguments": arguments,
            "arguments_digest": digest(arguments),
            "policy": world.bundle.digest,
            "principal": person(),
            "session": session(),
            "limits": SEND.limits,
            "facts": NOTHING_FOUND,
            "flow": NO_FLOW,
            "references": FILES,
            "carried": STATE,
            "around": supposed(),
            **named,
        }
    )


def code(answer: Authorized | Reason) -> str:
    return answer.code if isinstance(answer, Reason) else "authorized"


async def test_what_was_judged_is_authorized(world: World) -> None:
    answer = await world.gate.authorize(call(world))

    assert isinstance(answer, Authorized)
    assert answer.call_id == "c1"
    assert answer.spec is SEND
    assert answer.arguments == ARGUMENTS
    assert (answer.principal, answer.session, answer.limits) == (person(), session(), BUILTIN)
    assert world.asked_for == person(), "a token may be bound to a profile"


def test_nobody_else_can_make_one() -> None:
    with pytest.raises(TypeError, match="only the gate"):
        Authorized()
    parts = [
        Path(__file__).parents[3] / part for part in ("safety", "sandbox", "server", "tools", "src/holdfast/contracts")
    ]
    named = re.compile(r"contracts\._mint\b|import _mint\b|from \._mint\b|import_module\(.*_mint\b")
    importers = {path for part in parts for path in part.rglob("*.py") if named.search(path.read_text("utf-8"))}
    assert [path.name for path in importers] == ["gate.py"]


async def test_what_was_authorized_cannot_be_changed(world: World) -> None:
    arguments = copy.deepcopy(ARGUMENTS)

    answer = await world.gate.authorize(call(world, arguments))
    arguments["to"] = "eve"
    arguments["parts"][0]["text"] = "secret"  # type: ignore[index, call-overload]

    assert isinstance(answer, Authorized)
    assert answer.arguments == ARGUMENTS
    assert digest(answer.arguments) == digest(ARGUMENTS)
    with pytest.raises(AttributeError):
        answer.arguments = {}


CHANGES = [
    lambda it: it.__setitem__("to", "eve"),
    lambda it: it.__delitem__("to"),
    lambda it: it.update(to="eve"),
    lambda it: it.pop("to"),
    lambda it: it.popitem(),
    lambda it: it.clear(),
    lambda it: it.setdefault("new", 1),
    lambda it: it.__ior__({"to": "eve"}),
    lambda it: it["parts"].append(1),
    lambda it: it["parts"].extend([1]),
    lambda it: it["parts"].insert(0, 1),
    lambda it: it["parts"].pop(),
    lambda it: it["parts"].remove(1),
    lambda it: it["parts"].clear(),
    lambda it: it["parts"].reverse(),
    lambda it: it["parts"].sort(key=str),
    lambda it: it["parts"].__setitem__(0, 1),
    lambda it: it["parts"].__delitem__(0),
    lambda it: it["parts"].__iadd__([1]),
    lambda it: it["parts"].__imul__(2),
    lambda it: it["parts"][0].update(text="x"),
    lambda it: copy.deepcopy(it)["parts"][0].update(text="x"),
]


@pytest.mark.parametrize("change", CHANGES, ids=range(len(CHANGES)))
async def test_authorized_arguments_refuse_every_change(world: World, change: Any) -> None:
    answer = await world.gate.authorize(call(world))

    assert isinstance(answer, Authorized)
    with pytest.raises(TypeError, match="cannot be changed"):
        change(answer.arguments)
    assert answer.arguments == ARGUMENTS


async def test_authorized_arguments_are_still_json(world: World) -> None:
    answer = await world.gate.authorize(call(world))

    assert isinstance(answer, Authorized)
    assert json.loads(json.dumps(answer.arguments)) == ARGUMENTS
    assert list(strings(answer.arguments)) == list(strings(ARGUMENTS))
    assert dict(answer.arguments) | {"to": "eve"} == {**ARGUMENTS, "to": "eve"}


async def test_arguments_other_than_the_judged_ones_are_refused(world: World) -> None:
    request = call(world, arguments_digest=digest({"to": "carol"}))

    assert code(await world.gate.authorize(request)) == "gate/arguments-changed"


async def test_arguments_that_are_no_json_are_refused(world: World) -> None:
    bad: dict[str, Any] = {"to": object()}
    request = replace(call(world), arguments=bad)

    assert code(await world.gate.authorize(request)) == "gate/arguments-changed"


@pytest.mark.parametrize("now", [None, replace(SEND, version="2"), replace(SEND, effects=frozenset())])
async def test_a_tool_that_changed_or_went_is_refused(world: World, now: ToolSpec | None) -> None:
    request = call(world)
    world.tools = {} if now is None else {SEND.name: now}

    assert code(await world.gate.authorize(request)) == "gate/tool-changed"


async def test_a_policy_that_changed_is_refused_even_if_it_allows(world: World) -> None:
    request = call(world)
    world.bundle = load(POLICIES + "// one more line\n", SEND)

    assert code(await world.gate.authorize(request)) == "gate/policy-changed"


@pytest.mark.parametrize(
    "limit", ["fuel", "memory_bytes", "wall_ms", "output_bytes", "host_calls", "total_output_bytes"]
)
async def test_limits_wider_than_the_tools_own_are_refused(world: World, limit: str) -> None:
    wider: Limits = replace(BUILTIN, **{limit: getattr(BUILTIN, limit) + 1})

    assert code(await world.gate.authorize(call(world, limits=wider))) == "gate/limits-raised"
    tighter = await world.gate.authorize(call(world, limits=BUILTIN.tightened(wall_ms=5)))
    assert isinstance(tighter, Authorized)
    assert tighter.limits.wall_ms == 5


async def test_policy_is_judged_again_with_the_facts_and_labels_of_now(world: World) -> None:
    leak = Facts(leaks=1, credentials=0, injection=0, pii=0, rules=frozenset())

    assert code(await world.gate.authorize(call(world, facts=leak))) == "policy/firm"
    assert code(await world.gate.authorize(call(world, session=session(Label.PRIVATE)))) == "policy/ask"
    assert code(await world.gate.authorize(call(world, principal=person("alice", Scope.HOST)))) == "policy/no-permit"


def private(world: World, **named: Any) -> GateRequest:
    return call(world, **{"session": session(Label.PRIVATE), "approval": ApprovalId("a1"), **named})


async def test_an_approval_lets_exactly_its_call_through_once(world: World) -> None:
    world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS))

    assert code(await world.gate.authorize(private(world))) == "authorized"
    assert code(await world.gate.authorize(private(world))) == "gate/approval-invalid"


OTHER: dict[str, Json] = {"to": "eve", "parts": []}


@pytest.mark.parametrize(
    "foreign",
    [
        {"principal": "bob"},
        {"session": "s2"},
        {"tool": ToolName("other")},
        {"definition": Digest.of(b"older")},
        {"arguments": digest(OTHER)},
        {"labels": frozenset[Label]()},
        {"tenant": TenantId("other")},
        {"policy": Digest.of(b"older")},
        {"references": Digest.of(b"other files")},
        {"carried": Digest.of(b"another state")},
    ],
    ids=lambda bound: next(iter(bound)),
)
async def test_an_approval_of_another_call_reads_like_one_that_never_was(world: World, foreign: dict[str, Any]) -> None:
    never = await world.gate.authorize(private(world))
    world.ledger.held["a1"] = Approved(**{"arguments": digest(ARGUMENTS), **foreign})

    answer = await world.gate.authorize(private(world))

    assert code(answer) == "gate/approval-invalid"
    assert answer == never
    assert world.ledger.held, "it is not spent by the wrong call"


async def test_an_approval_lifts_what_it_names_and_nothing_else(world: World) -> None:
    labels = frozenset({Label.PRIVATE, Label.UNTRUSTED})
    world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS), labels=labels)
    both = private(world, session=session(*labels))

    assert code(await world.gate.authorize(both)) == "policy/each"

    world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS), labels=labels, forbids=("ask", "each"))
    assert code(await world.gate.authorize(both)) == "authorized"


async def test_an_approval_does_not_lift_a_firm_forbid(world: World) -> None:
    world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS), forbids=("ask", "firm"))
    leak = Facts(leaks=1, credentials=0, injection=0, pii=0, rules=frozenset())

    assert code(await world.gate.authorize(private(world, facts=leak))) == "policy/firm"


async def test_an_approval_is_not_spent_on_a_call_that_changed(world: World) -> None:
    world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS))
    request = private(world, arguments_digest=digest(OTHER))

    assert code(await world.gate.authorize(request)) == "gate/arguments-changed"
    assert world.ledger.tried == 0


async def test_what_changes_while_the_approval_is_spent_is_noticed(world: World) -> None:
    for meanwhile, said in (
        (world.tools.clear, "gate/tool-changed"),
        (lambda: setattr(world, "bundle", load(POLICIES + "//\n", SEND)), "gate/policy-changed"),
    ):
        world.tools[SEND.name], world.bundle = SEND, load(POLICIES, SEND)
        world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS))
        world.ledger.meanwhile = meanwhile

        assert code(await world.gate.authorize(private(world))) == said


async def test_arguments_changed_by_their_owner_while_the_approval_is_spent_do_not_run(world: World) -> None:
    arguments = copy.deepcopy(ARGUMENTS)
    world.ledger.held["a1"] = Approved(arguments=digest(ARGUMENTS))
    world.ledger.meanwhile = lambda: arguments.update(OTHER)

    answer = await world.gate.authorize(private(world, arguments=arguments))

    assert isinstance(answer, Authorized)
    assert answer.arguments == ARGUMENTS


def leased(world: World, *labels: Label, uses: int = 1, **named: Any) -> GateRequest:
    world.leases.left["l1"] = uses
    lifted = {"session": session(*labels), "lease": "l1", "leased": frozenset({"ask", "each", "firm"})}
    return call(world, **{**lifted, **named})


async def test_a_lease_lifts_what_asks_an_operator_but_not_what_asks_anew(world: World) -> None:
    assert code(await world.gate.authorize(leased(world, Label.PRIVATE))) == "authorized"
    assert code(await world.gate.authorize(leased(world, Label.UNTRUSTED))) == "policy/each"


async def test_a_lease_is_used_up(world: World) -> None:
    request = leased(world, Label.PRIVATE, uses=2)

    assert [code(await world.gate.authorize(request)) for _ in range(3)] == [
        "authorized",
        "authorized",
        "gate/lease-invalid",
    ]


async def test_what_a_lease_would_lift_is_not_lifted_without_it(world: World) -> None:
    assert code(await world.gate.authorize(leased(world, Label.PRIVATE, lease=None))) == "policy/ask"


async def test_what_changes_while_the_lease_is_spent_is_noticed(world: World) -> None:
    request = leased(world, Label.PRIVATE)
    world.leases.meanwhile = world.tools.clear

    assert code(await world.gate.authorize(request)) == "gate/tool-changed"
