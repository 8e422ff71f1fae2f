"""Our own MCP server with everything the suite asks for by name, behind the guard of the HTTP face; no upstream.

    python -m tests.conformance.own_server

What it offers is written here, on the port that the server of MCP is handed everywhere: `ToolService`.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from holdfast.contracts import (
    Blob,
    Content,
    Json,
    Line,
    Method,
    Offers,
    Principal,
    PromptArgument,
    PromptOffer,
    Reason,
    Refusal,
    Resource,
    ResourceOffer,
    Scope,
    Status,
    TemplateOffer,
    TenantId,
    Text,
    ToolCall,
    ToolName,
    ToolResult,
    ToolSpec,
    Unauthenticated,
    Upstream,
)
from holdfast.contracts.limits import UPSTREAM
from holdfast.server.http.guard import Guard
from holdfast.server.http.serving import Listen, bind, run, serve
from holdfast.server.http.surface import MCP_PATH, Surface, loopback_hosts
from holdfast.server.mcp import Endpoint, HttpEndpoint, Listing

TOKEN = "the-suite-comes-in-by-the-shim"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da63fcff1f0003030200ef9a23ce0000000049454e44ae426082"
)
WAV = bytes.fromhex("524946462600000057415645666d74201000000001000100401f0000803e00000200100064617461020000000000")

Answer = tuple[Sequence[Content], Json, bool]
Work = Callable[[Mapping[str, Any], Line], Awaitable[Answer]]


def says(*blocks: Content, structured: Json = None, is_error: bool = False) -> Answer:
    return blocks, structured, is_error


def text(said: str) -> Text:
    return Text(text=said)


def form(message: str, **properties: Json) -> dict[str, Json]:
    wanted: dict[str, Json] = {"type": "object", "properties": properties, "required": list(properties)}
    return {"mode": "form", "message": message, "requestedSchema": wanted}


NAME: dict[str, Json] = {"type": "string"}
SURE = {"ok": {"type": "boolean"}}


def sampled(prompt: str) -> dict[str, Json]:
    content: Json = {"type": "text", "text": prompt}
    return {"messages": [{"role": "user", "content": content}], "maxTokens": 100}


def answering(*blocks: Content, is_error: bool = False) -> Work:
    async def work(_arguments: Mapping[str, Any], _line: Line) -> Answer:
        return says(*blocks, is_error=is_error)

    return work


Question = tuple[Method, Mapping[str, Json], str | None]


def asking(*questions: Question) -> Work:
    """Asks all of *questions* at once, and says what came of them."""

    async def work(_arguments: Mapping[str, Any], line: Line) -> Answer:
        told = await asyncio.gather(*(line.ask(method, params, key=key) for method, params, key in questions))
        return says(text(" ".join(str(dict(one)) for one in told)))

    return work


def asking_in_turn(*questions: Question) -> Work:
    async def work(_arguments: Mapping[str, Any], line: Line) -> Answer:
        told = [await line.ask(method, params, key=key) for method, params, key in questions]
        return says(text(" ".join(str(dict(one)) for one in told)))

    return work


async def sampling(arguments: Mapping[str, Any], line: Line) -> Answer:
    return await asking((Method.SAMPLING, sampled(arguments["prompt"]), None))(arguments, line)


async def elicitation(arguments: Mapping[str, Any], line: Line) -> Answer:
    asked = form(arguments["message"], response={"type": "string"})
    return await asking((Method.ELICITATION, asked, None))(arguments, line)


async def logging(_arguments: Mapping[str, Any], line: Line) -> Answer:
    for step in ("started", "half way", "over"):
        await line.log("info", "conformance", f"the tool is {step}")
    return says(text("said so three times"))


async def progress(_arguments: Mapping[str, Any], line: Line) -> Answer:
    for done in (0, 50, 100):
        await line.progress(done, 100, f"{done} of 100")
    return says(text("done"))


async def capable(_arguments: Mapping[str, Any], line: Line) -> Answer:
    """Asks only what the client can be asked."""
    known = {Method.SAMPLING: sampled("say something"), Method.ELICITATION: form("your name?", name=NAME)}
    return await asking(*((method, params, None) for method, params in known.items() if method in line.answers))(
        {}, line
    )


ONE_OF: dict[str, Json] = {"oneOf": [{"const": "a", "title": "First"}, {"const": "b", "title": "Second"}]}
ANY_OF: dict[str, Json] = {"anyOf": [{"const": "a", "title": "First"}, {"const": "b", "title": "Second"}]}
DEFAULTS = form(
    "who are you?",
    name={"type": "string", "default": "John Doe"},
    age={"type": "integer", "default": 30},
    score={"type": "number", "default": 95.5},
    status={"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    verified={"type": "boolean", "default": True},
)
ENUMS = form(
    "which of these?",
    untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]},
    titledSingle={"type": "string", **ONE_OF},
    legacyEnum={"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
    untitledMulti={"type": "array", "items": {"type": "string", "enum": ["option1", "option2"]}},
    titledMulti={"type": "array", "items": ANY_OF},
)
ASK_NAME = (Method.ELICITATION, form("what is your name?", name=NAME), "user_name")
ASK_COLOUR = (Method.ELICITATION, form("which colour?", color=NAME), None)
ASK_SURE = (Method.ELICITATION, form("are you sure?", **SURE), None)
ASK_MODEL = (Method.SAMPLING, sampled("what is the capital of France?"), None)
ASK_ROOTS: Question = (Method.ROOTS, {}, None)
PICTURE = Blob(data=PNG, media_type="image/png")
DOCUMENT = Resource(uri="test://embedded-resource", body=text("an embedded document"))

TOOLS: Mapping[str, Work] = {
    "test_simple_text": answering(text("This is a simple text response for testing.")),
    "test_image_content": answering(PICTURE),
    "test_audio_content": answering(Blob(data=WAV, media_type="audio/wav")),
    "test_embedded_resource": answering(DOCUMENT),
    "test_multiple_content_types": answering(text("several kinds:"), PICTURE, DOCUMENT),
    "test_error_handling": answering(text("this tool fails whenever it is called"), is_error=True),
    "test_tool_with_logging": logging,
    "test_logging_tool": logging,
    "test_tool_with_progress": progress,
    "test_sampling": sampling,
    "test_elicitation": elicitation,
    "test_elicitation_sep1034_defaults": asking((Method.ELICITATION, DEFAULTS, None)),
    "test_elicitation_sep1330_enums": asking((Method.ELICITATION, ENUMS, None)),
    "test_missing_capability": asking(ASK_MODEL),
    "test_streaming_elicitation": asking(ASK_NAME),
    "test_input_required_result_elicitation": asking(ASK_NAME),
    "test_input_required_result_sampling": asking(ASK_MODEL),
    "test_input_required_result_list_roots": asking(ASK_ROOTS),
    "test_input_required_result_request_state": asking(ASK_SURE),
    "test_input_required_result_multiple_inputs": asking(ASK_NAME, ASK_MODEL, ASK_ROOTS),
    "test_input_required_result_multi_round": asking_in_turn(ASK_NAME, ASK_COLOUR),
    "test_input_required_result_tampered_state": asking(ASK_SURE),
    "test_input_required_result_capabilities": capable,
    "test_trigger_tool_change": answering(text("the tools changed")),
    "test_trigger_prompt_change": answering(text("the prompts changed")),
}
CHANGING = {
    "test_trigger_tool_change": Listing.TOOLS,
    "test_trigger_prompt_change": Listing.PROMPTS,
}
ARGUMENTS: Mapping[str, Mapping[str, Json]] = {
    "test_sampling": {"prompt": {"type": "string"}},
    "test_elicitation": {"message": {"type": "string"}},
}


async def read(arguments: Mapping[str, Any], _line: Line) -> Answer:
    uri = str(arguments["uri"])
    body = PICTURE if uri == "test://static-binary" else text(f"what {uri} holds: 123")
    return says(Resource(uri=uri, body=body))


async def prompted(arguments: Mapping[str, Any], line: Line) -> Answer:
    given = dict(arguments.get("arguments") or {})
    roles: Json = {"description": "for the suite", "roles": ["user"]}
    match arguments["name"]:
        case "test_prompt_with_arguments":
            said: Content = text(" ".join(map(str, given.values())))
        case "test_prompt_with_embedded_resource":
            said = Resource(uri=str(given["resourceUri"]), body=text("an embedded document"))
        case "test_prompt_with_image":
            said = PICTURE
        case "test_input_required_result_prompt":
            said = text(str(dict(await line.ask(Method.ELICITATION, form("in what context?", context=NAME)))))
        case _:
            said = text("This is a simple prompt for testing.")
    return says(said, structured=roles)


async def completed(_arguments: Mapping[str, Any], _line: Line) -> Answer:
    return says(structured={"values": ["paris", "park"], "total": 2, "hasMore": False})


RESERVED: Mapping[Method, Work] = {Method.RESOURCE: read, Method.PROMPT: prompted, Method.COMPLETION: completed}
RESOURCES = ("test://static-text", "test://static-binary", "test://watched-resource")
TEMPLATE = "test://template/{id}/data"
PROMPTS: Mapping[str, tuple[str, ...]] = {
    "test_simple_prompt": (),
    "test_prompt_with_arguments": ("arg1", "arg2"),
    "test_prompt_with_embedded_resource": ("resourceUri",),
    "test_prompt_with_image": (),
    "test_input_required_result_prompt": (),
}


def _reserved(method: Method) -> ToolName:
    return ToolName(method.value.replace("/", "__"))


def _spec(name: str) -> ToolSpec:
    wanted = ARGUMENTS.get(name, {})
    return ToolSpec(
        name=ToolName(name),
        description=f"{name}, for the suite",
        input_schema={"type": "object", "properties": dict(wanted), "required": list(wanted)},
        effects=frozenset(),
        runtime=Upstream(server="suite", tool=name),
        limits=UPSTREAM,
    )


class Offered:
    """All of the above as a `ToolService`."""

    def __init__(self) -> None:
        self.changed: Callable[[Listing], Awaitable[None]] | None = None
        self._specs = tuple(map(_spec, TOOLS))
        self._works = {ToolName(name): work for name, work in TOOLS.items()} | {
            _reserved(method): work for method, work in RESERVED.items()
        }

    def visible(self, _principal: Principal, /) -> Sequence[ToolSpec]:
        return self._specs

    def offers(self, _principal: Principal, /) -> Offers:
        return Offers(
            resources=tuple(ResourceOffer(uri=uri, name=uri.rpartition("/")[2]) for uri in RESOURCES),
            templates=(TemplateOffer(uri_template=TEMPLATE, name="template"),),
            prompts=tuple(
                PromptOffer(
                    name=name,
                    description=f"{name}, for the suite",
                    arguments=tuple(PromptArgument(name=one, required=True) for one in words),
                )
                for name, words in PROMPTS.items()
            ),
        )

    def place(self, method: Method, served: str, /) -> tuple[ToolName, str] | None:
        start, _, end = TEMPLATE.partition("{id}")
        known = served in {*RESOURCES, *PROMPTS, TEMPLATE} or (served.startswith(start) and served.endswith(end))
        return (_reserved(method), served) if known else None

    async def execute(self, call: ToolCall, _principal: Principal, /, *, line: Line | None = None) -> ToolResult:
        work = self._works.get(call.tool)
        if work is None:
            return _denied(call, Reason(code="tools/unknown", layer="tools", message="there is no such tool"))
        assert line is not None
        if call.tool in CHANGING and self.changed is not None:
            await self.changed(CHANGING[call.tool])
        try:
            blocks, structured, is_error = await work(call.arguments, line)
        except Refusal as refused:
            return _denied(call, refused.reason)
        return ToolResult(
            call_id=call.id,
            tool=call.tool,
            status=Status.ERROR if is_error else Status.OK,
            output=" ".join(block.text for block in blocks if isinstance(block, Text)),
            content=tuple(blocks),
            texts=tuple(_texts(blocks)),
            structured=structured,
        )


def _texts(blocks: Sequence[Content]) -> Iterator[str]:
    for block in blocks:
        body = block.body if isinstance(block, Resource) else block
        if isinstance(body, Text):
            yield body.text


def _denied(call: ToolCall, reason: Reason) -> ToolResult:
    return ToolResult(call_id=call.id, tool=call.tool, status=Status.DENIED, output=reason.message, reason=reason)


class OneToken:
    """Everybody who comes in by the shim is the suite."""

    def authenticate(self, token: str, /) -> Principal:
        if token != TOKEN:
            raise Unauthenticated("the token does not hold")
        return Principal(subject="suite", tenant=TenantId("suite"), scopes=frozenset({Scope.CALL}))

    def responded(self, _status: int, /) -> None: ...


async def main() -> None:
    listen = Listen(port=0)
    listening = bind(listen)
    port = listening.getsockname()[1]
    offered = Offered()
    face = Endpoint(offered, version="1")
    endpoint = HttpEndpoint(face)

    async def changed(listing: Listing) -> None:
        await face.changed((listing,))

    offered.changed = changed

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette):
        async with endpoint.running():
            yield

    door = OneToken()
    routed = Starlette(routes=[Route(MCP_PATH, endpoint=_Mounted(endpoint))], lifespan=lifespan)
    guarded = Guard(routed, surface=Surface(hosts=loopback_hosts(port)), authenticating=door, responses=door)
    await serve(guarded, listening, listen, started=lambda: print(f"listening on http://127.0.0.1:{port}", flush=True))


class _Mounted:
    """An ASGI application as an endpoint of its own: Starlette takes a plain function for a request handler."""

    def __init__(self, app: HttpEndpoint) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)


if __name__ == "__main__":
    sys.exit(run(main()))
