"""Says which part of a whole call takes how long, from inside real calls. It decides nothing.

Each part's functions are timed where they are called, without what other parts take within them. Being timed costs a
call a quarter of its time, and a part among the others takes up to twice as long as one called over and over alone.
"""

import functools
import statistics
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from inspect import iscoroutinefunction
from typing import Any, Final

from holdfast.safety.credentials import CredentialDetector
from holdfast.safety.gate import Gate
from holdfast.safety.injection import InjectionDetector
from holdfast.safety.leaks import LeakDetector
from holdfast.safety.pii import PiiDetector
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.sanitizer import Sanitizer
from holdfast.safety.validator import Validator
from holdfast.sandbox.builtin import BuiltinRuntime
from holdfast.server.audit.chain import ChainWriter
from holdfast.server.audit.log import AuditLog
from holdfast.server.dispatch.dispatcher import Dispatcher
from holdfast.server.dispatch.records import Records
from holdfast.server.dispatch.wrapping import Wrapping
from holdfast.server.flow import Flow
from holdfast.server.metrics import Metrics

_Functions = tuple[tuple[type, str], ...]

PARTS: Final[Mapping[str, _Functions]] = {
    "validator": ((Validator, "shape"), (Validator, "arguments")),
    "sanitizer": ((Sanitizer, "arguments"), (Sanitizer, "output")),
    "leak detector": ((LeakDetector, "scan"), (LeakDetector, "scan_arguments")),
    "credential detector": ((CredentialDetector, "scan"), (CredentialDetector, "scan_arguments")),
    "personal data": ((PiiDetector, "scan"),),
    "injection signals": ((InjectionDetector, "scan"),),
    "policy, judged and at the gate": ((PolicyBundle, "decide"),),
    "gate without policy": ((Gate, "authorize"),),
    "flow": ((Flow, "look"), (Flow, "begin"), (Flow, "finish")),
    "digests of arguments and output": ((Records, "digest"), (Records, "digest_text")),
    "admission and session": ((Records, "admitted"), (Records, "session"), (Records, "current")),
    "both audit records": ((AuditLog, "intent"), (AuditLog, "outcome"), (ChainWriter, "append")),
    "built-in runtime": ((BuiltinRuntime, "run"),),
    "cut and envelope": ((Wrapping, "cut"), (Wrapping, "wrap")),
    "metrics": ((Metrics, "began"), (Metrics, "ended")),
    "the procedure itself": ((Dispatcher, "execute"),),
}


class _Clock:
    """Time by part; what is timed within something that is timed is taken off it."""

    def __init__(self) -> None:
        self.calls: dict[str, list[int]] = defaultdict(list)
        self._inner = [0]

    @contextmanager
    def over(self, part: str) -> Iterator[None]:
        self._inner.append(0)
        began = time.perf_counter_ns()
        try:
            yield
        finally:
            took = time.perf_counter_ns() - began
            self.calls[part].append(took - self._inner.pop())
            self._inner[-1] += took


def _timed(clock: _Clock, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def plain(*given: Any, **named: Any) -> Any:
        with clock.over(part):
            return work(*given, **named)

    @functools.wraps(work)
    async def awaited(*given: Any, **named: Any) -> Any:
        with clock.over(part):
            return await work(*given, **named)

    return awaited if iscoroutinefunction(work) else plain


async def parts_of(calls: Callable[[int], Awaitable[object]], count: int) -> dict[str, float]:
    """What each part takes of one of *count* *calls*, made one after the other, in µs: its functions' medians."""
    clock = _Clock()
    before = [(owner, name, vars(owner)[name]) for functions in PARTS.values() for owner, name in functions]
    for part, functions in PARTS.items():
        for owner, name in functions:
            setattr(owner, name, _timed(clock, f"{part}/{owner.__name__}.{name}", vars(owner)[name]))
    try:
        await calls(count)
    finally:
        for owner, name, work in before:
            setattr(owner, name, work)
    found = dict.fromkeys(PARTS, 0.0)
    for name, times in clock.calls.items():
        found[name.partition("/")[0]] += statistics.median(times) / 1000 * len(times) / count
    return found
