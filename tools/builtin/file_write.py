"""`file_write`: makes or replaces one workspace file; never appends, renames or deletes."""

from typing import Final

from holdfast.contracts import (
    Authorized,
    Builtin,
    Completed,
    Effect,
    FlowSpec,
    Outcome,
    Text,
    ToolName,
    ToolSpec,
    Workspace,
)
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text
from .threads import off_loop

SPEC: Final = ToolSpec(
    name=ToolName("file_write"),
    title="Write a file",
    description=(
        "Makes or replaces a file of the workspace with the given text, as UTF-8, and makes missing folders. The whole "
        "file is replaced at once; a link is replaced, not followed. Names that other programs act on, such as "
        "`.git`, `.vscode` and shell start files, are refused."
    ),
    input_schema=strict_object(
        {
            "path": {"type": "string", "maxLength": 4096, "description": "The file, relative to the workspace root."},
            "content": {"type": "string", "description": "The whole new content."},
        },
        required=("path", "content"),
    ),
    effects=frozenset({Effect.WRITE}),
    flow=FlowSpec(writes=("{path}",)),
    runtime=Builtin(),
    limits=BUILTIN,
)


class FileWrite:
    """The `Handler` of `file_write`."""

    def __init__(self, workspace: Workspace) -> None:
        """Write to *workspace*."""
        self._workspace = workspace

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer the bytes written once they are on disk.

        A call that is stopped at its deadline may still be finished by the disk: the file is then the old one or the
        new one, never a mixture.
        """
        path, data = text(call, "path"), text(call, "content").encode("utf-8")
        written = await off_loop(lambda _ended: self._workspace.write(path, data))
        return Completed(content=(Text(text=f"wrote {written} bytes"),), structured={"bytes": written})
