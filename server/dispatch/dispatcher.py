"""Takes one call from door to door. It knows nothing of HTTP or MCP, and no call reaches a runtime except through here.

The procedure. Blocks below carry these numbers.

 0  intent: open the audit record: id, principal, session, tool, keyed digest of the canonical arguments
 1  admit: scope, rate, room, idempotency                             (absent: circuit breaker; its limits are refused)
 1b hooks that may change the call                                    (absent: `[[hooks]]` is refused at the start)
 2  validator: size, depth, JSON Schema under a step budget. Refuses, never repairs
 3  sanitizer: the only rewriter of ours. A rewrite is validated again
 3b flow: what the call touches, carries and takes from the user, as facts for policy (docs/flow.md)
 4  inspect: leak detector and credential detector report facts
 5  policy: default deny; an error denies
 6  the detectors' own floor: a secret never leaves to an egress sink, whatever policy says
 7  reserve: deadline, and a place in the runtime                     (absent: budgets; nothing may ask for one)
    A call that a tool makes comes in here too (`nested`), takes no room from outside, and asks nobody.
 8  gate: re-reads flow, policy and tool digests, spends lease or approval, mints Authorized for exactly this call
 9  intent durable, for any call with effects. No intent, no effect
10  run: built-in, WASM or MCP runtime, chosen from the spec, under Limits
10b hooks that may change the result                                  (absent, as 1b)
11  sanitizer, leak detector, credential detector over the whole output
12  label: the session learns what was read; what it writes carries its labels, marked before the call runs
13  envelope: cut, then wrap with a boundary nobody can guess
14  outcome: close the record. No outcome record, no result
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import assert_never

import structlog

from holdfast.contracts import (
    TOOL_NAME,
    Authorized,
    Builtin,
    Catalogue,
    Deny,
    InternalError,
    Principal,
    Reason,
    Runtime,
    RuntimeRef,
    Session,
    Status,
    ToolCall,
    ToolName,
    ToolResult,
    ToolSpec,
    Upstream,
    VerdictKind,
    Wasm,
)
from holdfast.contracts.json_values import strings
from holdfast.safety.gate import Gate, GateRequest
from holdfast.safety.policy import Denied

from ..aside import aside
from ..audit import IntentRecord
from ..flow import Flow, Look, reads_answer
from ..metrics import Metrics
from .circumstances import Circumstances
from .endings import BROKEN, QUARANTINED, UNKNOWN_TOOL, Ending, answer_of, of_outcome, refused
from .holding import Holding, Lifting, unasked
from .inbound import Inbound, Judged, Question
from .records import Records
from .trail import Trail
from .wrapping import Wrapping

_log = structlog.get_logger("holdfast.dispatch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtimes:
    """The closed set of places a call can run. None: that part is off, and its calls are denied with the reason."""

    builtin: Runtime
    wasm: Runtime | Reason
    upstream: Runtime | Reason
    isolation: Callable[[ToolSpec], frozenset[str]] = lambda _spec: frozenset()
    """What confines a tool where it runs, at the least."""


_Steps = Callable[[ToolCall, Principal, Trail], Awaitable[Ending]]


class Dispatcher:
    """Decides, runs, cleans and records."""

    def __init__(  # noqa: PLR0913 -- one value for each part of the procedure
        self,
        *,
        inbound: Inbound,
        gate: Gate,
        catalogue: Catalogue,
        runtimes: Runtimes,
        wrapping: Wrapping,
        records: Records,
        flow: Flow,
        holding: Holding,
        circumstances: Circumstances,
        metrics: Metrics,
    ) -> None:
        self._inbound = inbound
        self._gate = gate
        self._catalogue = catalogue
        self._runtimes = runtimes
        self._wrapping = wrapping
        self._records = records
        self._flow = flow
        self._holding = holding
        self._circumstances = circumstances
        self._metrics = metrics

    async def execute(self, call: ToolCall, principal: Principal) -> ToolResult:
        """Run *call*, or say why not.

        Raises: InternalError when the record cannot be written; nothing has then been done, or nothing is handed out.
        """
        return await self._recorded(call, principal, self._run, "run")

    async def explain(
        self, call: ToolCall, principal: Principal, *, heard: Callable[[Trail], None] | None = None
    ) -> ToolResult:
        """Say what steps 1 to 6 would decide about *call*, without any effect but the record of the question.

        *heard* is told what was judged, if it came to that.
        """
        return await self._recorded(call, principal, partial(self._judge_only, heard), "explain")

    async def _recorded(self, call: ToolCall, principal: Principal, steps: _Steps, mode: str) -> ToolResult:
        # 0  intent
        trail = self._open(call, principal, mode)
        self._metrics.began()
        try:
            with self._records.admission.room() if call.nested is None else contextlib.nullcontext():
                ending = await self._guarded(steps, call, principal, trail)
            self._records.guessing.look(trail.findings, principal)
            result = await self._close(ending, trail)
        except asyncio.CancelledError:
            await self._cut_off(trail, principal)
            raise
        except Exception:
            self._metrics.cancelled(_runtime_of(trail))
            await self._lose_key(trail, principal)
            raise
        self._metrics.ended(_runtime_of(trail), result, seconds=time.monotonic() - trail.started)
        if trail.held_key is not None:
            await self._give_key_back(trail.held_key, principal, trail, result)
        return result

    async def _guarded(self, steps: _Steps, call: ToolCall, principal: Principal, trail: Trail) -> Ending:
        try:
            return await steps(call, principal, trail)
        except Exception as error:  # noqa: BLE001 -- the one broad catch: whatever broke, the call is denied and recorded
            _log.error("dispatch.failed", call=call.id, error=type(error).__name__)
            return refused(BROKEN)
        finally:
            self._records.keep(trail)

    async def _give_key_back(self, key: str, principal: Principal, trail: Trail, result: ToolResult) -> None:
        if trail.ran:
            await self._records.once.end(key, principal, result)
        else:
            await self._records.once.release(key, principal)

    async def _cut_off(self, trail: Trail, principal: Principal) -> None:
        """The caller went away: what was done is on the record all the same."""
        self._metrics.cancelled(_runtime_of(trail))
        with contextlib.suppress(InternalError):  # a record that cannot be written lets no other call through either
            self._records.audit.cancelled(trail.call_id)
        await self._lose_key(trail, principal)

    async def _lose_key(self, trail: Trail, principal: Principal) -> None:
        """Nobody got an answer: a call that ran may have had its effect, one that did not may be made again."""
        if trail.held_key is not None:
            lost = self._records.once.lose if trail.ran else self._records.once.release
            await asyncio.shield(lost(trail.held_key, principal))

    def _open(self, call: ToolCall, principal: Principal, mode: str) -> Trail:
        tool = call.tool if TOOL_NAME.fullmatch(call.tool) else ToolName("?")
        # An unknown name is the caller's text and could be anything, a well-formed secret too: it is not recorded.
        named = self._catalogue.get(call.tool) is not None or self._catalogue.quarantined(call.tool)
        known = call.tool if named else ToolName("?")
        intent = IntentRecord(
            call_id=call.id,
            principal=principal,
            session=self._records.session_name(call, principal),
            tool=known,
            arguments=(arguments := self._records.digest(call.arguments)),
            mode=mode,
            by=None if call.nested is None else call.nested.by,
        )
        receipt = self._records.audit.intent(intent)
        trail = Trail(call_id=call.id, tool=tool, intent=receipt, arguments=arguments, started=time.monotonic())
        trail.keeps = mode == "run"
        return trail

    async def _judge_only(
        self, heard: Callable[[Trail], None] | None, call: ToolCall, principal: Principal, trail: Trail
    ) -> Ending:
        prepared = await self._prepare(call, principal, trail)
        if isinstance(prepared, Ending):
            return prepared
        spec, session = prepared
        judged = await self._judge(call, spec, principal, session, trail)
        if heard is not None:
            heard(trail)
        if isinstance(judged, Deny):
            return refused(judged.reason)
        if judged.held is None or await self._holding.lease(judged, session) is not None:
            return Ending(status=Status.OK, body="the call would run")
        if isinstance(judged.held, Denied):
            return refused(judged.held.reason)
        return Ending(status=Status.PENDING, reason=judged.held.reason)

    async def _run(self, call: ToolCall, principal: Principal, trail: Trail) -> Ending:
        prepared = await self._prepare(call, principal, trail)
        if isinstance(prepared, Ending):
            return prepared
        spec, session = prepared
        ended = await self._take_key(call, spec, principal, session, trail)
        if ended is not None:
            # 12 label: an answer that is given again teaches this session what it taught the one it was first given to
            if ended.replayed is not None:
                failed = ended.replayed.status is Status.ERROR
                await self._flow.give_again(spec, call.arguments, principal, session, is_error=failed)
            return ended
        # 2 to 6
        judged = await self._judge(call, spec, principal, session, trail)
        if isinstance(judged, Deny):
            return refused(judged.reason)
        # 7  reserve
        runtime = self._runtime(spec)
        if isinstance(runtime, Reason):
            return refused(runtime)
        lifting = await self._lifting(call, judged, session)
        if isinstance(lifting, Ending):
            return lifting
        async with self._flow.passing.passage(call.id, principal.tenant, spec, judged.look.touched):
            return await self._pass(call, judged, lifting, session, runtime, trail)

    async def _lifting(self, call: ToolCall, judged: Judged, session: Session) -> Lifting | Ending:
        if call.nested is None or judged.held is None:
            return await self._holding.lifting(call, judged, session)
        # Nobody is asked in the middle of another call: what a lease does not lift is refused.
        leased = await self._holding.lease(judged, session)
        return leased if leased is not None else refused(unasked(judged.held))

    async def _pass(
        self, call: ToolCall, judged: Judged, lifting: Lifting, session: Session, runtime: Runtime, trail: Trail
    ) -> Ending:
        spec, principal = judged.spec, judged.principal
        # 8  gate
        session = await self._records.current(session)
        look = judged.look
        if not look.stands(session):
            look = await self._flow.look(spec, judged.arguments, principal, session)
        authorized = await self._authorize(call, judged, session, look, lifting, trail)
        self._records.keep(trail)
        if isinstance(authorized, Reason):
            return refused(authorized)
        # 9  intent durable; and whatever is written carries its labels before it is there
        if look.facts.effects:
            await self._records.audit.durable(trail.intent)
        begun = await self._flow.begin(authorized, look)
        if isinstance(begun, Reason):
            return refused(begun)
        # 10 run
        trail.ran = True
        try:
            outcome = await runtime.run(authorized)
        except BaseException:
            await asyncio.shield(self._flow.cut_off(authorized, look, begun))
            raise
        # 10b hooks: absent
        # 11 clean and scan, whole
        ending = await self._wrapping.clean(of_outcome(outcome), trail)
        # 12 label
        answer = answer_of(outcome, ending, read=reads_answer(spec))
        await self._flow.finish(authorized, look, begun, answer)
        # 13 (first half) cut, and keep what was cut off
        return self._wrapping.cut(ending, authorized)

    async def _judge(
        self, call: ToolCall, spec: ToolSpec, principal: Principal, session: Session, trail: Trail
    ) -> Judged | Deny:
        """Long arguments are judged beside the event loop; what changes meanwhile, the gate compares."""
        characters = sum(map(len, strings(call.arguments)))
        rewritten = await aside(partial(self._inbound.rewrite, trail, spec, call.arguments), characters=characters)
        if isinstance(rewritten, Deny):
            return rewritten
        # 3b flow
        look = await self._flow.look(spec, rewritten, principal, session)
        around = self._circumstances.around(spec, principal)
        question = Question(
            spec=spec, arguments=rewritten, principal=principal, session=session, look=look, around=around
        )
        return await aside(partial(self._inbound.judge, trail, question), characters=characters)

    async def _authorize(
        self,
        call: ToolCall,
        judged: Judged,
        session: Session,
        look: Look,
        lifting: Lifting,
        trail: Trail,
    ) -> Authorized | Reason:
        spec = judged.spec
        began = time.perf_counter_ns()
        # What the sanitizer left alone is what came in: the gate compares with the digest of the intent.
        same = judged.arguments is call.arguments
        authorized = await self._gate.authorize(
            GateRequest(
                call_id=call.id,
                spec=spec,
                arguments=judged.arguments,
                arguments_digest=trail.arguments if same else self._records.digest(judged.arguments),
                principal=judged.principal,
                session=session,
                limits=spec.limits if call.deadline_ms is None else spec.limits.tightened(wall_ms=call.deadline_ms),
                facts=judged.facts,
                flow=look.facts,
                policy=judged.bundle.digest,
                approval=lifting.approval,
                lease=lifting.lease,
                leased=lifting.leased,
                references=lifting.references,
                carried=lifting.carried,
                around=self._circumstances.around(spec, judged.principal),
                depth=0 if call.nested is None else call.nested.depth,
                heard=trail.at_gate,
            )
        )
        # Nothing is awaited between the gate's judgement and this: two calls never both see the count before the other.
        if not isinstance(authorized, Reason):
            self._circumstances.counters.let_through(judged.principal, spec.name, look.facts.effects)
        trail.note("gate", VerdictKind.DENY if isinstance(authorized, Reason) else VerdictKind.PASS, began)
        return authorized

    async def _prepare(self, call: ToolCall, principal: Principal, trail: Trail) -> tuple[ToolSpec, Session] | Ending:
        # 1  admit
        admitted = await self._records.admitted(call, principal, trail)
        if isinstance(admitted, Deny):
            return refused(admitted.reason)
        session = await self._records.session(call, principal)
        if isinstance(session, Reason):
            return refused(session)
        spec = self._catalogue.get(call.tool)
        if spec is None:
            return refused(QUARANTINED if self._catalogue.quarantined(call.tool) else UNKNOWN_TOOL)
        trail.spec = spec
        return spec, session

    async def _take_key(
        self, call: ToolCall, spec: ToolSpec, principal: Principal, session: Session, trail: Trail
    ) -> Ending | None:
        if call.idempotency_key is None:
            return None
        # An answer is given again only to who is judged as the first was, for the tool as it was.
        bound = {"arguments": dict(call.arguments), "profile": principal.profile, "definition": str(spec.digest)}
        if (
            not spec.effects
        ):  # then nothing says what the answer teaches: `output_read` answers what its session has read
            bound["session"] = session.id
        earlier = await self._records.once.begin(call, principal, self._records.digest(bound))
        if isinstance(earlier, Reason):
            return refused(earlier)
        if earlier is not None:
            return Ending(status=earlier.status, replayed=earlier)
        trail.held_key = call.idempotency_key
        return None

    def _runtime(self, spec: ToolSpec) -> Runtime | Reason:
        match spec.runtime:
            case Builtin():
                return self._runtimes.builtin
            case Wasm():
                return self._runtimes.wasm
            case Upstream():
                return self._runtimes.upstream
            case _:
                assert_never(spec.runtime)

    async def _close(self, ending: Ending, trail: Trail) -> ToolResult:
        # 13 envelope
        result = ending.replayed or self._wrapping.wrap(ending, trail)
        # 14 outcome
        log = None if not ending.log else self._records.digest_text(ending.log)
        output = self._records.digest_text(result.output)
        receipt = await self._records.audit.outcome(trail.call_id, result, output=output, log=log, policy=trail.policy)
        return result if ending.replayed else replace(result, audit=receipt)


def _runtime_of(trail: Trail) -> RuntimeRef | None:
    return None if trail.spec is None else trail.spec.runtime
