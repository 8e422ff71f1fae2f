"""Makes an `Authorized`. Only `holdfast.safety.gate` may import this; import-linter holds that rule."""

from collections.abc import Mapping
from typing import Any

from .seal import Authorized


def mint(fields: Mapping[str, Any]) -> Authorized:
    """Build the witness from *fields*, one for each slot; without a `depth` the call came through a door."""
    witness = object.__new__(Authorized)
    for name in Authorized.__slots__:
        object.__setattr__(witness, name, fields.get(name, 0) if name == "depth" else fields[name])
    return witness
