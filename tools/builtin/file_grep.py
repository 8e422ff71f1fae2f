"""`file_grep`: lines of workspace files that match a pattern, in linear time; never a pattern that backtracks."""

from typing import Final

from holdfast.contracts import (
    Authorized,
    Builtin,
    Completed,
    Content,
    Effect,
    FlowSpec,
    Json,
    Outcome,
    Scrubber,
    Text,
    ToolName,
    ToolSpec,
    Workspace,
)
from holdfast.contracts.limits import BUILTIN

from .arguments import strict_object, text, text_or, whole_or
from .printable import on_one_line
from .searching import Match, Search, compiled
from .threads import off_loop

_MOST: Final = 1000
_WHEN_ABSENT: Final = 100

SPEC: Final = ToolSpec(
    name=ToolName("file_grep"),
    title="Search in files",
    description=(
        "Searches the text files of a workspace folder, or one file, line by line with an RE2 regular expression (no "
        "back-references, no look-around) and answers `path:line:text`. `.git` folders, links, files over 4 MiB and "
        "files that are not text are passed over and counted."
    ),
    input_schema=strict_object(
        {
            "pattern": {
                "type": "string",
                "minLength": 1,
                "maxLength": 500,
                "description": "RE2 regular expression; begin with `(?i)` to ignore case.",
            },
            "path": {
                "type": "string",
                "maxLength": 4096,
                "description": "Folder or file, relative to the workspace root; the root itself if absent.",
            },
            "limit": {
                "type": "integer",
                "minimum": 1,
                "maximum": _MOST,
                "description": f"Lines to answer at most; {_WHEN_ABSENT} if absent.",
            },
        },
        required=("pattern",),
    ),
    effects=frozenset({Effect.READ_PRIVATE}),
    flow=FlowSpec(reads=("{result.matches.path}",)),
    runtime=Builtin(),
    limits=BUILTIN,
)


class FileGrep:
    """The `Handler` of `file_grep`."""

    def __init__(self, workspace: Workspace, scrubber: Scrubber) -> None:
        """Search in *workspace*; *scrubber* sees to it that no line shown is part of a secret."""
        self._workspace = workspace
        self._scrubber = scrubber

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Answer one line a match; a second block says what was left out."""
        pattern = compiled(text(call, "pattern"))
        path, limit = text_or(call, "path", "."), max(1, min(whole_or(call, "limit", _WHEN_ABSENT), _MOST))
        search = await off_loop(
            lambda ended: Search(
                workspace=self._workspace, scrubber=self._scrubber, pattern=pattern, limit=limit, ended=ended
            ).under(path)
        )
        return _answer(search)


def _answer(search: Search) -> Outcome:
    content: tuple[Content, ...] = (Text(text="\n".join(map(_line, search.matches)) or "(no match)"),)
    if search.cut or search.passed_over:
        content += (Text(text=_left_out(search)),)
    return Completed(
        content=content,
        structured={
            "matches": [_fields(match) for match in search.matches],
            "files": search.files,
            "passed_over": search.passed_over,
            "cut": search.cut,
        },
    )


def _left_out(search: Search) -> str:
    cut = "; there may be more matches, search a smaller folder" if search.cut else ""
    return f"[{search.passed_over} files passed over{cut}]"


def _line(match: Match) -> str:
    return f"{on_one_line(match.path)}:{match.line}:{match.text}"


def _fields(match: Match) -> dict[str, Json]:
    return {"path": match.path, "line": match.line, "text": match.text}
