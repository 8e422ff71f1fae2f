"""For any bytes in a host call, frames read back the same or raise FrameError, and the broker has an answer."""

import asyncio
import sys

from holdfast.contracts import (
    CallId,
    Digest,
    Grants,
    HttpGrant,
    Limits,
    Principal,
    Refusal,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolName,
    ToolSpec,
    Wasm,
)
from holdfast.contracts._mint import mint
from holdfast.sandbox.wasm import frames
from holdfast.sandbox.wasm.broker import NO_POWERS, CallBroker, payloads
from holdfast.sandbox.wasm.frames import HEAD, HOST_CODE, FrameError, HostCall

LIMITS = Limits(fuel=1, memory_bytes=1, wall_ms=1000, output_bytes=1, host_calls=10)
EVERYTHING = Grants(
    http=(HttpGrant(scheme="https", host="example.com", port=443, methods=frozenset({"GET", "POST"}), path="/"),),
    workspace_read=(".",),
    workspace_write=(".",),
    kv=True,
    tools=("echo",),
    secret_exists=("github",),
)
TOOL = ToolSpec(
    name=ToolName("tool"),
    description="a tool that is granted everything, in a house that has nothing",
    input_schema={"type": "object"},
    effects=frozenset(),
    runtime=Wasm(module=Digest.of(b""), abi="component"),
    limits=LIMITS,
    grants=EVERYTHING,
)
CALL = mint(
    {
        "call_id": CallId("c"),
        "spec": TOOL,
        "arguments": {},
        "principal": Principal(subject="someone", tenant=TenantId("t"), scopes=frozenset({Scope.CALL})),
        "session": Session(id=SessionId("s"), principal="someone", tenant=TenantId("t"), labels=frozenset()),
        "limits": LIMITS,
    }
)
KEYS = frozenset({"a", "b", "c", "d"})


def check(data: bytes) -> None:
    try:
        call = frames.read_host_call(data)
    except FrameError:
        pass
    else:
        assert frames.is_host_call(data)
        assert frames.host_call_frame(call)[HEAD.size :] == data
    try:
        answer = frames.read_host_answer(data)
    except FrameError:
        pass
    else:
        assert frames.host_answer_frame(answer)[HEAD.size :] == data
    _payload(data)
    name, _, payload = data.partition(b"\n")
    asyncio.run(_brokered(HostCall(name=name.decode("latin-1"), payload=payload)))


def _payload(data: bytes) -> None:
    try:
        said = payloads.read(data, frozenset(), KEYS)
    except Refusal as refusal:
        _ours(refusal)
        return
    for name in said:
        for take in (payloads.text, payloads.data, payloads.table, payloads.pairs):
            try:
                take(said, name)
            except Refusal as refusal:
                _ours(refusal)


def _ours(refusal: Refusal) -> None:
    assert refusal.reason.code == "host/payload"


async def _brokered(call: HostCall) -> None:
    answer = await CallBroker(CALL, NO_POWERS)(call)
    assert answer.ok or HOST_CODE.fullmatch(answer.code)
    assert answer.payload.isascii() or not answer.ok


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
