"""`echo`: answers the text it is given; touches nothing else."""

from typing import Final

from holdfast.contracts import Authorized, Builtin, Completed, Outcome, Text, ToolName, ToolSpec
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text

SPEC: Final = ToolSpec(
    name=ToolName("echo"),
    title="Echo",
    description="Answers with the text it is given, unchanged. Useful to test the way to and through this server.",
    input_schema=strict_object(
        {"text": {"type": "string", "description": "What to answer with."}},
        required=("text",),
    ),
    effects=frozenset(),
    runtime=Builtin(),
    limits=BUILTIN,
)


async def echo(call: Authorized, /) -> Outcome:
    """The `Handler` of `echo`."""
    return Completed(content=(Text(text=text(call, "text")),))
