"""Calls of other tools, through the whole procedure: as the caller, in its session, one deeper, and asking nobody."""

from holdfast.contracts import ANY_TOOL, MOST_NESTED, TOOL_NAME, Json, Text, ToolName, ToolResult

from . import payloads
from .call import Brokered
from .refusals import absent, malformed, not_granted, over


async def tool_invoke(brokered: Brokered, payload: bytes, /) -> dict[str, Json]:
    """Call a tool that the manifest names."""
    said = payloads.read(payload, frozenset({"name", "arguments"}))
    name, arguments = payloads.text(said, "name"), payloads.table(said, "arguments")
    if not {name, ANY_TOOL} & set(brokered.call.spec.grants.tools):
        raise not_granted("`grants.tools` does not name that tool")
    if not TOOL_NAME.fullmatch(name):
        raise malformed("`name` is no name of a tool")
    if brokered.call.depth >= MOST_NESTED:
        raise over(f"calls are nested at most {MOST_NESTED} deep")
    brokered.count_invocation()
    invoke = brokered.powers.invoke
    if invoke is None:
        raise absent("way to call other tools")
    await brokered.labelling.invoking(brokered.call)
    async with brokered.learning():
        result = await invoke(brokered.call, ToolName(name), arguments, deadline_ms=brokered.remaining_ms)
    return _said(result)


def _said(result: ToolResult) -> dict[str, Json]:
    reason: Json = None
    if result.reason is not None:
        reason = {"code": result.reason.code, "message": result.reason.message}
    texts = [block.text for block in result.content if isinstance(block, Text)]
    return {
        "status": result.status.value,
        "structured": result.structured,
        "text": "\n".join(texts),
        "reason": reason,
    }
