"""A tool as far as policy goes, to be kept beside the calls of it: its name, its arguments' schema, its effects."""

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.contracts import (
    Builtin,
    Digest,
    Effect,
    FlowSpec,
    Json,
    OperatorError,
    RuntimeRef,
    ToolName,
    ToolSpec,
    Upstream,
    Wasm,
)
from holdfast.contracts.limits import BUILTIN


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSketch:
    """What policies were type-checked against; not enough to run anything."""

    name: ToolName
    definition: Digest
    input_schema: Mapping[str, Json]
    effects: frozenset[Effect]
    runtime: str
    server: str
    staged: bool

    @classmethod
    def of(cls, spec: ToolSpec) -> "ToolSketch":
        """Of *spec*."""
        runtime, server = _written(spec.runtime)
        return cls(
            name=spec.name,
            definition=spec.digest,
            input_schema=spec.input_schema,
            effects=spec.effects,
            runtime=runtime,
            server=server,
            staged=spec.flow.staged,
        )

    def spec(self) -> ToolSpec:
        """A spec that policy judges as the sketched one; its own digest is another."""
        return ToolSpec(
            name=self.name,
            description="as it was recorded",
            input_schema=self.input_schema,
            effects=self.effects,
            runtime=_runtime(self),
            limits=BUILTIN,
            flow=FlowSpec(staged=self.staged),
        )

    def to_json(self) -> dict[str, Json]:
        """As it is kept."""
        return {
            "name": self.name,
            "definition": str(self.definition),
            "input_schema": dict(self.input_schema),
            "effects": [effect.value for effect in sorted(self.effects)],
            "runtime": self.runtime,
            "server": self.server,
            "staged": self.staged,
        }

    @classmethod
    def from_json(cls, written: Mapping[str, Json]) -> "ToolSketch":
        """What `to_json` wrote.

        Raises: OperatorError when it is something else.
        """
        try:
            schema, effects = written["input_schema"], written["effects"]
            if not (isinstance(schema, dict) and isinstance(effects, list)):
                raise OperatorError("a recorded tool is damaged")
            return cls(
                name=ToolName(str(written["name"])),
                definition=Digest.parse(str(written["definition"])),
                input_schema=schema,
                effects=frozenset(Effect(str(effect)) for effect in effects),
                runtime=str(written["runtime"]),
                server=str(written["server"]),
                staged=bool(written["staged"]),
            )
        except (KeyError, ValueError):
            raise OperatorError("a recorded tool is damaged") from None


def _written(runtime: RuntimeRef) -> tuple[str, str]:
    match runtime:
        case Builtin():
            return "builtin", ""
        case Wasm():
            return "wasm", ""
        case Upstream(server=server):
            return "upstream", server


def _runtime(sketch: ToolSketch) -> RuntimeRef:
    match sketch.runtime:
        case "upstream":
            return Upstream(sketch.server, sketch.name)
        case "wasm":
            return Wasm(module=sketch.definition, abi="recorded")
        case _:
            return Builtin()
