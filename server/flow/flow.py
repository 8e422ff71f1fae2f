"""Follows labels through one call: facts before it is judged, labels on what it writes, labels it teaches its session.

1. `look`, before policy and again before the gate: what the call touches and carries, with the labels of now.
2. `begin`, before it runs: everything it may write carries the labels already, and its provenance is spent.
3. `finish`, before its answer is handed out: the session has learned what was read. A place that only the answer names
   is marked in the place of all it could have been.
4. What was cut off or crashed between 2 and 3 leaves the wider mark: the safe side.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from holdfast.contracts import (
    Authorized,
    Builtin,
    Digest,
    Effect,
    FlowFacts,
    Json,
    Label,
    Place,
    Principal,
    Reason,
    Session,
    SessionId,
    Sink,
    Source,
    ToolSpec,
    Wasm,
)
from holdfast.contracts.flow import FILES
from holdfast.contracts.json_values import strings
from holdfast.safety.flow import (
    UserRequest,
    all_from_user,
    args_from_user,
    fold_key,
    receivers_from_user,
    use_digest,
    whole,
)
from holdfast.sandbox.workspace import Mark, changes

from ..aside import ASIDE_CHARACTERS, aside
from ..store import Places, Sessions, Uses
from .contexts import Context, Contexts
from .ground import Ground, Touched, as_texts, in_workspace, labels_learned, own_reading
from .passing import Passing
from .references import NO_REFERENCES, References, references_of

SPENT: Final = Reason(
    code="flow/spent",
    layer="flow",
    message="the user's word covers one such call, and one was made meanwhile; call again to be told what it takes now",
)
_AFTERWARDS_S: Final = 0.001
_CONSEQUENTIAL: Final = frozenset({Sink.CHANGE, Sink.SEND, Sink.EXECUTE, Sink.SPEND})


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One call as flow sees it now."""

    facts: FlowFacts
    touched: Touched
    line: SessionId
    """The root of its sessions."""
    uses: tuple[Digest, ...]
    """What provenance is spent on: the call; and sending to its receivers at all."""
    ran_before: str | None
    """The call that did the same already."""
    only_of: frozenset[Label] | None
    """The labels of the session, where nothing else was looked at that may change; None where something was."""

    def stands(self, session: Session) -> bool:
        """Whether looking again, with *session* as it is now, would show the same."""
        return self.only_of == session.labels


@dataclass(slots=True, kw_only=True)
class Begun:
    """What `begin` left behind for `finish`."""

    labels: frozenset[Label]
    """On what was written."""
    provisional: tuple[Place, ...] = ()
    before: Mapping[str, Mark] | None = None
    surveyed: bool = False


class Flow:
    """The flow of one house."""

    def __init__(self, *, ground: Ground, sessions: Sessions, places: Places, uses: Uses) -> None:
        self._ground = ground
        self._sessions = sessions
        self._places = places
        self._uses = uses
        self._contexts = Contexts()
        self.passing = Passing(places)

    async def look(self, spec: ToolSpec, arguments: Mapping[str, Json], principal: Principal, session: Session) -> Look:
        """What policy is told of this call, with the labels of now."""
        line = await self._sessions.lineage(session.id) if session.parent is not None else session.id
        context = self._contexts.of(line)
        touched = self._touched(spec, arguments, context)
        carried = await self._carried(spec, arguments, touched, principal)
        private = Label.PRIVATE in session.labels or Label.PRIVATE in carried
        untrusted = Label.UNTRUSTED in session.labels or Label.UNTRUSTED in carried
        uses = _uses_of(spec, arguments, touched)
        ran_before = await self._uses.spent(line, uses[0]) if uses else None
        # A call that does nothing with what it is given has nothing to prove.
        asked = None if touched.sink is Sink.NONE else await self._user_request(session)
        request = self._contexts.request(asked)
        guarded = (private or untrusted) and touched.sink is not Sink.NONE
        alike = await _likeness(context, arguments) if guarded else frozenset[Label]()
        facts = FlowFacts(
            effects=touched.effects,
            sink=touched.sink,
            private=private,
            untrusted=untrusted,
            args_from_user=self._decisive(request, spec, arguments),
            all_from_user=self._all(request, spec, arguments),
            repeated=ran_before is not None,
            receivers_listed=touched.receivers_listed,
            receivers_from_user=await self._names_receivers(line, uses, request, spec, arguments),
            args_contain_private=Label.PRIVATE in alike,
            args_from_untrusted=Label.UNTRUSTED in alike,
        )
        quiet = touched.sink is Sink.NONE and not uses and not touched.carries and not _may_carry(touched)
        only_of = session.labels if quiet else None
        return Look(facts=facts, touched=touched, line=line, uses=uses, ran_before=ran_before, only_of=only_of)

    async def references(self, look: Look, arguments: Mapping[str, Json]) -> References:
        """The workspace files that a call which executes or sends names."""
        if not look.facts.effects & {Effect.EXECUTE, Effect.EGRESS}:
            return NO_REFERENCES
        return await asyncio.to_thread(references_of, arguments, self._ground.files)

    async def carried_state(self, look: Look, principal: Principal) -> Digest:
        """What the call would carry along, as it stands: one more labelled write there changes it."""
        return await self._places.state(principal.tenant, look.touched.carries)

    async def carried_writes(self, look: Look, principal: Principal) -> Sequence[Json]:
        """Who wrote what the call would carry along, for who approves it."""
        return [write.to_json() for write in await self._places.carried(principal.tenant, look.touched.carries)]

    async def begin(self, call: Authorized, look: Look) -> Begun | Reason:
        """Before it runs: spend its provenance, and mark what it may write. A reason when it must not run after all."""
        if not await self._spend(call, look):
            return SPENT
        touched = look.touched
        begun = Begun(labels=await self.labels_to_write(call) if touched.writes else frozenset())
        if not touched.writes or not begun.labels:
            return begun
        if _surveys(call.spec, touched):
            begun.surveyed = True
            begun.before = await self._survey()
        told_later = begun.surveyed or _named_by_answer(call.spec) or _brokered(call.spec)
        begun.provisional = touched.writes if told_later else ()
        await self._places.mark(
            call.principal.tenant,
            touched.writes,
            begun.labels,
            call_id=call.call_id,
            tool=call.spec.name,
            session=call.session.id,
            arguments=_for_the_operator(call),
            provisional=bool(begun.provisional),
        )
        return begun

    async def finish(self, call: Authorized, look: Look, begun: Begun, answer: "Answer") -> None:
        """Before the answer is handed out: settle what was written, and teach the session what was read."""
        touched = look.touched
        if touched.file is not None and touched.is_new and answer.known:
            self._contexts.of(look.line).made_file(touched.file)
        if begun.provisional and (answer.known or begun.surveyed or _brokered(call.spec)):
            await self._settle(call, look, begun, answer.result)
        learned, reads = await self.learned(
            call.spec, call.arguments, call.principal, result=answer.result, is_error=answer.is_error
        )
        if not learned:
            return
        source = Source(
            call_id=call.call_id, tool=call.spec.name, labels=learned, places=as_texts(reads[:8]), at=time.time()
        )
        await self.learn(call.session, learned, principal=call.principal, source=source)
        context = self._contexts.of(look.line)
        context.hear(answer.texts, learned)
        size = sum(map(len, answer.texts))
        if size > ASIDE_CHARACTERS:
            await aside(context.learn, characters=size)
        else:  # once the answer is out
            asyncio.get_running_loop().call_later(_AFTERWARDS_S, context.learn)

    async def give_again(
        self, spec: ToolSpec, arguments: Mapping[str, Json], principal: Principal, session: Session, *, is_error: bool
    ) -> None:
        """An answer that is given again teaches this session at least what it taught the one it was first given to."""
        learned, _reads = await self.learned(spec, arguments, principal, result=None, is_error=is_error)
        if learned:
            await self.learn(session, learned, principal=principal)

    async def learned(
        self, spec: ToolSpec, arguments: Mapping[str, Json], principal: Principal, *, result: Json, is_error: bool
    ) -> tuple[frozenset[Label], tuple[Place, ...]]:
        """What an answer teaches, and the places it was read from; without *result*, all that it could teach."""
        effects = self._ground.effects(spec, arguments)
        reads = self._ground.reads(spec, arguments, effects, result)
        foreign = is_error and not isinstance(spec.runtime, Builtin)
        # An error may quote what stands where the call was to write.
        quoted = self._ground.written(spec, arguments, effects, result) if foreign else ()
        kept = await self._places.labels(principal.tenant, (*reads, *quoted)) if reads or quoted else frozenset[Label]()
        spoken = self._ground.spoken(spec, arguments, effects, reads)
        return labels_learned(effects, spoken, kept, foreign_error=foreign), reads

    async def learn(
        self, session: Session, labels: frozenset[Label], *, principal: Principal, source: Source | None = None
    ) -> None:
        """The session takes on *labels*, on disk; so does its principal's default session if the token can reach it."""
        unbound = principal if principal.session is None else None
        await self._sessions.learn(session.id, labels, source=source, unbound=unbound)

    async def cut_off(self, call: Authorized, look: Look, begun: Begun) -> None:
        """Nobody got an answer. What a killed command changed can still be told; all else keeps the wide mark."""
        if begun.surveyed:
            await self._settle(call, look, begun, None)

    async def _settle(self, call: Authorized, look: Look, begun: Begun, result: Json) -> None:
        if begun.surveyed:
            moved = changes(begun.before, await self._survey())
            exact = look.touched.writes if moved is None else tuple(Place(FILES, fold_key(path)) for path in moved)
        elif _brokered(call.spec):
            exact = ()  # whatever it wrote was marked by its exact name before it was written, see `currents.py`
        else:
            exact = self._ground.written(call.spec, call.arguments, look.touched.effects, result)
        await self._places.settle(
            call.principal.tenant,
            call_id=call.call_id,
            provisional=begun.provisional,
            exact=exact,
            labels=begun.labels,
            tool=call.spec.name,
            session=call.session.id,
            arguments=_for_the_operator(call),
        )

    async def _survey(self) -> Mapping[str, Mark] | None:
        files = self._ground.files
        return None if files is None else await asyncio.to_thread(files.survey)

    def _touched(self, spec: ToolSpec, arguments: Mapping[str, Json], context: Context) -> Touched:
        touched = self._ground.touched(spec, arguments)
        is_own = touched.sink is Sink.CHANGE and touched.file in context.made
        return replace(touched, sink=Sink.STAGE) if is_own else touched

    async def _carried(
        self, spec: ToolSpec, arguments: Mapping[str, Json], touched: Touched, principal: Principal
    ) -> frozenset[Label]:
        """Labels of what the call acts on or sends although no argument holds it."""
        labels = frozenset[Label]()
        acts_on = touched.carries
        if Effect.EXECUTE in touched.effects and in_workspace(spec):
            acts_on = (*acts_on, whole(FILES))
        if Effect.EGRESS in touched.effects and _brokered(spec):  # it may send what it reads, which no argument shows
            acts_on = (*acts_on, *self._ground.reads(spec, arguments, touched.effects))
        if acts_on:
            labels |= await self._places.labels(principal.tenant, acts_on)
        return labels | {Label.PRIVATE} if own_reading(touched.effects, spec) else labels

    async def _spend(self, call: Authorized, look: Look) -> bool:
        """Whether the user's word was still there, if the call needs it: of two that come at once, one has it."""
        firsts = [await self._uses.spend(look.line, use, call_id=call.call_id) for use in look.uses]
        counted = (not look.facts.repeated, look.facts.receivers_from_user)
        needed = look.facts.untrusted
        return not needed or all(first or not told for first, told in zip(firsts, counted, strict=False))

    async def labels_to_write(self, call: Authorized) -> frozenset[Label]:
        """Those of the session, and of what the call itself reads and may write down elsewhere."""
        now = await self._sessions.get(call.session.id) or call.session
        labels = now.labels
        learned, _reads = await self.learned(call.spec, call.arguments, call.principal, result=None, is_error=False)
        return labels | learned

    def _decisive(self, request: UserRequest | None, spec: ToolSpec, arguments: Mapping[str, Json]) -> bool:
        return args_from_user(
            request,
            arguments,
            schema=spec.input_schema,
            decisive=spec.flow.decisive,
            listed=self._ground.lists(spec),
        )

    async def _names_receivers(
        self,
        line: SessionId,
        uses: tuple[Digest, ...],
        request: UserRequest | None,
        spec: ToolSpec,
        arguments: Mapping[str, Json],
    ) -> bool:
        named = receivers_from_user(request, arguments, schema=spec.input_schema, receivers=spec.flow.receivers)
        return named and len(uses) > 1 and await self._uses.spent(line, uses[1]) is None

    def _all(self, request: UserRequest | None, spec: ToolSpec, arguments: Mapping[str, Json]) -> bool:
        return all_from_user(
            request,
            arguments,
            schema=spec.input_schema,
            receivers=spec.flow.receivers,
            listed=self._ground.lists(spec),
        )

    async def _user_request(self, session: Session) -> str | None:
        """What the user asked for; a sub-agent works on what its parent was asked."""
        current: Session | None = session
        while current is not None:
            if current.user_request or current.parent is None:
                return current.user_request
            current = await self._sessions.get(current.parent)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call answered, as far as flow cares."""

    result: Json
    """Structured content, or the text when that is all there is; None where `reads_answer` says that nobody asks."""
    texts: tuple[str, ...]
    is_error: bool
    known: bool
    """Whether the tool itself said how it ended."""


def _may_carry(touched: Touched) -> bool:
    return bool(touched.effects & {Effect.EXECUTE, Effect.EGRESS})


def _uses_of(spec: ToolSpec, arguments: Mapping[str, Json], touched: Touched) -> tuple[Digest, ...]:
    if touched.sink not in _CONSEQUENTIAL:
        return ()
    call = use_digest(spec.name, arguments, schema=spec.input_schema, decisive=spec.flow.decisive)
    if touched.sink is not Sink.SEND or not spec.flow.receivers:
        return (call,)
    to_whom = use_digest(f"to:{spec.name}", arguments, schema=spec.input_schema, decisive=spec.flow.receivers)
    return (call, to_whom)


def _for_the_operator(call: Authorized) -> Mapping[str, Json] | None:
    """What somebody must see who lets a later call carry this along. Files show themselves."""
    return None if in_workspace(call.spec) else call.arguments


def reads_answer(spec: ToolSpec) -> bool:
    """Whether a place that the tool reads or writes is named by its answer."""
    return _named_by_answer(spec) or _names_answer(spec.flow.reads)


def _named_by_answer(spec: ToolSpec) -> bool:
    return _names_answer(spec.flow.writes)


def _names_answer(templates: tuple[str, ...] | None) -> bool:
    return any("{result" in template for template in templates or ())


def _brokered(spec: ToolSpec) -> bool:
    """Whether it writes nothing but through the broker of its call."""
    return isinstance(spec.runtime, Wasm) and Effect.EXECUTE not in spec.effects


def _surveys(spec: ToolSpec, touched: Touched) -> bool:
    return in_workspace(spec) and Effect.EXECUTE in touched.effects


async def _likeness(context: Context, arguments: Mapping[str, Json]) -> frozenset[Label]:
    """The labels that the arguments look like something of."""
    texts = tuple(strings(arguments))
    return await aside(partial(context.resembled, texts), characters=sum(map(len, texts)))
