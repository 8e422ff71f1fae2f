"""Tells a webhook of each new question and takes its answer, beside the calls. It never holds one up.

1. What is asked is sent whole, as an operator sees it, signed. Redirects are not followed, proxies of the environment
   are not used.
2. Only a signed answer for this very approval decides; the desk then judges it like anybody's.
3. Room and time are bounded: a webhook that is slow, large or gone loses questions, which the command line still has.
"""

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import httpx2
import structlog

from holdfast.contracts import HoldfastError, Principal, Scope

from .approval_desk import RecordedApprovals
from .store import Approval, Clock
from .webhook_wire import Decided, Ignored, read_answer, signed

QUEUED: Final = 256
"""Questions that wait to be sent: over ten principals at their most."""
SENDERS: Final = 4
"""Requests at once, so that one slow answer does not keep the others."""
TIMEOUT_S: Final = 10.0
"""From connecting to the last byte of the answer."""
PAUSE_S: Final = 1.0
"""Before the one further try."""
DRAIN_S: Final = 5.0
"""How long a house that closes waits for what is being sent."""
MAX_ANSWER: Final = 64 * 1024
SUBJECT: Final = "webhook"

_LATER: Final = frozenset({HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT})
_AGAIN: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_log = structlog.get_logger("holdfast.webhook")


@dataclass(frozen=True, slots=True)
class _Came:
    """One answer, as bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Missed:
    """There is no answer to read."""

    why: str
    """A constant of ours, for the log."""
    worth_another: bool


class Questions:
    """New questions on their way to whoever listens; nobody does unless a webhook is configured."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Approval] | None = None

    def asked(self, approval: Approval) -> None:
        """Hand *approval* on. Returns at once; one more than there is room for is dropped."""
        if self._queue is None:
            return
        try:
            self._queue.put_nowait(approval)
        except asyncio.QueueFull:
            _log.warning("webhook.full", approval=approval.id)

    def listen(self) -> "asyncio.Queue[Approval]":
        """The queue that they come through from now on."""
        self._queue = asyncio.Queue(QUEUED)
        return self._queue


class Webhook:
    """The background half: sends, and has what comes back decided."""

    def __init__(
        self, *, url: str, key: bytes, questions: Questions, desk: RecordedApprovals, clock: Clock = time.time
    ) -> None:
        self._url = url
        self._key = key
        self._queue = questions.listen()
        self._desk = desk
        self._clock = clock
        self._client = httpx2.AsyncClient(
            verify=ssl.create_default_context(),
            timeout=TIMEOUT_S,
            follow_redirects=False,
            trust_env=False,
            headers={"accept-encoding": "identity", "content-type": "application/json", "user-agent": "holdfast"},
        )
        self._sending: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send."""
        loop = asyncio.get_running_loop()
        self._sending = [loop.create_task(self._send_all()) for _ in range(SENDERS)]

    async def close(self) -> None:
        """Send what waits, for `DRAIN_S` seconds at most, and end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await self._queue.join()
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._client.aclose()

    async def _send_all(self) -> None:
        while True:
            approval = await self._queue.get()
            try:
                await self._send(approval)
            except Exception as error:  # noqa: BLE001 -- one question that fails must not end the sending of all others
                _log.error("webhook.failed", approval=approval.id, error=type(error).__name__)
            finally:
                self._queue.task_done()

    async def _send(self, approval: Approval) -> None:
        body = json.dumps(self._desk.written(approval), ensure_ascii=False, allow_nan=False).encode("utf-8")
        came = await self._tried(body)
        if isinstance(came, _Missed):
            _log.warning("webhook.unanswered", approval=approval.id, why=came.why)
            return
        if came.status != HTTPStatus.OK:
            if came.status not in _LATER:
                _log.warning("webhook.ignored", approval=approval.id, why="its status is not 200", status=came.status)
            return
        answer = read_answer(self._key, came.headers, came.body, approval=approval.id, now=self._clock())
        match answer:
            case Ignored(why=why):
                _log.warning("webhook.ignored", approval=approval.id, why=why)
            case Decided():
                await self._decide(approval, answer)

    async def _tried(self, body: bytes) -> _Came | _Missed:
        came = await self._once(body)
        if not _worth_another(came):
            return came
        await asyncio.sleep(PAUSE_S)
        return await self._once(body)

    async def _once(self, body: bytes) -> _Came | _Missed:
        headers = signed(self._key, body, self._clock())
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                self._client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                return await _read(response)
        except TimeoutError:
            return _Missed("it took too long", worth_another=True)
        except httpx2.HTTPError:
            return _Missed("it cannot be reached, or broke off", worth_another=True)

    async def _decide(self, approval: Approval, answer: Decided) -> None:
        by = Principal(subject=SUBJECT, tenant=approval.tenant, scopes=frozenset({Scope.APPROVE}), token_id=SUBJECT)
        try:
            await self._desk.decide(approval.id, answer.ruling, by=by, note=answer.note)
        except HoldfastError as error:
            _log.warning("webhook.refused", approval=approval.id, why=type(error).__name__)
            return
        _log.info("webhook.decided", approval=approval.id, ruling=answer.ruling.value)


def _worth_another(came: _Came | _Missed) -> bool:
    if isinstance(came, _Missed):
        return came.worth_another
    return came.status in _AGAIN or came.status >= HTTPStatus.INTERNAL_SERVER_ERROR


async def _read(response: httpx2.Response) -> _Came | _Missed:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        return _Missed("it is compressed, unasked", worth_another=False)
    held = bytearray()
    async for piece in response.aiter_raw():
        held += piece
        if len(held) > MAX_ANSWER:
            return _Missed("it is too large", worth_another=False)
    return _Came(response.status_code, response.headers, bytes(held))
