"""Plays a program of agents through the real dispatcher, and holds it to the laws after each step."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from holdfast.contracts import (
    ApprovalId,
    CallId,
    Label,
    Principal,
    Scope,
    SessionId,
    Status,
    TenantId,
    ToolCall,
    ToolName,
    ToolResult,
)
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Approval, ApprovalState, Ruling, Sessions

from .flow_agents import (
    REQUEST,
    Again,
    Both,
    Call,
    Context,
    Lend,
    Made,
    Mint,
    Program,
    Redeem,
    Rule,
    Single,
    Step,
    by,
    picked,
)
from .flow_disk import Disk
from .flow_house import CONSEQUENTIAL, House, spec_of
from .flow_laws import Ledger, is_for
from .flow_tools import BY_NAME
from .flow_world import Performed, Value, World, influenced

_FORBIDS = {
    "supervised": ("ask-tainted-egress", "ask-untrusted-consequence"),
    "autonomous": ("no-tainted-egress", "no-untrusted-consequence"),
}
_USUAL = ("main", "child", "grandchild", "sibling", "default", "named", "other")
_LENT = 2
"""Calls of one lease."""


@dataclass(kw_only=True)
class Play:
    """One example."""

    house: House
    tenant: TenantId
    program: Program
    world: World = field(default_factory=World)
    disk: Disk = field(default_factory=Disk)
    ledger: Ledger = field(default_factory=Ledger)
    usual: dict[str, Context] = field(default_factory=dict)
    contexts: list[Context] = field(default_factory=list)
    """Those that a host opened on the way."""
    made: list[Made] = field(default_factory=list)
    asked: dict[str, Made] = field(default_factory=dict)
    leases: list[str] = field(default_factory=list)
    labels: dict[SessionId, frozenset[Label]] = field(default_factory=dict)
    numbers: "count[int]" = field(default_factory=count)
    deeds: int = 0

    def begin(self) -> None:
        """Put some files where tools find them."""
        self.disk.lay_out(self.house.workspace)
        self.enter(self.house)

    def enter(self, house: House) -> None:
        """Go on in *house*, which stands on the same store."""
        self.house = house
        house.upstream.world = self.world
        house.asked.clear()
        house.builtin.ran.clear()

    async def step(self, step: Step) -> None:
        match step:
            case None:
                return
            case Call() | Again() | Redeem():
                await self._together([step], naps=0)
            case Both(one=one, other=other, naps=naps):
                await self._together([one, other], naps=naps)
            case Mint(parent=parent):
                above = None if parent is None else await self._who(parent)
                self.contexts.append(await self._opened(parent=above, request=parent is None))
            case Rule(approval=approval, verdict=verdict):
                await self._rule(approval, verdict)
            case Lend(who=who, tool=tool):
                await self._lend(await self._who(who), ToolName(self.program.tools[tool % len(self.program.tools)]))
        await self.hold(self.house.state.sessions)

    async def hold(self, sessions: Sessions) -> None:
        """Laws 1 and 2: labels only grow, and cover what was really read."""
        for context in self._met():
            session = await sessions.get(context.session)
            assert session is not None
            assert session.labels >= self.labels.get(context.session, frozenset()), "labels were lost"
            assert not context.private or Label.PRIVATE in session.labels, self._story(
                "private bytes were read", context
            )
            assert not context.strangers or Label.UNTRUSTED in session.labels, self._story(
                "a stranger was read", context
            )
            self.labels[context.session] = session.labels

    # -- who there is

    async def _opened(self, *, subject: str = "agent", parent: Context | None = None, request: bool = False) -> Context:
        session = await self.house.state.sessions.mint(
            tenant=self.tenant,
            subject=subject,
            parent=None if parent is None else parent.session,
            user_request=REQUEST if request else None,
        )
        principal = Principal(
            subject=subject,
            tenant=self.tenant,
            scopes=frozenset({Scope.CALL}),
            token_id=subject,
            session=session.id,
            profile=self.program.profile,
        )
        context = Context(principal=principal, session=session.id, parent=parent)
        if parent is not None:  # whoever opens it tells it all it knows
            context.known, context.private, context.strangers = list(parent.known), parent.private, parent.strangers
        return context

    async def _who(self, index: int) -> Context:
        """One of those that there always are, opened when it is first needed; or of those a host has opened since."""
        cast = self.program.cast
        index %= len(cast) + len(self.contexts)
        return self.contexts[index - len(cast)] if index >= len(cast) else await self._one_of_usual(_USUAL[cast[index]])

    async def _one_of_usual(self, name: str) -> Context:
        if name not in self.usual:
            self.usual[name] = await self._first(name)
        return self.usual[name]

    async def _first(self, name: str) -> Context:
        match name:
            case "child":
                return await self._opened(parent=await self._one_of_usual("main"))
            case "grandchild":
                return await self._opened(parent=await self._one_of_usual("child"))
            case "default":
                session = await self.house.state.sessions.default(self._unbound())
                return Context(principal=self._unbound(), session=session.id)
            case "named":
                default = await self._one_of_usual("default")
                named = await self.house.state.sessions.mint(
                    tenant=self.tenant, subject=default.principal.subject, user_request=REQUEST
                )
                return Context(principal=default.principal, session=named.id, names=named.id, shadow=default)
            case "other":
                return await self._opened(subject="other")
            case _:
                return await self._opened(request=True)

    def _unbound(self) -> Principal:
        return Principal(
            subject="unbound",
            tenant=self.tenant,
            scopes=frozenset({Scope.CALL}),
            token_id="unbound",
            profile=self.program.profile,
        )

    def _met(self) -> list[Context]:
        return [*self.usual.values(), *self.contexts]

    # -- what they call

    async def _wanted(self, step: Single) -> Made | None:
        match step:
            case Call():
                who, tool = await self._who(step.who), ToolName(self.program.tools[step.tool % len(self.program.tools)])
                key = None if step.key is None else f"k{step.key}"
                return Made(who=who, tool=tool, given=self._given(who, tool, step), key=key)
            case Again():
                made = self.made[step.call % len(self.made)] if self.made else None
                return None if made is None else by(made, made.who if step.who is None else await self._who(step.who))
            case Redeem():
                return await self._redeemed(step)

    def _given(self, who: Context, tool: ToolName, step: Call) -> dict[str, Value]:
        given: dict[str, Value] = {}
        schema = spec_of(self.house, tool).input_schema
        names, required = schema["properties"], schema.get("required", [])
        assert isinstance(names, dict)
        assert isinstance(required, list)
        texts = [name for name, said in names.items() if isinstance(said, dict) and said.get("type") == "string"]
        for name, pick in zip(texts, step.picks, strict=False):
            if pick.how == "none" and name not in required:
                continue
            value = self._call_id(pick.index) if name == "call_id" else picked(who, name, pick)
            given[name] = influenced(value, who.strangers)
        for name in required:
            given.setdefault(str(name), influenced(Value(text="x"), who.strangers))
        return given

    def _call_id(self, index: int) -> Value:
        calls = sorted(self.world.read)
        return Value(text=calls[index % len(calls)] if calls else "none")

    async def _redeemed(self, step: Redeem) -> Made | None:
        if not self.asked:
            return None
        approval, made = list(self.asked.items())[step.approval % len(self.asked)]
        record = await self.house.state.approvals.get(ApprovalId(approval))
        assert record is not None
        given = {
            name: made.given[name] if name in made.given and made.given[name].text == text else Value(text=str(text))
            for name, text in record.arguments.items()
        }
        if step.twist and given:
            last = max(given)
            given[last] = given[last].joined(text=given[last].text + " more")
        who = made.who if step.who is None else await self._who(step.who)
        return by(replace(made, given=given, approval=approval), who)

    async def _together(self, steps: Sequence[Single], *, naps: int) -> None:
        wanted = [made for step in steps if (made := await self._wanted(step)) is not None]
        if len(steps) == 1 and wanted and isinstance(steps[0], Call) and steps[0].explain:
            await self._explained(wanted[0])
        self.world.naps = naps
        self.made.extend(wanted)
        swayed = [made.who.strangers for made in wanted]
        records = {made.approval: await self._record(made.approval) for made in wanted if made.approval is not None}
        lent = await self._lent()
        calls = [self._call(made) for made in wanted]
        results = await asyncio.gather(
            *(self.house.dispatcher.execute(call, made.who.principal) for call, made in zip(calls, wanted, strict=True))
        )
        room = await self._lent() - lent
        approved = await self._newly_spent(records, wanted)
        for made, call, strangers in zip(wanted, calls, swayed, strict=True):
            for deed in self._deeds_of(call, made):
                self.deeds += 1
                assert self.program.profile != "readonly", self._story("a deed in readonly", deed)
                has_request = await self._has_request(made.who)
                broken = self.ledger.breach(made, deed, strangers, has_request=has_request)
                if broken is None:
                    continue
                if made.approval in approved:
                    approved.remove(made.approval)
                else:
                    assert room > 0, self._story(broken, deed)
                    room -= 1
        for made, call, result in zip(wanted, calls, results, strict=True):
            self._answered(made, call, result)

    def _call(self, made: Made) -> ToolCall:
        call = CallId(f"{self.tenant}-{next(self.numbers)}")
        self.world.given[call] = made.given
        return ToolCall(
            id=call,
            tool=made.tool,
            arguments={name: value.text for name, value in made.given.items()},
            session=made.who.names,
            approval=None if made.approval is None else ApprovalId(made.approval),
            idempotency_key=made.key,
        )

    def _deeds_of(self, call: ToolCall, made: Made) -> list[Performed]:
        deeds = [one for one in self.world.performed if one.call == call.id]
        mine = [ran for ran in self.house.builtin.ran if ran.call_id == call.id and ran.spec.name == "file_write"]
        deeds.extend(self.disk.writes(ran, made.given, made.who.line) for ran in mine)
        return deeds

    def _answered(self, made: Made, call: ToolCall, result: ToolResult) -> None:
        assert result.reason is None or result.reason.code != "internal/error", self._story("broken", made)
        if result.approval is not None:
            self.asked.setdefault(result.approval.id, made)
        if result.status not in (Status.OK, Status.ERROR):
            return
        if made.tool not in BY_NAME and result.call_id == call.id:
            self.world.read[call.id] = self._of_our_own(made, result)
        made.who.reads(self.world.read[result.call_id])

    def _of_our_own(self, made: Made, result: ToolResult) -> tuple[Value, ...]:
        if made.tool == "echo":
            return (made.given["text"],)
        if made.tool == "output_read" and result.status is Status.OK:
            return self.world.read[CallId(made.given["call_id"].text)]
        return self.disk.answered(made.tool, made.given, result)

    # -- laws 5 and 6, and who allows what

    async def _newly_spent(self, before: dict[str, Approval], wanted: Sequence[Made]) -> list[str]:
        """Law 5: an approval is spent once, by exactly the call that it is for."""
        spent: list[str] = []
        for approval, record in before.items():
            after = await self._record(approval)
            if after.state is not ApprovalState.SPENT or record.state is ApprovalState.SPENT:
                continue
            assert record.state is ApprovalState.APPROVED, "an approval nobody gave was spent"
            assert any(is_for(record, made, self.labels[made.who.session]) for made in wanted), "another call spent it"
            spent.append(approval)
        return spent

    async def _record(self, approval: str) -> Approval:
        record = await self.house.state.approvals.get(ApprovalId(approval))
        assert record is not None
        return record

    async def _rule(self, index: int, verdict: str) -> None:
        if not self.asked:
            return
        approval = list(self.asked)[index % len(self.asked)]
        record = await self._record(approval)
        if record.state is not ApprovalState.PENDING:
            return
        edited = None
        if verdict == "edit" and record.arguments:
            edited = {**record.arguments, min(record.arguments): "as the operator wants it"}
        await self.house.state.approvals.decide(
            record.id, Ruling.DENY if verdict == "deny" else Ruling.APPROVE, by=OPERATOR, arguments=edited
        )

    async def _lend(self, who: Context, tool: ToolName) -> None:
        forbids = _FORBIDS.get(self.program.profile)
        if forbids is None:
            return
        lease = await self.house.state.leases.add(
            tenant=self.tenant,
            principal=who.principal.subject,
            tool=tool,
            definition=spec_of(self.house, tool).digest,
            arguments={"*": "any"},
            forbids=forbids,
            count=_LENT,
            ttl_s=600,
            by=OPERATOR,
        )
        self.leases.append(lease.id)

    async def _lent(self) -> int:
        leases = [await self.house.state.leases.get(one) for one in self.leases]
        return sum(one.used for one in leases if one is not None)

    async def _explained(self, made: Made) -> None:
        """Law 6: `supervised` would run what `autonomous` would; `readonly` runs no deed; and asking is none."""
        before = (len(self.world.performed), len(self.house.builtin.ran))
        answers: dict[str, Status] = {}
        for profile in ("readonly", "supervised", "autonomous"):
            result = await self.house.dispatcher.explain(
                replace(self._call(made), approval=None, idempotency_key=None),
                replace(made.who.principal, profile=profile),
            )
            answers[profile] = result.status
        if not self.leases:
            assert answers["autonomous"] is not Status.OK or answers["supervised"] is Status.OK, self._story("6", made)
        effects = spec_of(self.house, made.tool).effects - frozenset(
            effect for when in spec_of(self.house, made.tool).flow.when for effect in when.effects
        )
        assert answers["readonly"] is not Status.OK or not effects & CONSEQUENTIAL
        assert before == (len(self.world.performed), len(self.house.builtin.ran)), "asking did something"

    async def _has_request(self, who: Context) -> bool:
        session = await self.house.state.sessions.get(who.session)
        if session is not None and session.user_request:
            return True
        return who.parent is not None and await self._has_request(who.parent)

    def _story(self, what: str, about: object) -> str:
        calls = "\n".join(
            f"  {self._met().index(one.who)} {one.tool} { {name: value.text for name, value in one.given.items()} }"
            for one in self.made
        )
        return f"{what}: {about}\n{calls}"
