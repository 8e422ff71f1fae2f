"""Turns the answer of a component into content and a structured value. All of it is the guest's; nothing is trusted."""

from holdfast.contracts.errors import MalformedJson
from holdfast.contracts.json_values import Json, parse
from holdfast.contracts.limits import Usage
from holdfast.contracts.outcomes import Completed, Failed, Text

from ..frames import Reply

_SHOWN_BYTES = 400


def component_outcome(reply: Reply, *, usage: Usage, isolation: tuple[str, ...]) -> Completed | Failed:
    """The outcome of a function that returned: its answer is JSON, and a failure of its own is marked by an exit code.

    An answer that is one text is content and no structured value: quotes around it would only be in the way.
    """
    try:
        answer: Json = parse(reply.output)
    except MalformedJson:  # a worker writes JSON; what does not read as it is no worker's of ours, or nests too deep
        return Failed(
            code="wasm/not-json",
            message="the tool's answer is not JSON",
            detail=reply.output[:_SHOWN_BYTES].decode("utf-8", errors="replace"),
            usage=usage,
            isolation=isolation,
        )
    if isinstance(answer, str):
        said, structured = Text(text=answer), None
    else:
        said, structured = Text(text=reply.output.decode("utf-8"), media_type="application/json"), answer
    return Completed(
        content=(said,),
        structured=structured,
        is_error=reply.exit_code != 0,
        log=reply.log.decode("utf-8", errors="replace"),
        usage=usage,
        isolation=isolation,
    )
