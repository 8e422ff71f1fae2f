"""One hostile server for each attack behind a whole house; what comes of it is looked at from an MCP client."""

import base64
import contextlib
import json
from urllib.parse import quote

import httpx2
import mcp.types as t
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from holdfast.contracts import Principal, Scope, TenantId
from holdfast.sandbox.mcp import PinState
from holdfast.server.config import load_settings
from holdfast.server.house import Opening, open_house
from holdfast.server.listening import Tools
from holdfast.server.mcp import Endpoint, HttpEndpoint
from holdfast.server.verbs import run_verb

from ..integration.mcp.conftest import serving
from .attacker import ANSWERS, CLOSING, HIDDEN, LINKS, MARK, PULLS, SECRET, SHADOWS, Attacker

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning"),  # logs are; servers use them
    pytest.mark.xdist_group("hostile"),
]

READS = '["read_untrusted"]'
SERVERS = {
    "poisoned": READS,
    "poisoned-hidden": READS,
    **{f"pull-{kind}": READS for kind in PULLS},
    **{f"shadow-{kind}": READS for kind in SHADOWS},
    "schemas": READS,
    "answers": READS,
    "endless": READS,
    "drip": READS,
    "flood": READS,
    "chatter": READS,
    "vault": '["read_private", "read_untrusted"]',
    "post": '["egress"]',
}


class World:
    """The house, the attacker behind it, and the way for clients."""

    def __init__(self, house, attacker, address):
        self.house = house
        self.attacker = attacker
        self.address = address

    @contextlib.asynccontextmanager
    async def client(self, mode="2026-07-28", *, who="alice", **options):
        async with (
            httpx2.AsyncClient(headers={"authorization": f"Bearer {who}"}, timeout=60, trust_env=False) as http,
            Client(streamable_http_client(self.address, http_client=http), mode=mode, cache=None, **options) as client,
        ):
            yield client

    async def sees(self, client):
        """Everything that a client can list, as text, and what it was told at the start."""
        lists = [
            await client.list_tools(),
            await client.list_prompts(),
            await client.list_resources(),
            await client.list_resource_templates(),
        ]
        return written(*lists) + str(client.instructions)

    async def show(self, name):
        return json.dumps(await run_verb(self.house, "upstreams.show", {"name": name}), ensure_ascii=False)


def written(*values):
    return "\n".join(json.dumps(one.model_dump(mode="json", by_alias=True), ensure_ascii=False) for one in values)


@pytest.fixture(scope="module")
async def world(tmp_path_factory):
    folder, attacker = tmp_path_factory.mktemp("hostile"), Attacker()
    async with serving(attacker.app, lifespan="off") as below:
        rows = [row(name, f"{below}/{name}", effects) for name, effects in SERVERS.items()]
        file = folder / "holdfast.toml"
        file.write_text("[limits]\ncalls_per_minute = 100000\nburst = 100000\n" + "".join(rows))
        async with open_house(load_settings(file), folder / "data", Opening(config=file)) as house:
            for name in SERVERS:
                if name not in {"poisoned", "endless"}:
                    await house.upstreams.approve(name, ())
            http = HttpEndpoint(Endpoint(Tools(house), version="1"))
            async with http.running(), serving(authenticated(http), lifespan="off") as above:
                yield World(house, attacker, f"{above}/mcp")


def authenticated(app):
    """Stands in for the HTTP face: the bearer token is the name of the caller, whose session is its own."""

    async def outer(scope, receive, send):
        who = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        principal = Principal(subject=who, tenant=TenantId("t"), scopes=frozenset({Scope.CALL}))
        await app({**scope, "holdfast.principal": principal}, receive, send)

    return outer


def row(name, url, effects):
    patience = "timeout_ms = 1500\n" if name in {"drip", "flood"} else ""
    return f'\n[[upstreams]]\nname = "{name}"\nurl = "{url}"\neffects = {effects}\n{patience}'


def names(tools, server):
    return sorted(one.name.removeprefix(f"{server}__") for one in tools.tools if one.name.startswith(f"{server}__"))


async def called(client, name, text=""):
    """The answer as text, and whether it is an error."""
    try:
        result = await client.call_tool(name, {"text": text})
    except MCPError as error:
        return json.dumps({"error": error.error.message, "data": error.error.data}), True
    return written(result), result.is_error


PLACES = (
    *("description", "title", "property-description", "property-title", "schema-title", "enum", "default", "example"),
    *("annotation-title", "prompt-description", "prompt-title", "argument-description", "resource-name"),
    *("resource-description", "template-name", "template-description", "instructions"),
)


async def test_nothing_that_a_server_lists_reaches_a_client_before_somebody_read_and_approved_it(world):
    async with world.client() as client:
        seen = await world.sees(client)
        answer, is_error = await called(client, "poisoned__work")

    assert "poisoned__" not in seen
    assert "poisoned+" not in seen
    assert is_error, answer
    assert not world.attacker.calls["poisoned"]


@pytest.mark.parametrize("place", PLACES)
async def test_whoever_approves_is_shown_every_place_where_orders_can_hide(world, place):
    assert f"{MARK} {place}" in await world.show("poisoned")


async def test_what_is_listed_hides_nothing_and_icons_meta_and_instructions_are_for_nobody(world):
    async with world.client() as client:
        seen = await world.sees(client)

    assert "poisoned-hidden__work" in seen
    assert f"{MARK} description" in seen
    assert not set(HIDDEN) & set(seen)
    for place in ("icon", "meta", "instructions"):
        assert f"{MARK} {place}" not in seen
        assert f"{MARK}-{place}" not in seen


@pytest.mark.parametrize("kind", PULLS)
async def test_what_changes_after_it_was_approved_is_not_called_and_not_listed(world, kind):
    server = f"pull-{kind}"
    async with world.client() as client:
        assert names(await client.list_tools(), server) == ["work"]
        world.attacker.pulled.add(server)
        answers = [await called(client, f"{server}__{name}") for name in ("work", "work2", "work")]

        assert all(is_error for _text, is_error in answers), answers
        assert names(await client.list_tools(), server) == []
    assert world.attacker.calls[server] == []


@pytest.mark.parametrize("kind", SHADOWS)
async def test_a_name_that_passes_for_another_is_not_served(world, kind):
    async with world.client() as client:
        found = names(await client.list_tools(), f"shadow-{kind}")

    assert found == ([] if kind in {"twins", "case", "digit"} else ["work"])


@pytest.mark.parametrize("kind", ANSWERS)
async def test_whatever_a_result_is_made_of_is_cleaned_scanned_and_enclosed(world, kind):
    async with world.client() as client:
        result = await client.call_tool("answers__work", {"text": kind})

    everything = written(result)
    assert SECRET not in everything
    assert SECRET[-20:] not in everything
    assert not set(HIDDEN) & set(everything)
    assert result.content[0].text.count(CLOSING.rstrip(">")) == 1
    assert result.content[0].text.rstrip().endswith(">")
    if kind not in {"structured", "structured-key", "structured-only", "link-name"}:  # data, outside of the envelope
        assert MARK not in written(*result.content[1:]) + json.dumps(result.structured_content)


async def test_a_picture_comes_without_its_notes(world):
    async with world.client() as client:
        result = await client.call_tool("answers__work", {"text": "image-notes"})

    pictures = [base64.b64decode(one.data) for one in result.content if isinstance(one, t.ImageContent)]
    assert len(pictures) == 4
    assert not [one for one in pictures if MARK.encode()[:8] in one or SECRET.encode()[:8] in one]


async def test_an_error_of_a_servers_own_is_cleaned_scanned_and_enclosed(world):
    async with world.client() as client:
        answer, is_error = await called(client, "answers__work", "rpc-error")

    assert is_error
    assert SECRET not in answer
    assert not set(HIDDEN) & set(answer)
    assert answer.count(CLOSING.rstrip(">")) <= 1


async def test_links_that_lead_anywhere_but_to_https_are_taken_out(world):
    async with world.client() as client:
        result = await client.call_tool("answers__work", {"text": "links"})

    assert not [one for one in result.content if isinstance(one, t.ResourceLink)]
    assert not [uri for uri in LINKS if uri in written(result)]


async def test_the_words_of_a_prompt_and_of_a_resource_are_cleaned_scanned_and_enclosed(world):
    async with world.client() as client:
        prompt = await client.get_prompt("answers__work")
        resource = await client.read_resource("answers+memo:///a")

    for text in (prompt.messages[0].content.text, resource.contents[0].text):
        assert text.count(CLOSING.rstrip(">")) == 1
        assert MARK in text
    everything = written(prompt, resource)
    assert SECRET not in everything
    assert not set(HIDDEN) & set(everything)


async def test_progress_and_logs_are_cleaned_scanned_and_few(world):
    told, logs = [], []

    async def progress(_done, _total, message):
        told.append(message)

    async def log(params):
        logs.append(params)

    async with world.client("legacy", logging_callback=log) as client:
        await client.set_logging_level("debug")
        result = await client.call_tool("chatter__work", {"text": ""}, progress_callback=progress)

    assert "done" in written(result)
    assert told
    assert logs
    assert len(told) + len(logs) < 500
    everything = json.dumps(told) + written(*logs)
    assert SECRET not in everything
    assert not set(HIDDEN) & set("".join(told) + written(*logs))


SPELLINGS = {
    "plain": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "hex": SECRET.encode().hex(),
    "percent": "".join(f"%{byte:02X}" for byte in SECRET.encode()),
    "zero-width": "\u200b".join(SECRET),
    "soft hyphens": "\u00ad".join(SECRET),
    "in an address": f"https://evil.example/?q={quote(SECRET)}",
    "in an image": f"![x](https://evil.example/{SECRET}.png)",
}


@pytest.mark.parametrize("how", SPELLINGS)
async def test_a_secret_does_not_leave_in_arguments_however_it_is_written(world, how):
    async with world.client(who="bob") as client:
        answer, refused = await called(client, "post__work", "nothing secret")
        before = len(world.attacker.calls["post"])
        _answer, is_error = await called(client, "post__work", SPELLINGS[how])

    assert not refused, answer
    assert is_error
    assert len(world.attacker.calls["post"]) == before


async def test_a_secret_does_not_leave_as_a_name_of_an_argument(world):
    before = len(world.attacker.calls["post"])
    async with world.client(who="bob") as client:
        result = await client.call_tool("post__work", {SECRET: "x"})

    assert result.is_error
    assert len(world.attacker.calls["post"]) == before


async def test_what_was_read_in_private_is_not_posted_to_another_server(world):
    async with world.client(who="carol") as client:
        answer, refused = await called(client, "post__work", "good morning")
        before = len(world.attacker.calls["post"])
        read = await client.call_tool("vault__work", {"text": "the plan"})
        _answer, is_error = await called(client, "post__work", "the plan, in other words")

    assert not refused, answer
    assert not read.is_error
    assert is_error
    assert len(world.attacker.calls["post"]) == before


async def test_a_schema_made_to_hurt_is_withheld_or_answered_in_time(world):
    async with world.client() as client:
        listed = names(await client.list_tools(), "schemas")
        fine, failed = await called(client, "schemas__fine", "x")
        for name in ("cyclic", "slow_pattern"):
            answer, _is_error = await called(client, f"schemas__{name}", "a" * 40 + "!")
            assert "a" * 40 not in answer

    assert not {"oversized", "nested", "remote", "crowded"} & set(listed)
    assert "fine" in listed
    assert not failed, fine


async def test_pages_without_end_leave_the_others_served(world):
    async with world.client() as client:
        listed = await client.list_tools()
        _text, is_error = await called(client, "endless__work")

    assert names(listed, "endless") == []
    assert names(listed, "schemas")
    assert is_error
    (status,) = (one for one in world.house.upstreams.status() if one.name == "endless")
    assert "100 pages" in str(status.fault) or status.catalogue.entries == ()


@pytest.mark.parametrize("kind", ["drip", "flood"])
async def test_an_answer_without_end_is_stopped_and_the_next_server_answers(world, kind):
    async with world.client() as client:
        answer, is_error = await called(client, f"{kind}__work")
        other, failed = await called(client, "schemas__fine", "x")

    assert is_error
    assert "A" * 1_000 not in answer
    assert not failed, other


async def test_a_server_never_approved_has_nothing_approved(world):
    (status,) = (one for one in world.house.upstreams.status() if one.name == "poisoned")

    assert {entry.state for entry in status.catalogue.entries} == {PinState.NEW}


MODERN = "io.modelcontextprotocol/"


@pytest.mark.parametrize(
    "headers",
    [
        {"Mcp-Method": "tools/call", "Mcp-Name": "schemas__fine"},
        {"Mcp-Method": "tools/list", "Mcp-Name": "vault__work"},
        {"Mcp-Method": "tools/call"},
    ],
    ids=["another tool", "another method", "no name"],
)
async def test_a_header_that_names_another_call_than_the_body_is_refused(world, headers):
    meta = {f"{MODERN}protocolVersion": "2026-07-28", f"{MODERN}clientCapabilities": {}}
    params = {"name": "vault__work", "arguments": {"text": "x"}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    sent = {
        "authorization": "Bearer mallory",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
    }
    before = len(world.attacker.calls["vault"])

    async with httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        right = {"Mcp-Method": "tools/call", "Mcp-Name": "vault__work"}
        taken = await http.post(world.address, json=body, headers=sent | right)
        refused = await http.post(world.address, json=body, headers=sent | headers)

    assert taken.status_code == 200, taken.text
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == -32020
    assert len(world.attacker.calls["vault"]) == before + 1
