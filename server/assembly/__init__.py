"""Builds the parts of a house from its settings. It starts nothing that `open_house` does not close."""

from .deciding import Desks, desks_of, open_webhook
from .dispatching import Dispatching, WithOne, ground_of, output_mismatch
from .keyed_files import KeyedFiles, shared_artifacts
from .layers import build_layers
from .proving import prove_wasm
from .sandboxed import open_upstreams, open_wasm, wasm_off
from .state import State, open_state
from .workshop import Workshop, builtin_specs, open_workshop

__all__ = [
    "Desks",
    "Dispatching",
    "KeyedFiles",
    "State",
    "WithOne",
    "Workshop",
    "build_layers",
    "builtin_specs",
    "desks_of",
    "ground_of",
    "open_state",
    "open_upstreams",
    "open_wasm",
    "open_webhook",
    "open_workshop",
    "output_mismatch",
    "prove_wasm",
    "shared_artifacts",
    "wasm_off",
]
