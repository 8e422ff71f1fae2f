"""For any bytes as a module, the scan answers a report within every cap, or refuses in ASCII; it always ends."""

import sys

from holdfast.sandbox.wasm import module_scan
from holdfast.sandbox.wasm.abi import RUNNABLE
from holdfast.sandbox.wasm.preview1 import SIGNATURES
from holdfast.sandbox.wasm.report import ModuleRefused, read_report, write_report


def check(data: bytes) -> None:
    try:
        report, said = module_scan.scan(data), ""
    except ModuleRefused as error:
        report, said = None, str(error)
    assert all(" " <= char <= "~" for char in said)
    if report is None:
        return
    assert data.startswith(b"\0asm\x01\0\0\0")
    assert report.abi in RUNNABLE
    assert report.functions <= module_scan.FUNCTIONS + module_scan.IMPORTS
    assert len(report.imports) <= module_scan.IMPORTS
    assert len(report.exports) <= module_scan.EXPORTS
    assert set(report.wasi) <= set(SIGNATURES)
    assert report.custom_bytes <= module_scan.CUSTOM_BYTES
    assert read_report(write_report(report)) == report


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
