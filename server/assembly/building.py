"""The desk that builds tools for agent hosts, from the parts of a house. It builds nothing yet."""

from holdfast.sandbox.building import Builder
from holdfast.sandbox.wasm.runtime import WasmRuntime

from ..build_desk import BuildDesk
from ..config import Settings
from ..data_dir import DataDir, user_cache
from ..dispatch import Layers
from ..pace import Pace
from ..registrar import Registrar
from ..scanning import Scanner
from .sandboxed import ceilings_of
from .state import State
from .workshop import Workshop


def build_desk_of(
    settings: Settings,
    data: DataDir,
    state: State,
    registrar: Registrar,
    workshop: Workshop,
    wasm: WasmRuntime,
    layers: Layers,
) -> BuildDesk:
    """The desk; C and Zig need the launcher of *workshop*, and are refused where it has none."""
    place = user_cache()
    cache = (data.native if place is None else place[0]) / "build"
    return BuildDesk(
        builder=Builder(workshop.launcher, wasm.assemble, cache=cache),
        registrar=registrar,
        scanner=Scanner(layers),
        audit=state.audit,
        pace=Pace(settings.limits.builds_per_minute),
        ceilings=ceilings_of(settings.limits),
        signatures_required=settings.trust.require_signature,
    )
