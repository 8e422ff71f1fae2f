"""`file_list`: the names in a workspace folder; never what is in the files."""

from typing import Final

from holdfast.contracts import (
    Authorized,
    Builtin,
    Completed,
    Content,
    Effect,
    Entry,
    FlowSpec,
    Json,
    Outcome,
    Text,
    ToolName,
    ToolSpec,
    Workspace,
)
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text_or, whole_or
from .printable import on_one_line
from .threads import off_loop

_MOST_LEVELS: Final = 16
_MOST_ENTRIES: Final = 2000

SPEC: Final = ToolSpec(
    name=ToolName("file_list"),
    title="List files",
    description=(
        f"Lists what is in a folder of the workspace, at most {_MOST_ENTRIES} entries: one line each with kind, size "
        "and path. Links are listed, not followed."
    ),
    input_schema=strict_object(
        {
            "path": {
                "type": "string",
                "maxLength": 4096,
                "description": "The folder, relative to the workspace root; the root itself if absent.",
            },
            "depth": {
                "type": "integer",
                "minimum": 1,
                "maximum": _MOST_LEVELS,
                "description": "Levels of folders to go down; 1 if absent.",
            },
        }
    ),
    effects=frozenset({Effect.READ_PRIVATE}),
    flow=FlowSpec(reads=("{result.entries.path}",)),
    runtime=Builtin(),
    limits=BUILTIN,
)


class FileList:
    """The `Handler` of `file_list`."""

    def __init__(self, workspace: Workspace) -> None:
        """List *workspace*."""
        self._workspace = workspace

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer one line an entry, and the entries as structured content."""
        path, depth = text_or(call, "path", "."), min(max(whole_or(call, "depth", 1), 1), _MOST_LEVELS)
        found, cut = await off_loop(lambda _ended: self._workspace.entries(path, depth=depth, limit=_MOST_ENTRIES))
        content: tuple[Content, ...] = (Text(text="\n".join(map(_line, found)) or "(empty)"),)
        if cut:
            content += (Text(text="[there is more; list a folder further down]"),)
        return Completed(content=content, structured={"entries": [_fields(entry) for entry in found], "cut": cut})


def _line(entry: Entry) -> str:
    name = on_one_line(entry.path)
    return f"{entry.kind:5} {entry.size:>10}  {name}" + ("/" if entry.kind == "dir" else "")


def _fields(entry: Entry) -> dict[str, Json]:
    return {"path": entry.path, "kind": entry.kind, "size": entry.size}
