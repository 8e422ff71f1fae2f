"""What a server says and asks in the middle of a call, through a whole house: both eras on both sides."""

import asyncio
import contextlib
import json
from dataclasses import replace

import httpx2
import mcp.types as t
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import Label, Method, ToolCall, ToolName
from holdfast.server.config import load_settings
from holdfast.server.house import Opening, open_house
from holdfast.server.listening import Tools, endpoint_of
from holdfast.server.mcp import HttpEndpoint
from holdfast.server.verbs.calls import new_call_id

from .asking_server import SECRET, extra, server
from .conftest import ALICE, authenticated, serving

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning"),  # logs and sampling are; servers use them
]

BELOW = pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
ABOVE = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
ASKS = 'asks = ["elicitation", "sampling", "roots"]\nask_hosts = ["login.example.com"]'


class Person:
    """Answers whatever a client is asked, and remembers it."""

    def __init__(self, content=None, model="fine"):
        self.asked = []
        self.content = {"name": "Ada"} if content is None else content
        self.model = model
        self.progress = []
        self.logs = []

    async def elicit(self, _ctx, params):
        self.asked.append(params)
        if isinstance(params, t.ElicitRequestURLParams):
            return t.ElicitResult(action="accept")
        return t.ElicitResult(action="accept", content=self.content)

    async def sample(self, _ctx, params):
        self.asked.append(params)
        return t.CreateMessageResult(role="assistant", content=t.TextContent(text=self.model), model="m")

    async def roots(self, _ctx):
        self.asked.append("roots")
        return t.ListRootsResult(roots=[t.Root(uri="file:///work", name="work")])

    async def log(self, params):
        self.logs.append(params)

    async def told(self, done, total, message):
        self.progress.append((done, total, message))

    def callbacks(self):
        return {
            "elicitation_callback": self.elicit,
            "sampling_callback": self.sample,
            "list_roots_callback": self.roots,
            "logging_callback": self.log,
        }


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    """One house in front of the asking server, spoken to in either era, granted to ask or not."""
    folder = tmp_path_factory.mktemp("talking")
    app = server.streamable_http_app(streamable_http_path="/mcp")
    async with server.session_manager.run(), serving(app, lifespan="off") as url:
        file = folder / "holdfast.toml"
        rows = [
            row(f"{url}/mcp", "old", "2025-11-25", ASKS),
            row(f"{url}/mcp", "new", "2026-07-28", ASKS),
            row(f"{url}/mcp", "old-mute", "2025-11-25", ""),
            row(f"{url}/mcp", "new-mute", "2026-07-28", ""),
            row(f"{url}/mcp", "deep", "2026-07-28", ASKS, ', "read_private"'),
        ]
        file.write_text("".join(rows) + PRIVATE)
        async with open_house(load_settings(file), folder / "data", Opening(config=file)) as house:
            for name in house.upstreams.connections.names():
                await house.upstreams.approve(name, ())
            http = HttpEndpoint(endpoint_of(house))
            async with http.running(), serving(authenticated(http), lifespan="off") as address:
                yield house, f"{address}/mcp"


PRIVATE = """
[[labels]]
upstream = "new-mute"
tool = "resources/read"
is = ["private"]
"""


def row(url, name, era, grants, more=""):
    return f"""
[[upstreams]]
name = "{name}"
url = "{url}"
era = "{era}"
effects = ["read_untrusted", "egress"{more}]
{grants}
"""


@contextlib.asynccontextmanager
async def talking(address, mode, person, who="alice", **options):
    async with (
        httpx2.AsyncClient(headers={"authorization": f"Bearer {who}"}, timeout=30, trust_env=False) as http,
        Client(
            streamable_http_client(address, http_client=http),
            mode=mode,
            cache=None,
            **(person.callbacks() if person else {}),
            **options,
        ) as client,
    ):
        yield client


def of(era):
    """The upstream that is spoken to in *era*."""
    return {"2025-11-25": "old", "2026-07-28": "new"}[era]


def said(result):
    return "".join(block.text for block in result.content if isinstance(block, t.TextContent))


def records(house):
    """The record of the house, as text."""
    return "".join(file.read_text() for file in (house.data.root / "audit").rglob("*.jsonl"))


@BELOW
@ABOVE
async def test_a_question_of_a_server_reaches_the_client_and_its_answer_the_server(world, era, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        result = await client.call_tool(f"{of(era)}__name")

    assert "Ada" in said(result), said(result)
    assert not result.is_error
    asked = person.asked[0]
    assert asked.message.startswith(f"server `{of(era)}` asks: who are you?")
    assert SECRET not in asked.message


@BELOW
@ABOVE
async def test_a_model_is_asked_with_the_servers_name_and_folders_are_told(world, era, mode):
    person = Person(model="words of a model")
    async with talking(world[1], mode, person) as client:
        sampled = await client.call_tool(f"{of(era)}__model")
        folders = await client.call_tool(f"{of(era)}__folders")

    assert "words of a model" in said(sampled)
    assert "file:///work" in said(folders)
    assert person.asked[0].system_prompt.startswith(f"server `{of(era)}` asks: ")


@ABOVE
async def test_questions_of_one_round_are_all_asked_and_all_answered(world, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        result = await client.call_tool("new__both")

    assert said(result).count("Ada") == 2
    assert {one.message for one in person.asked} == {"server `new` asks: one", "server `new` asks: two"}


@BELOW
@ABOVE
@pytest.mark.parametrize("tool", ["pin", "elsewhere"])
async def test_no_secret_is_asked_for_and_no_page_of_a_strange_host_is_shown(world, era, mode, tool):
    person = Person()
    async with talking(world[1], mode, person) as client:
        result = await client.call_tool(f"{of(era)}__{tool}")

    assert person.asked == []
    assert result.is_error or "not answered" in said(result)


@BELOW
@ABOVE
async def test_a_page_of_a_named_host_is_shown(world, era, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        result = await client.call_tool(f"{of(era)}__page")

    assert [one.url for one in person.asked] == ["https://login.example.com/x"]
    assert "accept" in said(result)


@BELOW
@ABOVE
async def test_an_answer_with_a_secret_in_it_does_not_go_to_the_server(world, era, mode):
    person = Person(content={"name": SECRET})
    async with talking(world[1], mode, person) as client:
        result = await client.call_tool(f"{of(era)}__name")

    assert SECRET not in said(result)
    assert result.is_error or "not answered" in said(result)
    assert len(person.asked) == 1


@BELOW
@ABOVE
async def test_a_server_that_was_granted_nothing_asks_nobody(world, era, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        result = await client.call_tool(f"{of(era)}-mute__name")
    assert world[0].registry.get(f"{of(era)}-mute__elicitation__create") is None

    assert person.asked == []
    assert result.is_error or "not answered" in said(result)


@BELOW
async def test_a_client_that_cannot_be_asked_is_not_asked(world, era):
    async with talking(world[1], "legacy", None) as client:
        result = await client.call_tool(f"{of(era)}__name")

    assert result.is_error or "not answered" in said(result)


async def test_a_question_is_a_call_of_its_own_on_the_record(world):
    person = Person()
    async with talking(world[1], "legacy", person) as client:
        await client.call_tool("new__name")
        lines = [json.loads(line) for line in records(world[0]).splitlines()]

    intents = [one for one in lines if one.get("tool") == "new__elicitation__create"]
    assert intents, sorted({str(one.get("tool")) for one in lines})
    assert SECRET not in json.dumps(lines)


async def test_policy_denies_a_question_of_a_session_that_a_secret_could_leave(world):
    person = Person()
    async with talking(world[1], "legacy", person, who="bob") as client:
        first = await client.call_tool("deep__plain")
        second = await client.call_tool("deep__name")

    assert not first.is_error
    assert second.is_error
    assert person.asked == []


async def test_nobody_asks_by_calling_the_question_itself(world):
    line = Line()
    arguments = {"mode": "form", "message": "hello"}
    call = ToolCall(id=new_call_id(), tool=ToolName("new__elicitation__create"), arguments=arguments)

    result = await Tools(world[0]).execute(call, ALICE, line=line)

    assert result.reason.code == "asking/direct"
    assert line.asked == []


class Line:
    """A line whose client would answer."""

    answers = frozenset(Method)
    wants_progress = False
    log_level = None

    def __init__(self):
        self.asked = []

    async def ask(self, method, _params, /, *, key=None):
        self.asked.append((method, key))
        return {"action": "decline"}


async def test_a_server_that_asks_without_end_is_given_up_on(world):
    person = Person()
    async with talking(world[1], "legacy", person) as client:
        result = await client.call_tool("new__forever")

    assert result.is_error
    assert len(person.asked) == 10


@BELOW
@ABOVE
async def test_progress_is_passed_on_cleaned_where_it_was_asked_for(world, era, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        await client.call_tool(f"{of(era)}__progress", progress_callback=person.told)
        quiet = await client.call_tool(f"{of(era)}__progress")

    assert [(done, total) for done, total, _message in person.progress] == [(1, 2)]
    assert person.progress[0][2].startswith("half")
    assert SECRET not in person.progress[0][2]
    assert "\U000e0041" not in person.progress[0][2]
    assert not quiet.is_error


@BELOW
async def test_a_secret_told_in_pieces_is_not_told_to_its_end_nor_anything_after_it(world, era):
    person = Person()
    async with talking(world[1], "2026-07-28", person) as client:
        await client.call_tool(f"{of(era)}__pieces", progress_callback=person.told)

    assert [done for done, _total, _message in person.progress] == [0, 1, 2, 3, 4]
    assert [message for _done, _total, message in person.progress] == ["first ", SECRET[:11], SECRET[11:29], None, None]


@BELOW
async def test_logs_are_passed_on_cleaned_from_the_level_that_was_asked_for(world, era):
    person = Person()
    async with talking(world[1], "2026-07-28", person, log_level="info") as client:
        await client.call_tool(f"{of(era)}__log")

    assert [one.level for one in person.logs] == ["warning"]
    assert SECRET not in json.dumps(person.logs[0].data)
    assert "seen" in json.dumps(person.logs[0].data)


async def test_logs_of_a_server_reach_a_client_of_the_handshake_era(world):
    person = Person()
    async with talking(world[1], "legacy", person) as client:
        await client.session.set_logging_level("info")
        await client.call_tool("old__log")

    assert [one.level for one in person.logs] == ["warning"]


@BELOW
@ABOVE
async def test_resources_prompts_and_completions_are_reached_through_the_house(world, era, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        read = await client.read_resource(f"{of(era)}+memo://one")
        noted = await client.read_resource(f"{of(era)}+note://7/text")
        prompt = await client.get_prompt(f"{of(era)}__greet", {"who": "Ada"})
        words = await client.complete(t.PromptReference(name=f"{of(era)}__greet"), {"name": "who", "value": "A"})
        with pytest.raises(MCPError):
            await client.read_resource(f"{of(era)}+memo://two")
        with pytest.raises(MCPError):
            await client.read_resource(f"{of(era)}+note://../text")

    assert read.contents[0].uri == f"{of(era)}+memo://one"
    assert "memo://one holds" in read.contents[0].text
    assert SECRET not in read.contents[0].text
    assert "note://7/text" in noted.contents[0].text
    assert [one.role for one in prompt.messages] == ["user", "assistant"]
    assert "hello Ada" in prompt.messages[0].content.text
    assert prompt.description == "greets"
    assert words.completion.values == ["Ada"]


@ABOVE
async def test_a_prompt_that_asks_first_is_answered(world, mode):
    person = Person()
    async with talking(world[1], mode, person) as client:
        prompt = await client.get_prompt("new__ask-first", {})

    assert len(prompt.messages) == 2
    assert len(person.asked) == 1


@BELOW
async def test_links_lead_to_pages_and_to_approved_resources_alone(world, era):
    async with talking(world[1], "2026-07-28", None) as client:
        result = await client.call_tool(f"{of(era)}__links")

    assert [one.uri for one in result.content if isinstance(one, t.ResourceLink)] == [
        "https://example.com/a",
        f"{of(era)}+memo://one",
    ]
    assert said(result).count("a link was taken out") == 3
    embedded = [one.resource.uri for one in result.content if isinstance(one, t.EmbeddedResource)]
    assert embedded == [f"{of(era)}+memo://two"]


class Heard:
    """Remembers what a client is told, and says when."""

    def __init__(self):
        self.uris = []
        self.lists = 0
        self.something = asyncio.Event()

    async def __call__(self, message):
        if isinstance(message, t.ResourceUpdatedNotification):
            self.uris.append(message.params.uri)
            self.something.set()
        if isinstance(message, t.ResourceListChangedNotification):
            self.lists += 1
            self.something.set()


async def until(told, act):
    """Do *act* again and again until something is heard: a subscription upstream is not there at once."""
    async with asyncio.timeout(30):
        while not told.is_set():
            await act()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(told.wait(), 0.5)


@BELOW
async def test_an_update_of_a_watched_resource_reaches_a_client_of_the_handshake_era(world, era):
    heard = Heard()
    async with talking(world[1], "legacy", None, message_handler=heard) as client:
        await client.subscribe_resource(f"{of(era)}+memo://one")
        await until(heard.something, lambda: client.call_tool(f"{of(era)}__touch"))

    assert set(heard.uris) == {f"{of(era)}+memo://one"}


@BELOW
async def test_an_update_of_a_watched_resource_reaches_a_modern_client(world, era):
    uris, told = set(), asyncio.Event()

    async def hear(events):
        async for event in events:
            uris.add(event.uri)
            told.set()

    watched = [f"{of(era)}+memo://one"]
    async with (
        talking(world[1], "2026-07-28", None) as client,
        client.listen(resource_subscriptions=watched) as events,
    ):
        hearing = asyncio.create_task(hear(events))
        await until(told, lambda: client.call_tool(f"{of(era)}__touch"))
        hearing.cancel()

    assert uris == {f"{of(era)}+memo://one"}


@BELOW
async def test_a_resource_that_is_added_waits_for_approval_as_soon_as_its_server_says_so(world, era):
    house, address = world
    key = f"resource:memo://{len(extra)}"
    async with talking(address, "legacy", None) as client:
        await client.call_tool(f"{of(era)}__add")
        connection = house.upstreams.connections.connection(of(era))
        async with asyncio.timeout(20):
            while connection.diff.entry(key) is None:  # noqa: ASYNC110 -- nothing tells of what is merely new
                await asyncio.sleep(0.05)
        with pytest.raises(MCPError):
            await client.read_resource(f"{of(era)}+memo://{len(extra) - 1}")

    assert connection.diff.entry(key).state.value == "new"


async def test_a_call_that_waits_for_an_answer_keeps_no_other_call_waiting(world):
    _house, address = world
    async with talking(address, "2026-07-28", Person()) as client:
        waiting = await client.session.call_tool("new__name", {}, allow_input_required=True)
        assert isinstance(waiting, t.InputRequiredResult)

        assert not (await client.call_tool("new__plain", {})).is_error


async def test_rows_of_labels_are_about_reading_too(world):
    house, _address = world
    minted = await house.sessions.mint(tenant=ALICE.tenant, subject="alice", labels=frozenset(), user_request=None)
    who = replace(ALICE, session=minted.id)
    for tool, arguments in (("new-mute__plain", {}), ("new-mute__resources__read", {"uri": "memo://one"})):
        call = ToolCall(id=new_call_id(), tool=ToolName(tool), arguments=arguments)
        result = await Tools(house).execute(call, who)
        assert result.status.value == "ok"
        learned = (await house.sessions.get(minted.id)).labels
        assert (Label.PRIVATE in learned) == tool.endswith("read")
