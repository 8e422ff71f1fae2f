"""Resources, prompts, completion, subscriptions and the line back to a client, spoken to by the SDK in both eras."""

import asyncio
import contextlib
import json

import httpx2
import mcp.types as t
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import (
    Blob,
    Method,
    Offers,
    PromptArgument,
    PromptOffer,
    Reason,
    Refusal,
    Resource,
    ResourceOffer,
    Status,
    TemplateOffer,
    TenantId,
    Text,
    ToolName,
    ToolResult,
)
from holdfast.server.mcp import Endpoint, Listing, Lot
from holdfast.server.mcp.announcing import MAX_SUBSCRIPTIONS_EACH

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
MODERN = "2026-07-28"
FORM = {
    "mode": "form",
    "message": "your name?",
    "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
SAMPLE = {"messages": [{"role": "user", "content": {"type": "text", "text": "say"}}], "maxTokens": 5}


class Desk:
    """A service whose tools ask, tell and read; every text of what it reads is wrapped, as the dispatcher does."""

    def __init__(self, count=1):
        self.count = count
        self.calls = []
        self.ended = []
        self.one_ended = asyncio.Event()
        self.asked = asyncio.Event()

    def visible(self, _principal, /):
        return []

    def offers(self, _principal, /):
        return Offers(
            resources=tuple(ResourceOffer(uri=f"desk+file:///{n}", name=f"n{n}", size=3) for n in range(self.count)),
            templates=(TemplateOffer(uri_template="desk+file:///{name}", name="any"),),
            prompts=(
                PromptOffer(name="desk__greet", description="approved", arguments=(PromptArgument(name="who"),)),
                PromptOffer(name="desk__mute"),
            ),
        )

    def place(self, method, served, /):
        if method is Method.PROMPT and served in {"desk__greet", "desk__mute"}:
            return ToolName("desk__prompts__get"), served.removeprefix("desk__")
        if method is Method.RESOURCE and served.startswith("desk+file:///"):
            return ToolName("desk__resources__read"), served.removeprefix("desk+")
        if method is Method.COMPLETION and served in {"desk__greet", "desk+file:///{name}"}:
            return ToolName("desk__completion__complete"), served.removeprefix("desk__").removeprefix("desk+")
        return None

    async def execute(self, call, principal, /, *, line=None):
        self.calls.append((call.tool, dict(call.arguments), principal.subject))
        ended = "cancelled"
        try:
            try:
                result = await self._answered(call, line)
            except Refusal as refused:
                result = self._result(call, Status.DENIED, reason=refused.reason)
            ended = result.status.value if result.reason is None else result.reason.code
            return result
        finally:
            self.ended.append(ended)
            self.one_ended.set()

    async def _answered(self, call, line):
        match call.tool:
            case "desk__resources__read":
                return self._read(call)
            case "desk__prompts__get":
                blocks = (Text(text="hi"), Resource(uri="desk+file:///a", body=Text(text="inside")))
                roles = {"description": "not approved", "roles": ["user", "assistant"]}
                return self._result(call, Status.OK, content=blocks, structured=roles)
            case "desk__completion__complete":
                values = [f"{call.arguments['value']}{n}" for n in range(150)]
                return self._result(call, Status.OK, structured={"values": values, "total": 150, "hasMore": True})
            case "tell":
                for done in (1, 2):
                    await line.progress(done, 2, f"step {done}")
                for level in ("debug", "warning"):
                    await line.log(level, "desk", f"a {level}")
                return self._result(call, Status.OK, content=(Text(text="told"),))
        return await self._asked(call, line)

    async def _asked(self, call, line):
        match call.tool:
            case "ask":
                answer = await line.ask(Method.ELICITATION, FORM)
            case "ask_twice":
                first = await line.ask(Method.ELICITATION, FORM, key="first")
                answer = {"first": first, "second": await line.ask(Method.ELICITATION, FORM)}
            case "ask_many":
                asked = [
                    line.ask(Method.ELICITATION, FORM),
                    line.ask(Method.SAMPLING, SAMPLE),
                    line.ask(Method.ROOTS, {}),
                ]
                answer = {"all": list(await asyncio.gather(*asked))}
            case "ask_then_hang":
                answer = await line.ask(Method.ELICITATION, FORM)
                self.asked.set()
                await asyncio.Event().wait()
            case _:
                return self._result(
                    call, Status.DENIED, reason=Reason(code="tools/unknown", layer="tools", message="none")
                )
        return self._result(call, Status.OK, content=(Text(text=json.dumps(answer)),), structured=dict(answer))

    def _read(self, call):
        match call.arguments["uri"]:
            case "file:///denied":
                reason = Reason(code="policy/no", layer="policy", message="not you")
                return self._result(call, Status.DENIED, reason=reason)
            case "file:///gone":
                reason = Reason(code="upstreams/not-found", layer="upstreams", message="gone")
                return self._result(call, Status.ERROR, reason=reason)
            case uri:
                blocks = (
                    Resource(uri=f"desk+{uri}", body=Text(text="a document", media_type="text/markdown")),
                    Resource(uri=f"desk+{uri}", body=Blob(data=b"\x00", media_type="application/pdf")),
                )
                return self._result(call, Status.OK, content=blocks)

    @staticmethod
    def _result(call, status, *, content=(), **more):
        bodies = [block.body if isinstance(block, Resource) else block for block in content]
        texts = [body.text for body in bodies if isinstance(body, Text)]
        wrapped = tuple(f"<tool_output>{text}</tool_output>" for text in texts)
        output = f"<tool_output>{' '.join(texts)}</tool_output>"
        return ToolResult(
            call_id=call.id, tool=call.tool, status=status, output=output, content=content, texts=wrapped, **more
        )


@contextlib.asynccontextmanager
async def client(url, who="alice", **options):
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {who}"}, timeout=20, trust_env=False) as http,
        Client(streamable_http_client(url, http_client=http), cache=None, **options) as spoken,
    ):
        yield spoken


async def named(_ctx, _params):
    return t.ElicitResult(action="accept", content={"name": "ada"})


async def sampled(_ctx, _params):
    return t.CreateMessageResult(role="assistant", content=t.TextContent(text="said"), model="m")


async def rooted(_ctx):
    return t.ListRootsResult(roots=[])


# what is read


@ERAS
async def test_what_there_is_besides_tools_is_listed_and_read_in_envelopes(mcp_http, mode):
    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode=mode) as spoken:
        resources = (await spoken.list_resources()).resources
        templates = (await spoken.list_resource_templates()).resource_templates
        prompts = (await spoken.list_prompts()).prompts
        read = await spoken.read_resource("desk+file:///0")
        prompt = await spoken.get_prompt("desk__greet", {"who": "ada"})

    assert [(one.uri, one.size) for one in resources] == [("desk+file:///0", 3)]
    assert [one.uri_template for one in templates] == ["desk+file:///{name}"]
    assert [one.name for one in prompts] == ["desk__greet", "desk__mute"]
    assert prompts[0].arguments[0].name == "who"
    assert [one.uri for one in read.contents] == ["desk+file:///0", "desk+file:///0"]
    assert read.contents[0].text == "<tool_output>a document</tool_output>"
    assert read.contents[0].mime_type == "text/markdown"
    assert read.contents[1].blob == "AA=="
    assert [one.role for one in prompt.messages] == ["user", "assistant"]
    assert prompt.messages[0].content.text == "<tool_output>hi</tool_output>"
    assert prompt.messages[1].content.resource.text == "<tool_output>inside</tool_output>"
    assert prompt.description == "approved", "what nobody approved is not said"


async def test_a_listing_of_what_there_is_is_for_its_caller_alone_and_for_now(mcp_http):
    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode=MODERN) as spoken:
        listings = [
            await spoken.list_resources(),
            await spoken.list_resource_templates(),
            await spoken.list_prompts(),
            await spoken.read_resource("desk+file:///0"),
        ]

    assert {(one.ttl_ms, one.cache_scope) for one in listings} == {(0, "private")}


@pytest.mark.parametrize(("mode", "code"), [(MODERN, -32602), ("legacy", -32002)])
async def test_what_is_not_there_and_what_its_server_has_no_more_read_alike(mcp_http, mode, code):
    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode=mode) as spoken:
        for uri in ("other+file:///0", "desk+file:///gone"):
            with pytest.raises(MCPError, match="no such resource") as caught:
                await spoken.read_resource(uri)
            assert caught.value.code == code
            assert caught.value.error.data["uri"] == uri
        with pytest.raises(MCPError) as prompt:
            await spoken.get_prompt("desk__none")

    assert prompt.value.code == -32602


@ERAS
async def test_a_read_that_is_denied_is_an_error_of_ours_with_its_words_in_the_envelope(mcp_http, mode):
    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode=mode) as spoken:
        with pytest.raises(MCPError) as caught:
            await spoken.read_resource("desk+file:///denied")

    assert caught.value.code == -31000
    assert caught.value.message == "denied: policy/no"
    assert caught.value.error.data["dev.holdfast/output"].startswith("<tool_output>")


@ERAS
async def test_a_completion_is_a_call_and_never_more_than_mcp_takes(mcp_http, mode):
    desk = Desk()
    greet, mute = t.PromptReference(name="desk__greet"), t.PromptReference(name="desk__mute")
    async with mcp_http(desk) as (_endpoint, url), client(url, mode=mode) as spoken:
        known = await spoken.complete(greet, {"name": "who", "value": "a"}, context_arguments={"x": "y"})
        template = t.ResourceTemplateReference(uri="desk+file:///{name}")
        await spoken.complete(template, {"name": "name", "value": "b"})
        silent = await spoken.complete(mute, {"name": "who", "value": "a"})
        with pytest.raises(MCPError):
            await spoken.complete(t.PromptReference(name="none"), {"name": "who", "value": "a"})

    assert len(known.completion.values) == 100
    assert known.completion.total == 150
    assert silent.completion.values == []
    context = {"kind": "prompt", "ref": "greet", "argument": "who", "value": "a", "context": {"x": "y"}}
    assert [call[1] for call in desk.calls] == [
        context,
        {"kind": "resource", "ref": "file:///{name}", "argument": "name", "value": "b"},
    ]


@ERAS
async def test_a_long_listing_comes_in_pages_and_only_our_cursors_are_taken(mcp_http, mode):
    desk = Desk(count=450)
    seen, cursor, pages = [], None, 0
    async with mcp_http(desk) as (_endpoint, url), client(url, mode=mode) as spoken:
        while pages == 0 or cursor:
            listing = await spoken.list_resources(cursor=cursor)
            seen += [one.uri for one in listing.resources]
            cursor, pages = listing.next_cursor, pages + 1
        for wrong in ("x", "!!", "", "YQ==", "a" * 10_000):
            with pytest.raises(MCPError, match="cursor") as caught:
                await spoken.list_resources(cursor=wrong)
            assert caught.value.code == -32602

    assert pages == 3
    assert seen == [one.uri for one in desk.offers(None).resources]


# what a running call tells


@ERAS
async def test_progress_reaches_who_asked_for_it(mcp_http, mode):
    told = []

    async def hear(done, total, message):
        told.append((done, total, message))

    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode=mode) as spoken:
        await spoken.call_tool("tell", progress_callback=hear)

    assert told == [(1, 2, "step 1"), (2, 2, "step 2")]


@pytest.mark.parametrize(
    ("level", "heard"), [(None, ["warning"]), ("debug", ["debug", "warning"]), ("error", []), ("warning", ["warning"])]
)
async def test_logs_of_the_handshake_era_follow_the_level_of_the_session(mcp_http, level, heard):
    logs = []

    async def hear(params):
        logs.append(params.level)

    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode="legacy", logging_callback=hear) as spoken:
        if level is not None:
            with pytest.warns(match="deprecated"):
                await spoken.set_logging_level(level)
        await spoken.call_tool("tell")

    assert logs == heard


@pytest.mark.parametrize(("level", "heard"), [(None, []), ("debug", ["debug", "warning"]), ("warning", ["warning"])])
async def test_logs_of_2026_07_28_are_for_requests_that_ask_for_them(mcp_http, level, heard):
    logs = []

    async def hear(params):
        logs.append(params.level)

    meta = {} if level is None else {"io.modelcontextprotocol/logLevel": level}
    async with mcp_http(Desk()) as (_endpoint, url), client(url, mode=MODERN, logging_callback=hear) as spoken:
        await spoken.call_tool("tell", meta=meta)

    assert logs == heard


# what a running call asks


@ERAS
@pytest.mark.parametrize("tool", ["ask", "ask_twice", "ask_many"])
async def test_a_call_asks_its_client_and_goes_on_with_the_answer(mcp_http, mode, tool):
    options = {"elicitation_callback": named, "sampling_callback": sampled, "list_roots_callback": rooted}
    desk = Desk()
    async with mcp_http(desk) as (_endpoint, url), client(url, mode=mode, **options) as spoken:
        result = await spoken.call_tool(tool)

    assert not result.is_error
    assert '\\"ada\\"' in json.dumps(result.content[0].text)
    assert len(desk.calls) == 1, "it is one call, however often the client came back"


async def test_what_the_client_did_not_declare_is_not_asked(mcp_http):
    async with mcp_http(Desk()) as (_endpoint, url):
        async with client(url, mode=MODERN) as spoken:
            with pytest.raises(MCPError) as modern:
                await spoken.call_tool("ask")
        async with client(url, mode=MODERN, sampling_callback=sampled) as spoken:
            with pytest.raises(MCPError) as other:
                await spoken.call_tool("ask")
        async with client(url, mode="legacy") as spoken:
            legacy = await spoken.call_tool("ask")

    assert modern.value.code == other.value.code == -32021
    assert modern.value.error.data == {"requiredCapabilities": {"elicitation": {"form": {}}}}
    assert legacy.is_error
    assert legacy.meta["dev.holdfast/result"]["reason"] == "mcp/needs-elicitation"


async def post(url, who, name="ask", request=1, **more):
    """One raw request of 2026-07-28."""
    version = "io.modelcontextprotocol/protocolVersion"
    caps = {"elicitation": {"form": {}}, "roots": {}, "sampling": {}}
    meta = {version: MODERN, "io.modelcontextprotocol/clientCapabilities": caps}
    params = {"name": name, "arguments": {}, "_meta": meta, **more}
    headers = {
        "authorization": f"Bearer {who}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN,
        "mcp-method": "tools/call",
        "mcp-name": name,
    }
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        body = {"jsonrpc": "2.0", "id": request, "method": "tools/call", "params": params}
        return (await http.post(url, json=body, headers=headers)).json()


ACCEPTED = {"action": "accept", "content": {"name": "ada"}}


async def test_a_parked_call_is_found_once_by_its_principal_for_its_request_alone(mcp_http):
    desk = Desk()
    async with mcp_http(desk) as (_endpoint, url):
        asked = (await post(url, "alice"))["result"]
        state, key = asked["requestState"], next(iter(asked["inputRequests"]))
        answer = {"inputResponses": {key: ACCEPTED}}
        refused = [
            await post(url, "bob", requestState=state, **answer),
            await post(url, "alice", requestState=state[:-1] + ("A" if state[-1] != "A" else "B"), **answer),
            await post(url, "alice", requestState=state, arguments={"more": 1}, **answer),
            await post(url, "alice", "ask_twice", requestState=state, **answer),
        ]
        found = await post(url, "alice", requestState=state, **answer)
        again = await post(url, "alice", requestState=state, **answer)

    assert found["result"]["resultType"] == "complete"
    assert {one["error"]["code"] for one in (*refused, again)} == {-32602}
    assert len({one["error"]["message"] for one in (*refused, again)}) == 1
    assert len(desk.calls) == 1, "what was refused began nothing"


async def test_an_answer_that_is_missing_is_asked_for_again_under_another_word(mcp_http):
    async with mcp_http(Desk()) as (_endpoint, url):
        first = (await post(url, "alice"))["result"]
        other = {"inputResponses": {"somebody_else": ACCEPTED}}
        second = (await post(url, "alice", requestState=first["requestState"], **other))["result"]
        wrong = {"inputResponses": {next(iter(second["inputRequests"])): {"roots": []}}}
        third = (await post(url, "alice", requestState=second["requestState"], **wrong))["result"]

    assert first["inputRequests"] == second["inputRequests"] == third["inputRequests"]
    assert len({one["requestState"] for one in (first, second, third)}) == 3


async def test_an_answer_that_comes_along_is_taken_once_and_only_under_the_question_s_own_name(mcp_http):
    ahead = {"inputResponses": {"first": ACCEPTED, "q1": ACCEPTED, "q2": ACCEPTED}}
    async with mcp_http(Desk()) as (_endpoint, url):
        named_one = (await post(url, "alice", "ask_twice", **ahead))["result"]
        nameless = (await post(url, "alice", "ask", **ahead))["result"]

    assert named_one["resultType"] == nameless["resultType"] == "input_required"
    assert len(named_one["inputRequests"]) == 1


async def test_questions_asked_at_once_reach_the_client_together(mcp_http):
    async with mcp_http(Desk(), lot=Lot(gather=5)) as (_endpoint, url):
        asked = (await post(url, "alice", "ask_many"))["result"]

    methods = [one["method"] for one in asked["inputRequests"].values()]
    assert methods == ["elicitation/create", "sampling/createMessage", "roots/list"]


async def test_a_parked_call_that_nobody_comes_back_for_is_cancelled(mcp_http):
    desk = Desk()
    async with mcp_http(desk, lot=Lot(seconds=0.05)) as (_endpoint, url):
        state = (await post(url, "alice"))["result"]["requestState"]
        async with asyncio.timeout(10):
            await desk.one_ended.wait()
        late = await post(url, "alice", requestState=state, inputResponses={"q1": ACCEPTED})

    assert desk.ended == ["cancelled"]
    assert late["error"]["code"] == -32602


async def test_without_room_to_wait_a_call_is_told_that_nobody_answers(mcp_http):
    desk = Desk()
    async with mcp_http(desk, lot=Lot(most=3, most_each=2)) as (_endpoint, url):
        for _ in range(2):
            assert (await post(url, "alice"))["result"]["resultType"] == "input_required"
        full = (await post(url, "alice"))["result"]
        assert (await post(url, "bob"))["result"]["resultType"] == "input_required"
        full_of_all = (await post(url, "bob"))["result"]

    assert full["isError"] is full_of_all["isError"] is True
    assert desk.ended[:2] == ["mcp/no-room"] * 2


async def test_closing_cancels_what_is_parked_before_it_ends(mcp_http):
    desk = Desk()
    async with mcp_http(desk) as (_endpoint, url):
        await post(url, "alice")

    assert desk.ended == ["cancelled"]


async def test_giving_up_the_request_that_took_a_call_up_again_cancels_the_call(mcp_http):
    desk = Desk()
    async with mcp_http(desk) as (_endpoint, url):
        asked = (await post(url, "alice", "ask_then_hang"))["result"]
        again = asyncio.create_task(
            post(
                url,
                "alice",
                "ask_then_hang",
                requestState=asked["requestState"],
                inputResponses={next(iter(asked["inputRequests"])): ACCEPTED},
            )
        )
        await desk.asked.wait()
        again.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await again
        async with asyncio.timeout(10):
            await desk.one_ended.wait()

    assert desk.ended == ["cancelled"]


# what changes


async def test_a_burst_of_changes_is_told_once_for_each_list_in_both_eras(mcp_http):
    pausing, gate, told, heard = asyncio.Event(), asyncio.Event(), [], asyncio.Event()

    async def pause():
        pausing.set()
        await gate.wait()

    async def hear(message):
        if isinstance(message, t.PromptListChangedNotification | t.ToolListChangedNotification):
            told.append(type(message).__name__)
            if len(told) == 2:
                heard.set()

    async with (
        mcp_http(Desk(), pause=pause) as (endpoint, url),
        client(url, mode=MODERN) as modern,
        client(url, mode="legacy", message_handler=hear) as legacy,
        modern.listen(prompts_list_changed=True, tools_list_changed=True) as events,
    ):
        await legacy.list_prompts()
        waiting = asyncio.create_task(endpoint.changed((Listing.PROMPTS,)))
        await pausing.wait()
        for _ in range(50):
            await endpoint.changed((Listing.PROMPTS, Listing.TOOLS))
        gate.set()
        await waiting
        async with asyncio.timeout(10):
            seen = [type(await anext(events)).__name__ for _ in range(2)]
            await heard.wait()
        await endpoint.updated("desk+file:///0")  # nobody subscribed to it
        await legacy.list_prompts()

    assert seen == ["PromptsListChanged", "ToolsListChanged"]
    assert told == ["PromptListChangedNotification", "ToolListChangedNotification"]


@pytest.mark.filterwarnings("ignore:resources/.*subscribe is removed")
async def test_a_resource_that_somebody_watches_is_told_of_and_no_other(mcp_http):
    watched, told, heard, unwatched = [], [], asyncio.Event(), asyncio.Event()

    def watch(tenant, uris):
        assert tenant == "t"
        watched.append(uris)
        if not uris:
            unwatched.set()

    async def hear(message):
        if isinstance(message, t.ResourceUpdatedNotification):
            told.append(message.params.uri)
            heard.set()

    async with mcp_http(Desk(), watched=watch) as (endpoint, url):
        async with (
            client(url, mode=MODERN) as modern,
            client(url, mode="legacy", message_handler=hear) as legacy,
            modern.listen(resource_subscriptions=["desk+file:///1", "other+x:///"]) as events,
        ):
            await legacy.subscribe_resource("desk+file:///2")
            with pytest.raises(MCPError) as hidden:
                await legacy.subscribe_resource("other+x:///")
            for uri in ("desk+file:///3", "other+x:///", "desk+file:///1", "desk+file:///2"):
                await endpoint.updated(uri)
            async with asyncio.timeout(10):
                event = await anext(events)
                await heard.wait()
            await legacy.unsubscribe_resource("desk+file:///2")
        async with asyncio.timeout(10):
            await unwatched.wait()

    assert hidden.value.code == -32002
    assert event.uri == "desk+file:///1"
    assert told == ["desk+file:///2"]
    assert frozenset({"desk+file:///1", "desk+file:///2"}) in watched
    assert not any("other+x:///" in uris for uris in watched)


# who is outside


async def test_nothing_of_the_admin_plane_is_reachable_over_mcp(mcp_http):
    async with mcp_http(Desk()) as (endpoint, _url):
        served = set(endpoint.server._request_handlers)

    assert served == {
        "ping",
        "server/discover",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "resources/subscribe",
        "resources/unsubscribe",
        "subscriptions/listen",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "logging/setLevel",
    }


@ERAS
async def test_without_the_scope_to_call_nothing_is_listed_read_or_watched(people, mode):
    desk, carol = Desk(), people["carol"]
    async with Client(Endpoint(desk, version="1", principal=carol).server, mode=mode) as spoken:
        for asking in (
            spoken.list_tools(),
            spoken.list_resources(),
            spoken.list_resource_templates(),
            spoken.list_prompts(),
            spoken.read_resource("desk+file:///0"),
            spoken.get_prompt("desk__greet"),
            spoken.complete(t.PromptReference(name="desk__greet"), {"name": "who", "value": "a"}),
            spoken.call_tool("ask"),
        ):
            with pytest.raises(MCPError, match="scope"):
                await asking

    assert desk.calls == []


async def test_over_http_a_token_that_says_too_little_is_told_what_it_has_to_say(mcp_http):
    desk = Desk()
    headers = {"authorization": "Bearer carol", "accept": "application/json, text/event-stream"}
    async with mcp_http(desk) as (_endpoint, url), httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        answers = [
            await http.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method}, headers=headers)
            for method in ("initialize", "tools/list", "resources/read")
        ]

    assert [answer.status_code for answer in answers] == [403] * 3
    assert {answer.headers["www-authenticate"] for answer in answers} == {
        'Bearer error="insufficient_scope", scope="call"'
    }
    assert desk.calls == []


@pytest.mark.filterwarnings("ignore:resources/.*subscribe is removed")
async def test_an_update_of_one_tenant_is_told_to_clients_of_that_tenant_alone(mcp_http):
    told, heard = [], asyncio.Event()

    async def hear(message):
        if isinstance(message, t.ResourceUpdatedNotification):
            told.append(message.params.uri)
            heard.set()

    both = ["desk+file:///1", "desk+file:///2"]
    async with (
        mcp_http(Desk()) as (endpoint, url),
        client(url, mode=MODERN) as modern,
        client(url, mode="legacy", message_handler=hear) as legacy,
        modern.listen(resource_subscriptions=both) as events,
    ):
        for uri in both:
            await legacy.subscribe_resource(uri)
        await endpoint.updated(both[0], TenantId("another"))
        await endpoint.updated(both[1], TenantId("t"))
        async with asyncio.timeout(10):
            event = await anext(events)
            await heard.wait()

    assert event.uri == both[1]
    assert told == [both[1]]


async def test_streams_of_one_principal_leave_room_for_others(mcp_http):
    async with mcp_http(Desk()) as (_endpoint, url), contextlib.AsyncExitStack() as stack:
        alice = await stack.enter_async_context(client(url, mode=MODERN))
        for _ in range(MAX_SUBSCRIPTIONS_EACH):
            await stack.enter_async_context(alice.listen(tools_list_changed=True))
        with pytest.raises(MCPError):
            await stack.enter_async_context(alice.listen(tools_list_changed=True))
        bob = await stack.enter_async_context(client(url, who="bob", mode=MODERN))
        await stack.enter_async_context(bob.listen(tools_list_changed=True))
