"""Our MCP server over stdio as a process, with one tool that says back what it is told. Used by the tests beside it."""

import asyncio
import sys

from holdfast.contracts import Principal, Scope, Status, TenantId, ToolName, ToolResult, ToolSpec
from holdfast.contracts.limits import BUILTIN
from holdfast.contracts.specs import Builtin
from holdfast.server.mcp import Endpoint, run_stdio

SPEC = ToolSpec(
    name=ToolName("echo"),
    description="says it back",
    input_schema={"type": "object"},
    effects=frozenset(),
    runtime=Builtin(),
    limits=BUILTIN,
)


class Echo:
    def visible(self, _principal, /):
        return [SPEC]

    async def execute(self, call, principal, /):
        print("a stray line on standard output", flush=True)
        print("another that waits in its buffer")
        text = f"{principal.subject}: {call.arguments.get('text')}"
        return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output=text)


async def main() -> None:
    principal = Principal(subject="operator", tenant=TenantId("local"), scopes=frozenset({Scope.CALL}))
    await run_stdio(Endpoint(Echo(), version="1", principal=principal))
    print("served", file=sys.stderr)


asyncio.run(main())
