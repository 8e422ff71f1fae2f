"""For any bytes as a component, the survey answers within every cap, or refuses in ASCII; it always ends."""

import sys

from holdfast.sandbox.wasm import module_scan
from holdfast.sandbox.wasm.components import component_scan
from holdfast.sandbox.wasm.components.docs import DESCRIPTION_CHARACTERS, Docs
from holdfast.sandbox.wasm.report import ModuleRefused


def check(data: bytes) -> None:
    try:
        said, refusal = component_scan.survey(data), ""
    except ModuleRefused as error:
        said, refusal = None, str(error)
    assert all(" " <= char <= "~" for char in refusal)
    if said is None:
        return
    assert data.startswith(b"\0asm\x0d\0\x01\0")
    assert said.tally.instances <= component_scan.INSTANCES
    assert len(said.tally.memories) <= component_scan.MEMORIES
    assert len(said.tally.tables) <= module_scan.TABLES
    assert said.functions <= module_scan.FUNCTIONS
    assert said.custom_bytes <= component_scan.COMPONENT_CUSTOM_BYTES
    docs = Docs(said.docs)
    for name in said.exports:
        assert len(docs.of((name,))) <= DESCRIPTION_CHARACTERS
        assert len(docs.of((name, name))) <= DESCRIPTION_CHARACTERS


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
