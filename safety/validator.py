"""The first layer: refuses arguments that are too big, too deep or not what the schema says; it repairs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from holdfast.contracts import Deny, Digest, Json, MalformedJson, OperatorError, Pass, Reason, ToolSpec
from holdfast.contracts.json_values import canonical, strings

from .schemas import DEFAULT_STEPS, CompiledSchema, OutOfSteps, Valid, Violation, compile_schema
from .schemas.bounds import MAX_BITS, LongNumber, NotJson, measure

LAYER: Final = "validator"
_WRITTEN_NUL: Final = rb"\u0000"
"""As JSON writes it; a backslash before these five letters looks alike."""
CACHED_SCHEMAS: Final = 1_024
"""Compiled schemas kept, the least recently used going first: those of about 1 000 tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArgumentLimits:
    """How big the arguments of a call may be (DESIGN section 5)."""

    bytes: int = 100_000
    """Of their canonical form."""
    depth: int = 32
    """Arrays and objects inside each other, the arguments themselves being the first."""
    nodes: int = 10_000
    """Values of any kind."""


class Validator:
    """Judges arguments and structured output by size, shape and schema. The same input gets the same verdict always."""

    def __init__(self, limits: ArgumentLimits | None = None, *, steps: int = DEFAULT_STEPS) -> None:
        self._limits = limits or ArgumentLimits()
        self._steps = steps
        self._compiled: dict[tuple[Digest, str], CompiledSchema | OperatorError] = {}

    def shape(self, arguments: Mapping[str, Json]) -> Pass | Deny:
        """Judge the size of *arguments*, without recursion.

        Denies with `too-deep`, `too-many-nodes`, `too-large`, `long-number` and `encoding`, each after `validator/`.
        """
        limits = self._limits
        try:
            extent = measure(arguments, depth=limits.depth, nodes=limits.nodes, characters=limits.bytes, bits=MAX_BITS)
        except NotJson:
            return _deny("encoding", "the arguments hold a value that is not JSON")
        except LongNumber:
            return _deny("long-number", "the arguments hold a whole number of more than 308 digits")
        if extent.depth > limits.depth:
            return _deny("too-deep", f"the arguments are nested deeper than {limits.depth} levels")
        if extent.nodes > limits.nodes:
            return _deny("too-many-nodes", f"the arguments hold more than {limits.nodes} values")
        if extent.characters > limits.bytes:
            return self._too_large()
        return self._written(arguments)

    def _written(self, arguments: Mapping[str, Json]) -> Pass | Deny:
        """Judge *arguments* as the JSON they are, keys and values alike."""
        try:
            written = canonical(dict(arguments))
        except MalformedJson:
            return _deny("encoding", "the arguments hold text that is not Unicode, or a number that is not JSON")
        if len(written) > self._limits.bytes:
            return self._too_large()
        if _WRITTEN_NUL in written and any("\0" in text for text in strings(arguments)):
            return _deny("encoding", "the arguments hold a NUL character, where many programs take a text to end")
        return Pass()

    def prepare(self, spec: ToolSpec) -> None:
        """Compile the input schema of *spec*, which its first call would wait for."""
        self._schema(spec.digest, "input", spec.input_schema)

    def arguments(self, spec: ToolSpec, arguments: Mapping[str, Json]) -> Pass | Deny:
        """Judge *arguments*, whose shape was judged before, by the tool's input schema."""
        return self._judge(spec.digest, "input", spec.input_schema, dict(arguments), "the arguments")

    def output(self, spec: ToolSpec, structured: Json) -> Pass | Deny:
        """Judge *structured* by the tool's output schema; a tool without one may answer anything."""
        if spec.output_schema is None:
            return Pass()
        return self._judge(spec.digest, "output", spec.output_schema, structured, "the structured output")

    def _judge(self, digest: Digest, side: str, schema: Mapping[str, Json], value: Json, whole: str) -> Pass | Deny:
        compiled = self._schema(digest, side, schema)
        if isinstance(compiled, OperatorError):
            return _deny("schema", f"the {side} schema of this tool cannot be used", remedy=compiled.message)
        outcome = compiled.evaluate(value, steps=self._steps)
        match outcome:
            case Valid():
                return Pass()
            case OutOfSteps():
                return _deny(
                    "budget", f"checking {whole} against the schema of this tool takes too many steps; send less"
                )
            case Violation(pointer=pointer, keyword=keyword, wants=wants):
                subject = f"`{pointer}`" if pointer else whole
                return _deny("schema", f"{subject} {wants} (`{keyword}`)")
            case _:
                assert_never(outcome)

    def _schema(self, digest: Digest, side: str, schema: Mapping[str, Json]) -> CompiledSchema | OperatorError:
        """The compiled schema, or why there is none; either is remembered."""
        key = digest, side
        compiled = self._compiled.pop(key, None)
        if compiled is None:
            try:
                compiled = compile_schema(schema)
            except OperatorError as error:
                compiled = error
            while len(self._compiled) >= CACHED_SCHEMAS:
                self._compiled.pop(next(iter(self._compiled)), None)
        self._compiled[key] = compiled
        return compiled

    def _too_large(self) -> Deny:
        return _deny("too-large", f"the arguments are larger than {self._limits.bytes} bytes")


def _deny(code: str, message: str, *, remedy: str | None = None) -> Deny:
    return Deny(reason=Reason(code=f"{LAYER}/{code}", layer=LAYER, message=message, remedy=remedy))
