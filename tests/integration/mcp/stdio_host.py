"""Our MCP server over stdio as a process, with one tool that says back what it is told. Used by the tests beside it."""

import asyncio
import sys

from holdfast.contracts import (
    Method,
    Offers,
    Principal,
    Resource,
    ResourceOffer,
    Scope,
    Status,
    TenantId,
    Text,
    ToolName,
    ToolResult,
    ToolSpec,
)
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

FORM = {"mode": "form", "message": "who?", "requestedSchema": {"type": "object", "properties": {}}}


class Echo:
    def visible(self, _principal, /):
        return [SPEC]

    def offers(self, _principal, /):
        return Offers(resources=(ResourceOffer(uri="memo://one", name="one"),))

    def place(self, method, served, /):
        known = method is Method.RESOURCE and served == "memo://one"
        return (ToolName("resources__read"), served) if known else None

    async def execute(self, call, principal, /, *, line=None):
        if call.tool == "resources__read":
            body = Resource(uri="memo://one", body=Text(text="raw"))
            return ToolResult(
                call_id=call.id, tool=call.tool, status=Status.OK, output="", content=(body,), texts=("<e>one</e>",)
            )
        if "ask" in call.arguments:
            await line.progress(1, 2, "asking")
            answer = await line.ask(Method.ELICITATION, FORM)
            return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output=str(answer["content"]))
        print("a stray line on standard output", flush=True)
        print("another that waits in its buffer")
        text = f"{principal.subject}: {call.arguments.get('text')}"
        return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output=text)


async def main() -> None:
    principal = Principal(subject="operator", tenant=TenantId("local"), scopes=frozenset({Scope.CALL}))
    await run_stdio(Endpoint(Echo(), version="1", principal=principal))
    print("served", file=sys.stderr)


asyncio.run(main())
