"""One run: a task's calls, made by a model that obeys every instruction it reads. It decides nothing by itself."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from .approvers import Approver
from .doors import AGENT, Answer, Caller, Door
from .reading import Json
from .suite import MARKER, Call, Child, Fresh, Injection, Task
from .values import Leaf, NotSeen, Seen, Source, resolve_all

_ROUNDS = 4
"""How often one call is asked about, when each answer leads to another question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One call of a task, as the oracle reads it."""

    seen: Seen
    leaves: tuple[Leaf, ...]
    conversation: int
    status: str
    questions: int


@dataclass(slots=True, kw_only=True)
class Conversation:
    """One model context."""

    number: int
    user: str | None
    caller: Caller
    seen: list[Seen] = field(default_factory=list[Seen])
    steps: dict[str, Seen] = field(default_factory=dict[str, Seen])
    obeyed: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    orders: "list[Order]" = field(default_factory=list["Order"])


class How(Protocol):
    """How the model goes about an order."""

    unbound: bool
    """Whether the agent has a token without a session."""
    stubborn: bool
    """Whether it tries to approve its own calls."""

    async def obey(self, play: "Play", conversation: Conversation, who: Caller, injection: Injection) -> None:
        """The model has read the order."""
        ...

    async def act(self, play: "Play", order: "Order", call: Call) -> Seen | None:
        """Make one call of the order. Raises: NotSeen when it must wait."""
        ...

    async def after(self, play: "Play") -> None:
        """The user's task is over."""
        ...


@dataclass(slots=True, kw_only=True)
class Order:
    """An injection being obeyed."""

    injection: Injection
    conversation: Conversation
    who: Caller
    place: int = 0
    busy: bool = False
    steps: dict[str, Seen] = field(default_factory=dict[str, Seen])

    def source(self) -> Source:
        """What its values are taken from."""
        return Source(steps=self.steps, seen=self.conversation.seen, own_calls=True, secrets=self.injection.secrets)


class Stop(Exception):
    """The task goes no further."""

    def __init__(self, status: str, why: str) -> None:
        super().__init__(why)
        self.status = status


class Play:
    """A run, and what came of it."""

    def __init__(
        self, door: Door, approver: Approver, *, injections: Sequence[Injection] = (), how: How | None = None
    ) -> None:
        self.door = door
        self.approver = approver
        self.done: list[Done] = []
        self.ran: list[tuple[str, Json]] = []
        self.approvals: list[str] = []
        self.trace: list[str] = []
        """Every call, in words."""
        self.repeated = False
        """Whether a call of the user's was made once more than the user wanted."""
        self.markers: set[str] = set()
        self.status = "done"
        """done, refused, or broken: a call failed that should not."""
        self.why = ""
        self._injections = {one.id: one for one in injections}
        self._how = how
        self._index = 0
        self._conversations = 0

    async def run(self, task: Task) -> None:
        """Play *task*, and whatever its outputs order."""
        await self.do_task(task)
        if self._how is not None:
            await self._how.after(self)

    async def open(self, user: str | None) -> Conversation:
        """A conversation as the host opens one."""
        self._conversations += 1
        if self._how is not None and self._how.unbound:
            caller = await self.door.unbound(AGENT)
        else:
            caller = await self.door.mint(user=user)
        return Conversation(number=self._conversations, user=user, caller=caller)

    async def do_task(self, task: Task, conversation: Conversation | None = None) -> None:
        """The task's own calls."""
        current = conversation or await self.open(task.user)
        try:
            for step in task.steps:
                match step:
                    case Fresh(user=user):
                        current = await self.open(user)
                    case Child(user=user, calls=calls):
                        child = await self.door.mint(user=user or current.user, parent=current.caller)
                        for call in calls:
                            await self._step(current, child, call)
                    case Call():
                        await self._step(current, current.caller, step)
        except Stop as stop:
            self.status, self.why = stop.status, str(stop)

    async def _step(self, conversation: Conversation, who: Caller, call: Call) -> None:
        source = Source(steps=conversation.steps, seen=conversation.seen)
        try:
            arguments = resolve_all(call.arguments, source)
        except NotSeen as missing:
            raise Stop("broken", f"`{call.tool}`: {missing}") from None
        asked = self.approver.questions
        seen, answer = await self.make(conversation, who, call.tool, arguments)
        self.done.append(
            Done(
                seen=seen,
                leaves=tuple(source.leaves),
                conversation=conversation.number,
                status=answer.status,
                questions=self.approver.questions - asked,
            )
        )
        if answer.status in ("denied", "pending"):
            raise Stop("refused", f"`{call.tool}` is {answer.status}: {answer.code}")
        if answer.status == "refused" or (answer.status == "error") != call.fails or answer.status == "stopped":
            raise Stop("broken", f"`{call.tool}` answers {answer.status}: {' '.join(answer.text.split())[:200]}")
        if call.name is not None:
            conversation.steps[call.name] = seen
        await self.read(conversation, who, answer)

    async def make(
        self,
        conversation: Conversation,
        who: Caller,
        tool: str,
        arguments: Mapping[str, Json],
        approval: str | None = None,
    ) -> tuple[Seen, Answer]:
        """One call, with every question it leads to; it is in the context afterwards."""
        answer = await self.door.call(who, tool, arguments, approval=approval)
        for _ in range(_ROUNDS):
            asked = answer.approval
            if answer.status != "pending" or asked is None:
                break
            if self._how is not None and self._how.stubborn:
                await self.door.tried_approval(who, asked)
                tried = await self.door.call(who, tool, arguments, approval=asked)
                if tried.ran:
                    answer = tried
                    break
            yes = self.approver.answer(tool, arguments, await self.door.carries(asked))
            await self.door.decide(asked, yes=yes)
            self.approvals.append(asked)
            if not yes:
                break
            answer = await self.door.call(who, tool, arguments, approval=asked)
        self._tell(who, tool, arguments, answer)
        if answer.ran:
            self.approver.ran(tool, arguments)
        if answer.status == "ok":
            self.ran.append((tool, dict(arguments)))
        return self._note(conversation, tool, arguments, answer), answer

    def _tell(self, who: Caller, tool: str, arguments: Mapping[str, Json], answer: Answer) -> None:
        session = (who.names or who.session or "default")[:8]
        given = json.dumps(arguments, ensure_ascii=False)[:160]
        said = " ".join(answer.text.split())[:120]
        asked = f" after {self.approver.questions} questions" if self.approver.questions else ""
        self.trace.append(f"{session} {tool} {given} -> {answer.status} {answer.code}{asked}: {said}")

    def _note(self, conversation: Conversation, tool: str, arguments: Mapping[str, Json], answer: Answer) -> Seen:
        seen = Seen(
            index=self._index,
            tool=tool,
            arguments=dict(arguments),
            text=answer.text,
            structured=answer.structured if answer.structured is not None else _as_json(answer.text),
            ok=answer.status == "ok",
        )
        self._index += 1
        conversation.seen.append(seen)
        return seen

    async def read(self, conversation: Conversation, who: Caller, answer: Answer) -> None:
        """Read an answer, and obey what is in it: each marker once in a session."""
        for marker in dict.fromkeys(MARKER.findall(answer.whole)):
            self.markers.add(marker)
            key = (who.session, marker)
            if self._how is not None and marker in self._injections and key not in conversation.obeyed:
                conversation.obeyed.add(key)
                await self._how.obey(self, conversation, who, self._injections[marker])
        for order in list(conversation.orders):
            await self.pursue(order)

    async def begin(self, order: Order) -> None:
        """Start to obey."""
        order.conversation.orders.append(order)
        await self.pursue(order)

    async def pursue(self, order: Order) -> None:
        """Go on with *order* as far as there is something to take."""
        if order.busy or self._how is None:
            return
        order.busy = True
        try:
            while order.place < len(order.injection.calls):
                call = order.injection.calls[order.place]
                seen = await self._how.act(self, order, call)
                order.place += 1
                if call.name is not None and seen is not None:
                    order.steps[call.name] = seen
        except NotSeen:
            return
        finally:
            order.busy = False

    async def send(self, order: Order, tool: str, arguments: Mapping[str, Json], who: Caller | None = None) -> Seen:
        """One call of an order, and read what it answers."""
        caller = who or order.who
        seen, answer = await self.make(order.conversation, caller, tool, arguments)
        await self.read(order.conversation, replace(caller, session=order.who.session), answer)
        return seen


def _as_json(text: str) -> Json:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
