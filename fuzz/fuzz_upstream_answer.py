"""For any bytes from an upstream, each message, event, list and result is taken in full or refused in words of ours."""

import sys

from holdfast.contracts import Completed, Failed, MalformedJson, Method, Outcome, Refused, Stopped, TooLarge
from holdfast.contracts.json_values import Json, canonical
from holdfast.contracts.limits import UPSTREAM
from holdfast.sandbox.mcp import UpstreamConfig, spec_of
from holdfast.sandbox.mcp.answers import Answered, read_message
from holdfast.sandbox.mcp.catalogue.definitions import read
from holdfast.sandbox.mcp.catalogue.names import hides
from holdfast.sandbox.mcp.content import Reading, outcome_of
from holdfast.sandbox.mcp.wire.events import EventLines

CONFIG = UpstreamConfig(name="fuzz", command=("x",))
KINDS = (Completed, Failed, Refused, Stopped)


def check(data: bytes) -> None:
    """Read *data* as one message, and as a stream of events."""
    _check_message(data)
    try:
        for event in EventLines().feed(data):
            _check_message(event)
    except TooLarge:
        return


def _check_message(data: bytes) -> None:
    try:
        message = read_message(data)
    except MalformedJson as error:
        _check_words(error.message)
        return
    if isinstance(message, Answered):
        outcome: Outcome = outcome_of(Method.TOOL, message.result, Reading(limits=UPSTREAM, isolation=()))
        assert isinstance(outcome, KINDS)
        _check_tools(message.result.get("tools"))


def _check_words(message: str) -> None:
    assert message
    assert message.isprintable()


def _check_tools(tools: Json) -> None:
    if not isinstance(tools, list):
        return
    listing = read(CONFIG, tools)
    assert len(listing.definitions) + len(listing.quarantined) <= len(tools)
    for definition in listing.definitions:
        spec = spec_of(definition, CONFIG)
        assert spec.name.startswith("fuzz__")
        assert not hides(spec.description)
        assert canonical(dict(spec.input_schema))


if __name__ == "__main__":
    import atheris
    from guiding import instrument_ours

    instrument_ours()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
