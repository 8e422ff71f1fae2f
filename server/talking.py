"""What passes between a running call and whoever made it: cleans, judges and records all of it. It decides nothing.

1. What a server tells (progress, logs) is cleaned and scanned like its answers, and no more of it passes than a person
   can read.
2. What a server asks is a call of its own, by a spec that exists only where the server's entry grants it: cleaned,
   judged by every layer, recorded, and only then put to the client.
3. The client's answer is the result of that call. It is scanned like any other, and what holds a secret does not go on.
4. Nobody can ask by calling that spec directly: only what is asked here, in the middle of a call, is put to anybody.
"""

import contextlib
import math
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import structlog

from holdfast.contracts import (
    MOST_NESTED,
    Action,
    Authorized,
    CallId,
    Completed,
    Json,
    Line,
    Method,
    Nested,
    Outcome,
    Reason,
    Refusal,
    Refused,
    Runtime,
    Status,
    ToolCall,
    ToolName,
    ToolResult,
    Upstream,
    Where,
)
from holdfast.contracts.json_values import canonical
from holdfast.safety.asking import Asker, answered, question
from holdfast.sandbox.mcp import UpstreamConfig, reserved_name

from .dispatch import Dispatcher, Guessing, Outbound
from .flow import Passing

_log = structlog.get_logger("holdfast.talking")

MAX_TOLD: Final = 4_096
"""Characters of a progress message; a longer one is left out whole, since a cut could halve a secret."""

MAX_LOGGED: Final = 64 << 10
"""Bytes of a log entry as JSON; a larger one is left out whole."""

BURST: Final = 100
PER_SECOND: Final = 20.0
"""What a server may tell of one call; more is left out."""

MAX_OPEN: Final = 256
MAX_OPEN_EACH: Final = 16
"""Questions that wait for an answer, of all and of one principal."""

NOT_GRANTED: Final = Reason(
    code="asking/not-granted",
    layer="asking",
    message="the server may not ask this, or the client cannot be asked",
    remedy="`asks` of the server's entry says what it may ask; nothing, unless said",
)
TOO_DEEP: Final = Reason(code="asking/depth", layer="asking", message=f"calls are nested at most {MOST_NESTED} deep")
TOO_MANY: Final = Reason(code="asking/overloaded", layer="asking", message="too many questions wait for an answer")
DIRECT: Final = Reason(code="asking/direct", layer="asking", message="only a server asks this, in the middle of a call")
UNANSWERED: Final = Reason(code="asking/unanswered", layer="asking", message="the question was not answered")
SECRET_ANSWER: Final = Reason(
    code="asking/secret-answer",
    layer="asking",
    message="the answer holds what looks like a secret, and would go to the server that asked",
)


@dataclass(slots=True)
class _Open:
    """The way back from one running call."""

    line: Line
    left: float = BURST
    at: float = field(default_factory=time.monotonic)
    said: str = ""
    """The end of what was told, run together: a secret in pieces is one."""
    spilled: bool = False
    """A secret was being told in pieces; nothing more is told of this call."""

    def takes(self) -> bool:
        """Whether one more thing may be told now; if so, that is counted."""
        now = time.monotonic()
        self.left, self.at = min(float(BURST), self.left + (now - self.at) * PER_SECOND), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


@dataclass(frozen=True, slots=True)
class _Question:
    """What is being judged, before it is put."""

    line: Line
    method: Method
    key: str | None


class Talking:
    """The `Talk` port of a house, and the lines of the calls that run in it."""

    def __init__(self, outbound: Outbound, config: Callable[[str], UpstreamConfig | None], guessing: Guessing) -> None:
        """*config* answers the entry of an upstream by its name."""
        self._outbound = outbound
        self._guessing = guessing
        self._config = config
        self._open: dict[CallId, _Open] = {}
        self._questions: dict[CallId, _Question] = {}
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._dispatcher: Dispatcher | None = None
        self._passing: Passing | None = None

    def bind(self, dispatcher: Dispatcher, passing: Passing) -> None:
        """From here on questions are judged by *dispatcher*; *passing* knows the calls in whose middle they are."""
        self._dispatcher = dispatcher
        self._passing = passing

    @contextlib.contextmanager
    def on(self, call: CallId, line: Line | None) -> Generator[None]:
        """While the block runs, *line* is the way back from *call*."""
        if line is None:
            yield
            return
        self._open[call] = _Open(line)
        try:
            yield
        finally:
            del self._open[call]

    def answers(self, call: Authorized, /) -> frozenset[Method]:
        """What the client declared, of what the entry grants."""
        known, config = self._open.get(call.call_id), self._entry(call)
        return frozenset() if known is None or config is None else known.line.answers & config.asks

    def wants_progress(self, call: Authorized, /) -> bool:
        """As its client said."""
        known = self._open.get(call.call_id)
        return known is not None and known.line.wants_progress

    def log_level(self, call: Authorized, /) -> str | None:
        """As its client said."""
        known = self._open.get(call.call_id)
        return None if known is None else known.line.log_level

    async def progress(self, call: Authorized, done: float, total: float | None, message: str | None, /) -> None:
        """Pass it on, cleaned."""
        known = self._open.get(call.call_id)
        if known is None or not _is_number(done) or not (total is None or _is_number(total)) or not known.takes():
            return
        told = self._cleaned(call, known, message) if message and len(message) <= MAX_TOLD else None
        await _unfailing(known.line.progress(done, total, told if isinstance(told, str) else None))

    async def log(self, call: Authorized, level: str, logger: str | None, data: Json, /) -> None:
        """Pass it on, cleaned; keys too."""
        known = self._open.get(call.call_id)
        if known is None or not known.takes() or len(canonical([logger, data])) > MAX_LOGGED:
            return
        named = None if logger is None else self._outbound.clean_text(logger)[0]
        said = self._cleaned(call, known, data)
        if said is not None or data is None:
            await _unfailing(known.line.log(level, named, said))

    def _cleaned(self, call: Authorized, known: _Open, data: Json) -> Json:
        """*data* without secrets; None when it goes on with one that began in what was told before, and ever after."""
        out = self._outbound.clean((), data)
        self._guessing.look(out.findings, call.principal)
        said = tuple(_values(out.structured))
        known.spilled = known.spilled or self._outbound.goes_on(known.said, said)
        if known.spilled:
            return None
        known.said = (known.said + "".join(said))[-MAX_TOLD:]
        return out.structured

    async def ask(
        self, call: Authorized, method: Method, params: Mapping[str, Json], /, *, key: str | None = None
    ) -> Mapping[str, Json]:
        """Put it, once it was judged; the answer is what that call answered.

        Raises: Refusal.
        """
        known, config = self._open.get(call.call_id), self._entry(call)
        if known is None or config is None or method not in self.answers(call):
            raise Refusal(NOT_GRANTED)
        cleaned = self._outbound.clean((), dict(params)).structured
        asked = question(
            method,
            cleaned if isinstance(cleaned, dict) else {},
            Asker(server=config.name, hosts=config.ask_hosts),
        )
        if isinstance(asked, Reason):
            raise Refusal(asked)
        if asked.get("mode") == "url":
            asked.setdefault("elicitationId", secrets.token_hex(8))  # the handshake era wants one
        if call.depth >= MOST_NESTED:
            raise Refusal(TOO_DEEP)
        with self._room(call):
            put = _Question(known.line, method, self._plain(key))
            return _answer_of(await self._judged(call, put, asked, reserved_name(config, method)))

    def _plain(self, key: str | None) -> str | None:
        """The server's own name of its question, if it is nothing but a name."""
        return key if key is not None and self._outbound.clean_text(key)[0] == key else None

    async def _judged(self, call: Authorized, put: _Question, asked: Mapping[str, Json], tool: ToolName) -> ToolResult:
        if self._dispatcher is None or self._passing is None:
            raise Refusal(UNANSWERED)
        nested = ToolCall(
            id=CallId("c_" + secrets.token_hex(12)),
            tool=tool,
            arguments=asked,
            session=call.session.id,
            nested=Nested(by=call.call_id, depth=call.depth + 1),
        )
        self._questions[nested.id] = put
        try:
            async with self._passing.asking(call):
                return await self._dispatcher.execute(nested, call.principal)
        finally:
            del self._questions[nested.id]

    async def put(self, call: Authorized, method: Method) -> Outcome:
        """Step 10 of a question: put it to the client."""
        known = self._questions.get(call.call_id)
        if known is None or known.method is not method:
            return Refused(reason=DIRECT)
        try:
            answer = await known.line.ask(method, call.arguments, key=known.key)
        except Refusal as refusal:
            return Refused(reason=refusal.reason)
        fitting = answered(method, call.arguments, answer)
        if isinstance(fitting, Reason):
            return Refused(reason=fitting)
        return Completed(content=(), structured=fitting)

    @contextlib.contextmanager
    def _room(self, call: Authorized) -> Generator[None]:
        who = (call.principal.tenant, call.principal.subject)
        if self._waiting.total() >= MAX_OPEN or self._waiting[who] >= MAX_OPEN_EACH:
            raise Refusal(TOO_MANY)
        self._waiting[who] += 1
        try:
            yield
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]

    def _entry(self, call: Authorized) -> UpstreamConfig | None:
        place = call.spec.runtime
        return self._config(place.server) if isinstance(place, Upstream) else None


class AskingRuntime:
    """The `Runtime` of upstreams: a question goes to the client, everything else to the server."""

    def __init__(self, upstreams: Runtime, talking: Talking) -> None:
        self._upstreams = upstreams
        self._talking = talking

    async def run(self, call: Authorized, /) -> Outcome:
        """Run it where it belongs. Raises nothing but cancellation."""
        match call.spec.runtime:
            case Upstream(method=(Method.ELICITATION | Method.SAMPLING | Method.ROOTS) as method):
                return await self._talking.put(call, method)
            case _:
                return await self._upstreams.run(call)


def _values(value: Json) -> Iterator[str]:
    """Every string of *value* but its keys: they stand between the pieces of a split secret."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _values(item)


def _answer_of(result: ToolResult) -> Mapping[str, Json]:
    """What may go to the server. Raises: Refusal."""
    if result.status is not Status.OK or not isinstance(result.structured, dict):
        raise Refusal(result.reason or UNANSWERED)
    grave = (Action.REDACT, Action.DENY)
    if any(one.where is Where.OUTPUT and one.action in grave for one in result.findings):
        raise Refusal(SECRET_ANSWER)
    return result.structured


async def _unfailing(telling: Awaitable[None]) -> None:
    """Tell; a client that cannot be told is no concern of the server's."""
    try:
        await telling
    except Exception as error:  # noqa: BLE001 -- whatever broke on the way, the call goes on
        _log.debug("talking.untold", error=type(error).__name__)


def _is_number(value: float) -> bool:
    return math.isfinite(value)
