"""What of a result stands in envelopes, for tools and for what hosts take apart."""

import time

import pytest

from holdfast.contracts import (
    AuditReceipt,
    CallId,
    Digest,
    Method,
    Resource,
    Status,
    Text,
    ToolName,
    ToolSpec,
    Upstream,
)
from holdfast.contracts.limits import UPSTREAM
from holdfast.server.dispatch import KeptOutputs, Wrapping
from holdfast.server.dispatch.endings import Ending
from holdfast.server.dispatch.trail import Trail

BLOCKS = (Text(text="one"), Resource(uri="s+x:///", body=Text(text="two")))
SCHEMA = {"type": "object", "required": ["n"]}


def wrapped(runtime, ending, schema=None):
    spec = ToolSpec(
        name=ToolName("x"),
        description="",
        input_schema={"type": "object"},
        output_schema=schema,
        effects=frozenset(),
        runtime=runtime,
        limits=UPSTREAM,
    )
    receipt = AuditReceipt(chain="c", seq=1, hash=Digest.of(b""))
    trail = Trail(
        call_id=CallId("c"),
        tool=ToolName("x"),
        intent=receipt,
        arguments=Digest.of(b""),
        started=time.monotonic(),
        spec=spec,
    )

    def mismatch(_schema, structured):
        return None if structured and "n" in structured else "it does not fit"

    # Nothing is cleaned here: that is another step.
    wrapping = Wrapping(None, lambda body, *_: f"<e>{body}</e>", KeptOutputs(), mismatch=mismatch)
    return wrapping.wrap(ending, trail)


def ending(**more):
    return Ending(status=Status.OK, body="one\ntwo", content=BLOCKS, **more)


def test_what_a_tool_says_stands_in_one_envelope():
    result = wrapped(Upstream("s", "x"), ending())

    assert result.output == "<e>one\ntwo</e>"
    assert result.texts == ()


@pytest.mark.parametrize("method", [Method.RESOURCE, Method.PROMPT, Method.COMPLETION])
def test_every_text_of_what_hosts_take_apart_stands_in_an_envelope_of_its_own(method):
    result = wrapped(Upstream("s", "", method), ending())

    assert result.texts == ("<e>one</e>", "<e>two</e>")


def test_a_cut_is_said_in_the_last_text():
    result = wrapped(Upstream("s", "", Method.RESOURCE), ending(cut="(more)"))

    assert result.texts == ("<e>one</e>", "<e>two\n(more)</e>")


@pytest.mark.parametrize("method", [Method.TOOL, Method.RESOURCE])
def test_an_envelope_that_the_operator_took_off_is_off_everywhere(method):
    result = wrapped(Upstream("s", "x", method, enveloped=False), ending())

    assert result.output == "one\ntwo"
    assert result.texts == ("one", "two")


@pytest.mark.parametrize(
    ("schema", "structured", "status", "fits"),
    [
        (SCHEMA, {"n": 1}, Status.OK, True),
        (SCHEMA, {"m": 1}, Status.OK, False),
        (SCHEMA, None, Status.OK, False),
        (SCHEMA, None, Status.ERROR, True),
        (None, None, Status.OK, True),
    ],
)
def test_a_success_says_whether_it_is_still_what_the_tool_promised(schema, structured, status, fits):
    ended = Ending(status=status, body="", structured=structured)

    assert wrapped(Upstream("s", "x"), ended, schema).fits is fits
