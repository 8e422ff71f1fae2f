"""For any text in a near:agent function's arguments and any bytes from afar in its answer, the value has its type."""

import base64
import os
import sys

from holdfast.contracts.json_values import Json, canonical
from holdfast.sandbox.wasm.components.near_host import HOST, NearHost
from holdfast.sandbox.wasm.components.values import Some, read, write
from holdfast.sandbox.wasm.frames import HostAnswer, HostCall, host_answer_frame, read_host_call
from holdfast.sandbox.wasm.hostcalls import HostCalls
from holdfast.sandbox.wasm.pipes import read_frame

_MOST = 4096
"""Of each part: what is written ahead must fit into a pipe."""
_SAID_CAP = 2 << 20


def check(data: bytes) -> None:
    first, _, rest = data.partition(b"\x00")
    second, _, third = rest.partition(b"\x00")
    one, two = first[:_MOST].decode("utf-8", "replace"), second[:_MOST].decode("utf-8", "replace")
    far = third[:_MOST]
    text, encoded = far.decode("utf-8", "replace"), base64.b64encode(far).decode()
    _called("log", {}, "warn", one)
    _called("now-millis", {"ms": len(data)})
    _called("workspace-read", {"data": encoded}, one)
    fetched: Json = {"status": 100 + len(far) % 500, "headers": [[one, text], [text, two], [one, two]], "body": encoded}
    _called("http-request", fetched, one, two, two, Some(first[:_MOST]), Some(len(data)))
    _called("http-request", fetched, two, one, one, None, None)
    for said in (
        {"status": "ok", "text": text},
        {"status": "ok", "structured": [text]},
        {"status": "error", "text": text},
    ):
        _called("tool-invoke", said, one, two)
    _called("tool-invoke", {"status": "denied", "reason": {"message": text}}, one, two)
    _called("secret-exists", {"exists": len(data) % 2 == 0}, one)


def _called(name: str, said: Json, *arguments: object) -> None:
    for told in (HostAnswer(payload=canonical(said)), HostAnswer(code="host/limit", payload=b"too many")):
        if name == "now-millis" and not told.ok:
            continue  # its type has no refusal: the guest is stopped
        value, asked = _answered(told, name, arguments)
        shape = HOST[name].result
        if shape is None:
            assert value is None
        else:
            assert read(shape, write(shape, value)) == value
        assert asked is None or asked.name


def _answered(told: HostAnswer, name: str, arguments: tuple[object, ...]) -> tuple[object, HostCall | None]:
    """What *name* answers when it is *told* this, and what it asked for, if it asked."""
    ask, asked = os.pipe()
    answers, answer = os.pipe()
    try:
        os.write(answer, host_answer_frame(told))
        value = NearHost(HostCalls(answers, asked)).functions[name](*arguments)
        os.close(asked)
        asked = -1
        body = read_frame(ask, cap=_SAID_CAP)
        return value, None if body is None else read_host_call(body)
    finally:
        for descriptor in (ask, asked, answers, answer):
            if descriptor >= 0:
                os.close(descriptor)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
