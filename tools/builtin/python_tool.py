"""`python`: a program in a sealed interpreter, fresh for each call; it reads no file but those it is handed."""

from collections.abc import Sequence
from typing import Final

from holdfast.contracts import (
    ANY_TOOL,
    Authorized,
    Builtin,
    Effect,
    Grants,
    Outcome,
    ToolName,
    ToolSpec,
    Workspace,
)
from holdfast.contracts.limits import PYTHON

from .arguments import text
from .program_files import FLOW, ProgramRunner, handed_in, input_schema

_DESCRIPTION: Final = (
    "Runs a Python 3.14 program in a sealed interpreter and answers what it printed, the value of its last expression, "
    "and any exception with its line. `input` is there as `input_data`. `files` can be opened by their names with "
    "`open`; files the program writes come back with the answer. Each call starts fresh: nothing is kept from one call "
    "to the next, but with `session`. There is no network, no other file, no environment, no process and no thread, "
    "and nothing can be installed. Importable is most of the standard library ({modules}). The clock is real, in UTC; "
    "`random`, `secrets` and `uuid` are freshly seeded in every call; hashes of strings are the same in every call. "
    "`tools.NAME(x=1)` calls another tool that you may call, with its arguments by name, and answers its "
    "structured answer, with the text as `.text`, or else the text."
)


def spec(modules: Sequence[str]) -> ToolSpec:
    """The tool, over an interpreter that has *modules*."""
    shown = ", ".join(sorted({module.partition(".")[0] for module in modules}))
    return ToolSpec(
        name=ToolName("python"),
        title="Run Python",
        description=_DESCRIPTION.format(modules=shown),
        input_schema=input_schema(
            code="The program. The value of its last line is answered, if that is an expression.",
            given="Any JSON; the program finds it as `input_data`.",
            more={"session": {"type": "boolean", "description": _SESSION}},
        ),
        effects=frozenset({Effect.READ_PRIVATE}),
        flow=FLOW,
        runtime=Builtin(),
        limits=PYTHON,
        grants=Grants(tools=(ANY_TOOL,)),
    )


_SESSION: Final = (
    "Go on where your last program with `session` ended: its names and files are there. They stay until the session is "
    "idle, or one of its programs reaches a limit; then the next call says that they are lost, and runs nothing."
)


class PythonTool:
    """The `Handler` of `python`."""

    def __init__(self, runner: ProgramRunner, workspace: Workspace) -> None:
        """Run programs with *runner*, over files of *workspace*."""
        self._runner = runner
        self._workspace = workspace

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Run the program of *call*.

        Raises: InvalidRequest for files that cannot be handed in; Refusal when one lies outside the workspace.
        """
        files = await handed_in(call, self._workspace)
        return await self._runner.run(
            text(call, "code"),
            given=call.arguments.get("input"),
            files=files,
            tenant=call.principal.tenant,
            limits=call.limits,
            call=call,
            keep=call.arguments.get("session") is True,
        )
