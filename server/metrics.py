"""Counts what the server does, for Prometheus. No label value comes from outside: kinds, statuses and layers are ours.

A tool's name, a principal or a path is never a label: each would let a caller grow the table without bound.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import assert_never

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.exposition import generate_latest

from holdfast.contracts import Builtin, Decision, RuntimeRef, Status, ToolResult, Upstream, Wasm

from .timings import Times

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LAYERS = frozenset(
    {
        "admit",
        "validator",
        "sanitizer",
        "leaks",
        "credentials",
        "policy",
        "floor",
        "gate",
        "output",
        "limits",
        "tools",
        "sessions",
        "builtin",
        "wasm",
        "shell",
        "children",
        "upstreams",
        "workspace",
        "egress",
        "envelope",
        "internal",
    }
)
_OTHER = "other"
_NO_TOOL = "none"
# Microseconds to seconds; the five layers together are to take 300 µs (DESIGN section 8).
_LAYER_BUCKETS = (5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 5e-3, 2.5e-2, 0.1, 1.0)
_CALL_BUCKETS = (5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)


class Metrics:
    """The numbers of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._ends: dict[tuple[str, str], Counter] = {}
        """Children that `labels` would look up again for every call."""
        self._calls = Counter(
            "holdfast_calls", "Calls that ended, by runtime and status.", ("runtime", "status"), registry=self.registry
        )
        self._denials = Counter(
            "holdfast_denials", "Calls that were denied, by the layer that did.", ("layer",), registry=self.registry
        )
        self._observed = Counter(
            "holdfast_observed",
            "What would have been decided by rules that are only observed.",
            ("layer", "would"),
            registry=self.registry,
        )
        self.is_observing = False
        self._observing = Gauge("holdfast_observing", "1 while some rules are only observed.", registry=self.registry)
        self._layers = Times("holdfast_layer_seconds", "Time in one layer for one call.", "layer", _LAYER_BUCKETS)
        self._seconds = Times("holdfast_call_seconds", "Time from door to door.", "runtime", _CALL_BUCKETS)
        self.registry.register(self._layers)
        self.registry.register(self._seconds)
        self._under_way = 0
        in_flight = Gauge("holdfast_calls_in_flight", "Calls under way.", registry=self.registry)
        in_flight.set_function(lambda: self._under_way)
        self._workers = Gauge("holdfast_workers", "Confined workers, by runtime.", ("runtime",), registry=self.registry)
        self._upstreams = Gauge(
            "holdfast_upstreams", "MCP servers, by the state of their breaker.", ("breaker",), registry=self.registry
        )
        self._drift = Gauge(
            "holdfast_policy_drift",
            "Tools withheld because policy does not fit them since they changed.",
            registry=self.registry,
        )
        self._responses = Counter(
            "holdfast_http_responses", "HTTP responses, by hundred of the status.", ("class",), registry=self.registry
        )

    def watch_drift(self, count: Callable[[], int]) -> None:
        """Show how many tools are withheld because policy does not fit them."""
        self._drift.set_function(count)

    def observing(self, names: Sequence[str]) -> None:
        """Some rules are only observed, if any are named."""
        self.is_observing = bool(names)
        self._observing.set(1 if names else 0)

    def began(self) -> None:
        """One more call is under way."""
        self._under_way += 1

    def ended(self, runtime: RuntimeRef | None, result: ToolResult, *, seconds: float) -> None:
        """A call that `began` has ended; *runtime* is None when there is no such tool."""
        self._under_way -= 1
        kind = runtime_kind(runtime)
        self._end(kind, result.status.value).inc()
        self._seconds.observe(kind, seconds)
        if result.status is Status.DENIED:
            self._denials.labels(_layer("" if result.reason is None else result.reason.layer)).inc()
        self._observe(result.decisions)

    def cancelled(self, runtime: RuntimeRef | None) -> None:
        """A call that `began` was cut off by its caller."""
        self._under_way -= 1
        self._end(runtime_kind(runtime), "cancelled").inc()

    def workers(self, runtime: RuntimeRef, count: int) -> None:
        """How many confined workers *runtime* has now."""
        self._workers.labels(runtime_kind(runtime)).set(count)

    def watch_upstreams(self, count: Callable[[str], float], states: Iterable[str]) -> None:
        """Ask *count* how many upstreams are in each of *states*, whenever somebody reads the numbers."""
        for state in states:
            self._upstreams.labels(state).set_function(partial(count, state))

    def responded(self, status: int) -> None:
        """An HTTP response with that status went out."""
        self._responses.labels(f"{status // 100}xx").inc()

    def render(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _observe(self, decisions: Iterable[Decision]) -> None:
        for decision in decisions:
            if decision.would is not None:
                self._observed.labels(_layer(decision.layer), decision.would.value).inc()
                continue
            self._layers.observe(_layer(decision.layer), decision.micros / 1e6)

    def _end(self, kind: str, status: str) -> Counter:
        known = self._ends.get((kind, status))
        if known is None:
            known = self._ends[kind, status] = self._calls.labels(kind, status)
        return known


def runtime_kind(runtime: RuntimeRef | None) -> str:
    """The label of *runtime*."""
    match runtime:
        case None:
            return _NO_TOOL
        case Builtin():
            return "builtin"
        case Wasm():
            return "wasm"
        case Upstream():
            return "upstream"
        case _:
            assert_never(runtime)


def _layer(name: str) -> str:
    return name if name in LAYERS else _OTHER
