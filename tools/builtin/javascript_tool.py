"""`javascript`: a program in a sealed interpreter, fresh for each call; it reads no file but those it is handed."""

from typing import Final

from holdfast.contracts import ANY_TOOL, Authorized, Builtin, Effect, Grants, Outcome, ToolName, ToolSpec, Workspace
from holdfast.contracts.limits import JAVASCRIPT

from .arguments import text
from .program_files import FLOW, ProgramRunner, handed_in, input_schema

_DESCRIPTION: Final = (
    "Runs a JavaScript program in a sealed interpreter (SpiderMonkey, without Node or a browser) and answers what it "
    "wrote to `console`, the value of its last statement if that is an expression (a promise is awaited), and any "
    "exception with its line. `await` works at the top. `input` is there as `input` and `input_data`. "
    "`files.read(name)`, `files.readBytes(name)` and `files.list()` read the files it is handed; files it makes with "
    "`files.write(name, text or bytes)` come back with the answer. Each call starts fresh: nothing is kept from one "
    "call to the next. There is no network, no other file, no environment, no process, no worker, no `require`, no "
    "`import`, no `Intl`. The clock is real, in UTC; `Math.random` and `crypto` are freshly seeded in every call. "
    "`tools.NAME({x: 1})` calls another tool that you may call, with its arguments by name, and answers its "
    "structured answer, with the text as `.text`, or else the text."
)

SPEC: Final = ToolSpec(
    name=ToolName("javascript"),
    title="Run JavaScript",
    description=_DESCRIPTION,
    input_schema=input_schema(
        code="The program. The value of its last statement is answered, if that is an expression.",
        given="Any JSON; the program finds it as `input`.",
    ),
    effects=frozenset({Effect.READ_PRIVATE}),
    flow=FLOW,
    runtime=Builtin(),
    limits=JAVASCRIPT,
    grants=Grants(tools=(ANY_TOOL,)),
)


class JavaScriptTool:
    """The `Handler` of `javascript`."""

    def __init__(self, runner: ProgramRunner, workspace: Workspace) -> None:
        """Run programs with *runner*, over files of *workspace*."""
        self._runner = runner
        self._workspace = workspace

    async def __call__(self, call: Authorized, /) -> Outcome:
        """Run the program of *call*. Raises as `handed_in` does."""
        return await self._runner.run(
            text(call, "code"),
            given=call.arguments.get("input"),
            files=await handed_in(call, self._workspace),
            tenant=call.principal.tenant,
            limits=call.limits,
            call=call,
        )
