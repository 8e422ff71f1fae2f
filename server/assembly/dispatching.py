"""Puts dispatchers together: the same layers, records and runtimes over any catalogue."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from holdfast.contracts import Catalogue, Json, OperatorError, Principal, ToolName, ToolSpec
from holdfast.contracts.json_values import canonical, parse
from holdfast.safety.envelope import wrap, wrap_strict
from holdfast.safety.gate import Gate
from holdfast.safety.policy import PolicyBundle
from holdfast.safety.schemas import CompiledSchema, Valid, compile_schema

from ..config import Settings
from ..dispatch import (
    Admission,
    AdmissionLimits,
    Dispatcher,
    Envelope,
    Inbound,
    KeptOutputs,
    Layers,
    Once,
    Outbound,
    Records,
    Runtimes,
    Wrapping,
)
from ..metrics import Metrics
from .state import State

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


class Dispatching:
    """What every dispatcher of a house shares."""

    def __init__(
        self,
        settings: Settings,
        state: State,
        layers: Layers,
        runtimes: Runtimes,
        kept: KeptOutputs,
        metrics: Metrics,
    ) -> None:
        limits = settings.limits
        admission = Admission(
            AdmissionLimits(calls_per_minute=limits.calls_per_minute, burst=limits.burst, in_flight=limits.in_flight)
        )
        self._records = Records(
            audit=state.audit,
            sessions=state.sessions,
            approvals=state.approvals,
            admission=admission,
            once=Once(state.idempotency),
            key=state.arguments_key,
        )
        self._layers = layers
        self._runtimes = runtimes
        self._metrics = metrics
        self._wrapping = Wrapping(
            Outbound(layers.sanitizer, layers.leaks, layers.credentials), envelope_of(settings.envelope), kept
        )

    def over(self, catalogue: Catalogue, *, policy: Callable[[Principal], PolicyBundle] | None = None) -> Dispatcher:
        """A dispatcher of the tools in *catalogue*, judged by *policy* or else the layers' own."""
        layers = self._layers if policy is None else replace(self._layers, policy=policy)
        gate = Gate(
            catalogue=catalogue,
            approvals=self._records.approvals,
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
            metrics=self._metrics,
        )


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
