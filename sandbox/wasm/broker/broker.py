"""Answers the host calls of one call, one after another. Everything it goes by is the parent's own record of the call.

1. What the manifest does not grant is refused before anything else is looked at.
2. A call that has made its host calls ends; a count of one kind that is used up is refused to the guest.
3. Whatever a port raises becomes an answer: only cancellation and the end of the call get out.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import structlog

from holdfast.contracts import Authorized, Completed, HoldfastError, Outcome, Refusal, ToolError

from ..frames import HOST_ANSWER_BYTES, HOST_CODE, HostAnswer, HostCall
from ..supervisor import HostCallsSpent
from . import aside, fetching, filing, invoking, keeping
from .call import FREE_CALLS, Answering, Brokered
from .capabilities import FREE, HTTP, INVOKE, KV, LOG, NOW, READ, SECRET, WRITE
from .payloads import written
from .powers import Powers

_ANSWERED_BY: Final[Mapping[str, Answering]] = MappingProxyType(
    {
        LOG: aside.log,
        NOW: aside.now,
        HTTP: fetching.http,
        READ: filing.read,
        WRITE: filing.write,
        KV: keeping.kv,
        SECRET: keeping.secret_exists,
        INVOKE: invoking.tool_invoke,
    }
)
_MESSAGE_BYTES: Final = 1000
_log = structlog.get_logger("holdfast.wasm.broker")


class CallBroker:
    """The broker of one call: give it to `Worker.call`."""

    def __init__(self, call: Authorized, powers: Powers, *, withheld: Mapping[str, str] = MappingProxyType({})) -> None:
        """*withheld* are the capabilities that nobody is given here, and why."""
        self._call = call
        self._powers = powers
        self._withheld = withheld
        self._brokered: Brokered | None = None

    @property
    def host_calls(self) -> int:
        """How many were made, those for the log and the clock left out."""
        return 0 if self._brokered is None else self._brokered.host_calls

    @property
    def log(self) -> str:
        """What the guest logged, in lines; untrusted."""
        return "" if self._brokered is None else self._brokered.log.taken().decode("utf-8", errors="replace")

    def settled(self, outcome: Outcome) -> Outcome:
        """*outcome* of the call, with what was counted and logged meanwhile."""
        counted = replace(outcome, usage=replace(outcome.usage, host_calls=self.host_calls))
        log = self.log
        if isinstance(counted, Completed) and log:
            return replace(counted, log="\n".join(filter(None, (counted.log, log))))
        return counted

    async def __call__(self, asked: HostCall) -> HostAnswer:
        """Answer *asked*. Raises: HostCallsSpent."""
        brokered = self._counted(asked.name)
        answering = _ANSWERED_BY.get(asked.name)
        if answering is None:
            return _refused("host/unknown", "there is no such host function")
        if asked.name in self._withheld:
            return _refused("host/unavailable", self._withheld[asked.name])
        try:
            payload = written(await answering(brokered, asked.payload))
        except Refusal as refusal:
            return _refused(refusal.reason.code, refusal.reason.message)
        except ToolError as error:
            return _refused("egress/far-side" if asked.name == HTTP else "host/failed", error.message)
        except HoldfastError as error:
            return _refused("host/failed", error.message)
        except Exception as error:  # noqa: BLE001 -- a port that breaks fails this one host call, not the server
            _log.error("host_call.failed", function=asked.name, error=type(error).__name__)
            return _refused("host/failed", "the server could not do it")
        if len(payload) > HOST_ANSWER_BYTES:
            return _refused("host/limit", f"the answer is over {HOST_ANSWER_BYTES} bytes")
        return HostAnswer(payload=payload)

    def _counted(self, name: str) -> Brokered:
        if self._brokered is None:
            # The worker's own deadline began before, so this one is never the earlier of the two.
            deadline = asyncio.get_running_loop().time() + self._call.limits.wall_ms / 1000
            self._brokered = Brokered(call=self._call, powers=self._powers, deadline=deadline)
        brokered = self._brokered
        if name in FREE:
            brokered.free_calls += 1
        else:
            brokered.host_calls += 1
        if brokered.free_calls > FREE_CALLS or brokered.host_calls > self._call.limits.host_calls:
            raise HostCallsSpent
        return brokered


def _refused(code: str, message: str) -> HostAnswer:
    known = code if HOST_CODE.fullmatch(code) else "host/refused"
    return HostAnswer(code=known, payload=message.encode("utf-8", errors="replace")[:_MESSAGE_BYTES])
