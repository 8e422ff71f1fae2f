"""Puts dispatchers together: the same layers, records and runtimes over any catalogue."""

import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import structlog

from holdfast.contracts import Catalogue, Json, OperatorError, Principal, Standing, ToolName, ToolSpec
from holdfast.contracts.json_values import canonical, parse
from holdfast.safety.envelope import wrap, wrap_strict
from holdfast.safety.flow import LabelRows
from holdfast.safety.gate import Gate
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.schemas import CompiledSchema, Valid, compile_schema

from ..config import Settings
from ..dispatch import (
    Admission,
    AdmissionLimits,
    Circumstances,
    Counters,
    Dispatcher,
    Envelope,
    Holding,
    Inbound,
    KeptOutputs,
    Once,
    Outbound,
    Records,
    Runtimes,
    Wrapping,
)
from ..flow import Files, Flow, Ground
from ..metrics import Metrics
from ..store import Approval
from .secrecy import Secrecy
from .state import State

_log = structlog.get_logger("holdfast.labels")
_SCHEMAS = 1024
_BOUNDARY_BYTES = 8
"""16 hexadecimal characters (DESIGN section 4.3): nobody guesses one in the life of a call."""


@dataclass(frozen=True, slots=True)
class WithOne:
    """A catalogue with one more tool, which stands before one of the same name."""

    catalogue: Catalogue
    spec: ToolSpec

    def get(self, name: ToolName, /) -> ToolSpec | None:
        """The tool called *name*."""
        return self.spec if name == self.spec.name else self.catalogue.get(name)

    def quarantined(self, name: ToolName, /) -> bool:
        """Whether *name* is withheld; the one more tool never is."""
        return name != self.spec.name and self.catalogue.quarantined(name)

    def standing(self, name: ToolName, /) -> Standing:
        """How *name* stands; the one more tool is on trial."""
        return Standing.TRIAL if name == self.spec.name else self.catalogue.standing(name)


class Dispatching:
    """What every dispatcher of a house shares."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        secrecy: Secrecy,
        runtimes: Runtimes,
        ground: Ground,
        kept: KeptOutputs,
        metrics: Metrics,
        asked: Callable[[Approval], None],
    ) -> None:
        limits, layers = settings.limits, secrecy.layers
        admission = Admission(
            AdmissionLimits(calls_per_minute=limits.calls_per_minute, burst=limits.burst, in_flight=limits.in_flight)
        )
        self._records = Records(
            audit=state.audit,
            sessions=state.sessions,
            admission=admission,
            guessing=secrecy.guessing,
            fresh=secrecy.held.fresh,
            once=Once(state.idempotency),
            recorder=None if state.recorder is None else state.recorder.keep,
            key=state.arguments_key,
        )
        self._approvals, self._leases = state.approvals, state.leases
        self.flow = Flow(ground=ground, sessions=state.sessions, places=state.places, uses=state.uses)
        self._holding = Holding(
            approvals=state.approvals,
            leases=state.leases,
            sessions=state.sessions,
            flow=self.flow,
            digest=self._records.digest,
            asked=asked,
        )
        self._counters = Counters()
        self._leads = None if ground.files is None else ground.files.leads
        self._layers = layers
        self._runtimes = runtimes
        self._metrics = metrics
        self._wrapping = Wrapping(
            Outbound(layers.sanitizer, layers.detectors, layers.injection),
            envelope_of(settings.envelope),
            kept,
            mismatch=output_mismatch,
            lets=layers.lets,
        )

    def over(self, catalogue: Catalogue, *, policy: Callable[[Principal], PolicyBundle] | None = None) -> Dispatcher:
        """A dispatcher of the tools in *catalogue*, judged by *policy* or else the layers' own."""
        layers = self._layers if policy is None else replace(self._layers, policy=policy)
        gate = Gate(
            catalogue=catalogue,
            approvals=self._approvals,
            leases=self._leases,
            policy=layers.policy,
            digest=self._records.digest,
        )
        return Dispatcher(
            inbound=Inbound(layers),
            gate=gate,
            catalogue=catalogue,
            runtimes=self._runtimes,
            wrapping=self._wrapping,
            records=self._records,
            flow=self.flow,
            holding=self._holding,
            circumstances=Circumstances(
                standing=catalogue.standing,
                counters=self._counters,
                leads=self._leads,
                isolation=self._runtimes.isolation,
                key=self._records.key,
                keeps=self._records.recorder is not None,
            ),
            metrics=self._metrics,
        )


def ground_of(settings: Settings, files: Files | None, upstreams: Collection[str]) -> Ground:
    """What the operator's rows say, over the files of the workspace. A row for none of *upstreams* is said aloud."""
    for row in settings.labels:
        if row.upstream is not None and row.upstream not in upstreams:
            _log.warning("labels.no_such_upstream", upstream=row.upstream, why="its rows say nothing until it is added")
    receivers = {
        upstream.name: frozenset(name for tool in upstream.tools for name in tool.receivers)
        for upstream in settings.upstreams
    }
    return Ground(LabelRows((row.row() for row in settings.labels), receivers=receivers), files)


def envelope_of(kind: str) -> Envelope:
    """The envelope as configured, with a fresh boundary for each call."""
    enclose = wrap_strict if kind == "xml" else wrap

    def wrapped(body: str, name: str, call: str, status: str) -> str:
        return enclose(body, name=name, call=call, status=status, boundary=secrets.token_hex(_BOUNDARY_BYTES))

    return wrapped


@lru_cache(maxsize=_SCHEMAS)
def _compiled(written: bytes) -> CompiledSchema:
    schema = parse(written)
    if not isinstance(schema, dict):
        raise OperatorError("an output schema is an object")
    return compile_schema(schema)


def output_mismatch(schema: Mapping[str, Json], structured: Json) -> str | None:
    """Why *structured* does not match a tool's output *schema*, in one constant sentence, or None. Bounded in steps."""
    try:
        outcome = _compiled(canonical(schema)).evaluate(structured)
    except OperatorError:
        return "the output schema cannot be checked"
    return None if isinstance(outcome, Valid) else "the structured content does not match the output schema"
