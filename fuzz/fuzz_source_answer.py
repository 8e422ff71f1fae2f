"""For any bytes as an interpreter's answer, the outcome and description of source have their shape, or are refused."""

import sys

from holdfast.contracts import Completed, Digest, Failed, OperatorError, Stopped
from holdfast.contracts.json_values import canonical
from holdfast.sandbox.wasm.frames import Ending, Reply
from holdfast.sandbox.wasm.interpreter.source_answers import MOST_TOOLS, outcome_of, report_of
from holdfast.sandbox.wasm.report import ModuleRefused, read_report, write_report
from holdfast.tools.drafting import Offered, draft
from holdfast.tools.manifest import load_manifest


def check(data: bytes) -> None:
    reply = Reply(
        ending=Ending.RETURNED, exit_code=0, fuel=1, memory_bytes=0, cpu_us=0, output=data, log=b"", detail=b""
    )
    outcome = outcome_of(reply, abi="python", wall_ms=1.0)
    assert isinstance(outcome, Completed | Stopped | Failed)
    assert outcome.isolation == ("wasm", "landlock", "seccomp")
    if isinstance(outcome, Completed):
        assert len(outcome.content) == 1
        assert outcome.is_error == (outcome.structured != {} and _is_error(data))
        canonical(outcome.structured)
    _described(reply)


def _is_error(data: bytes) -> bool:
    from holdfast.contracts.json_values import parse

    said = parse(data)
    return isinstance(said, dict) and "error" in said


def _described(reply: Reply) -> None:
    report, why = None, ""
    try:
        report = report_of(reply, b"source", abi="python")
    except ModuleRefused as refused:
        why = str(refused)
    assert why.isprintable()
    if report is None:
        return
    assert 1 <= len(report.offers) <= MOST_TOOLS
    assert read_report(write_report(report)) == report
    offered = [
        Offered(name=one.name, description=one.description, input_schema=one.input_schema) for one in report.offers
    ]
    try:
        manifest = load_manifest(draft(offered, file="f.py", digest=Digest.of(b"source")))
    except OperatorError:
        return
    assert manifest.effects == frozenset()
    assert [one.input_schema for one in manifest.operations] == [one.input_schema for one in report.offers]


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
