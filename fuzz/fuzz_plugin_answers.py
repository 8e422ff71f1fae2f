"""For any bytes as a plugin's answer or request, what is read is within every cap, or refused in words of ours."""

import sys

from holdfast.contracts import Completed, Failed, Refused, Stopped, Usage
from holdfast.contracts.json_values import canonical, parse
from holdfast.sandbox.wasm.extism.answers import (
    DESCRIPTION,
    SCHEMA_BYTES,
    SCHEMA_DEPTH,
    TOOLS,
    plugin_outcome,
    read_offers,
)
from holdfast.sandbox.wasm.extism.host import http_request
from holdfast.sandbox.wasm.frames import Ending, Reply
from holdfast.sandbox.wasm.report import ModuleRefused

USAGE = Usage(fuel=7)
KINDS = (b"", b"T", b"R", b"E")


def check(data: bytes) -> None:
    """Read *data* as a list of tools, as the result of a call in every kind, and as a request over HTTP."""
    for kind in KINDS:
        _check_listing(kind + data)
        _check_result(kind + data)
    asked = http_request(data, data)
    if asked is not None:
        assert set(parse(asked)) == {"method", "url", "headers", "body", "follow"}
        assert parse(asked)["follow"] is False


def _check_listing(output: bytes) -> None:
    try:
        offers = read_offers(output)
    except ModuleRefused as error:
        _check_words(str(error))
        return
    assert 0 < len(offers) <= TOOLS
    assert len({offer.name for offer in offers}) == len(offers)
    for offer in offers:
        assert len(offer.description) <= DESCRIPTION
        written = canonical(offer.input_schema)
        assert len(written) <= SCHEMA_BYTES
        assert parse(written, max_depth=SCHEMA_DEPTH) == offer.input_schema


def _check_words(message: str) -> None:
    assert message.isprintable()
    assert message.isascii()


def _check_result(output: bytes) -> None:
    reply = Reply(
        ending=Ending.RETURNED, exit_code=1, fuel=0, memory_bytes=0, cpu_us=0, output=output, log=output, detail=b""
    )
    outcome = plugin_outcome(reply, usage=USAGE, isolation=("wasm",))
    assert isinstance(outcome, Completed | Failed | Refused | Stopped)
    assert outcome.isolation == ("wasm",)
    assert outcome.usage == USAGE
    if isinstance(outcome, Completed):
        canonical(outcome.structured)
    if isinstance(outcome, Failed):
        assert outcome.message.isascii()


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
