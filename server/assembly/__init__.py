"""Builds the parts of a house from its settings. It starts nothing that `open_house` does not close."""

from ..keyed_files import KeyedFiles, shared_artifacts
from .building import build_desk_of
from .deciding import Desks, desks_of, judging_of, observing_in, open_webhook, policies_of
from .dispatching import Dispatching, WithOne, ground_of, output_mismatch
from .interpreting import add_javascript, add_python
from .isolating import isolation_of
from .layers import Cleaning, build_layers, open_cleaning
from .nesting import Nesting
from .proving import machine_proof, prove_wasm
from .sandboxed import open_upstreams, open_wasm, powers_of, talking_of, wasm_off
from .secrecy import Secrecy, secrecy_of
from .state import State, open_state
from .warming import open_warming
from .workshop import Workshop, builtin_specs, open_workshop

__all__ = [
    "Cleaning",
    "Desks",
    "Dispatching",
    "KeyedFiles",
    "Nesting",
    "Secrecy",
    "State",
    "WithOne",
    "Workshop",
    "add_javascript",
    "add_python",
    "build_desk_of",
    "build_layers",
    "builtin_specs",
    "desks_of",
    "ground_of",
    "isolation_of",
    "judging_of",
    "machine_proof",
    "observing_in",
    "open_cleaning",
    "open_state",
    "open_upstreams",
    "open_warming",
    "open_wasm",
    "open_webhook",
    "open_workshop",
    "output_mismatch",
    "policies_of",
    "powers_of",
    "prove_wasm",
    "secrecy_of",
    "shared_artifacts",
    "talking_of",
    "wasm_off",
]
