"""`output_read`: what a cut left out of an earlier answer, to whoever got that answer; never to anybody else."""

from collections.abc import Iterator
from threading import Event
from typing import Final

from holdfast.contracts import (
    Authorized,
    Builtin,
    CallId,
    Completed,
    Content,
    NotFound,
    Outcome,
    Outputs,
    Text,
    ToolName,
    ToolSpec,
)
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text, text_or, whole_or
from .threads import off_loop

_MOST: Final = 100_000
_WHEN_ABSENT: Final = 50_000

SPEC: Final = ToolSpec(
    name=ToolName("output_read"),
    title="Read on in an earlier output",
    description=(
        "Reads the output of an earlier call of this session that was too long to be answered whole, from `offset`. "
        "With `query`, only the lines that contain that text, each with its number."
    ),
    input_schema=strict_object(
        {
            "call_id": {"type": "string", "maxLength": 128, "description": "The id of the earlier call."},
            "offset": {"type": "integer", "minimum": 0, "description": "Character to begin at; 0 if absent."},
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": _MOST,
                "description": f"Characters to answer at most; {_WHEN_ABSENT} if absent.",
            },
            "query": {
                "type": "string",
                "minLength": 1,
                "maxLength": 1000,
                "description": "Plain text to look for, in any case; offsets then count in what is found.",
            },
        },
        required=("call_id",),
    ),
    # An earlier output may have been anything, so this is labelled as the worst of them.
    effects=frozenset(),
    runtime=Builtin(),
    limits=BUILTIN,
)


class OutputRead:
    """The `Handler` of `output_read`."""

    def __init__(self, outputs: Outputs) -> None:
        """Read from *outputs*, which knows whose each output is."""
        self._outputs = outputs

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer a piece. Another's call id is answered exactly like one that never was."""
        kept = self._outputs.kept(CallId(text(call, "call_id")), call.principal, call.session)
        if kept is None:
            raise NotFound("`call_id` names no kept output of this session; outputs are kept for a while only")
        query = text_or(call, "query", "")
        if query:
            whole = kept
            kept = await off_loop(lambda ended: "\n".join(_matching(whole, query.casefold(), ended)))
        return _piece(kept, whole_or(call, "offset", 0), min(whole_or(call, "limit", _WHEN_ABSENT), _MOST))


def _matching(whole: str, query: str, ended: Event) -> Iterator[str]:
    for number, line in enumerate(whole.split("\n"), 1):
        if ended.is_set():
            return
        if query in line.casefold():
            yield f"{number}:{line}"


def _piece(kept: str, offset: int, limit: int) -> Outcome:
    piece = kept[offset : offset + limit]
    following = offset + len(piece)
    content: tuple[Content, ...] = (Text(text=piece),)
    more = piece != "" and following < len(kept)
    if more:
        content += (Text(text=f"[{len(kept) - following} characters more; read on with offset {following}]"),)
    return Completed(
        content=content,
        structured={"characters": len(kept), "next_offset": following if more else None},
    )
