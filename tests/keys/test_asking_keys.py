"""`[[upstreams]]` `era`, `asks` and `ask_hosts`: how a server is spoken with, and what it may ask."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from holdfast.contracts import Json, Method, ToolCall, ToolName
from holdfast.server.config import load_settings
from holdfast.server.listening import Tools
from holdfast.server.principals import acting_as
from holdfast.server.verbs.calls import new_call_id

from .world import Answering, World, code, listening, opened, said

pytestmark = pytest.mark.anyio

FORM = {"message": "who?", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}
QUESTIONS: dict[str, tuple[str, dict[str, Json]]] = {
    "form": ("elicitation/create", FORM),
    "page": ("elicitation/create", {"mode": "url", "message": "log in", "url": "https://login.example.com/x"}),
    "model": (
        "sampling/createMessage",
        {"messages": [{"role": "user", "content": {"type": "text", "text": "say"}}], "maxTokens": 5},
    ),
    "folders": ("roots/list", {}),
}
TOOLS = [{"name": name, "description": "", "inputSchema": {"type": "object"}} for name in ("era", *QUESTIONS)]
ANSWERS: dict[str, dict[str, Json]] = {
    "elicitation/create": {"action": "accept", "content": {"name": "Ada"}},
    "sampling/createMessage": {"role": "assistant", "content": {"type": "text", "text": "said"}, "model": "m"},
    "roots/list": {"roots": [{"uri": "file:///work"}]},
}


class BothEras(Answering):
    """An MCP server of both eras over HTTP; in the modern one its tools ask before they answer."""

    def do_POST(self) -> None:  # noqa: N802 -- the library's name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        written = b"" if "id" not in body else json.dumps(self.answer(body)).encode()
        self.send_response(200 if written else 202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def answer(self, body: Mapping[str, Json]) -> dict[str, Json]:
        params = body.get("params")
        result = self.result(str(body["method"]), params if isinstance(params, dict) else {})
        return {"jsonrpc": "2.0", "id": body["id"], "result": {"resultType": "complete", **result}}

    @staticmethod
    def result(method: str, params: Mapping[str, Json]) -> dict[str, Json]:
        match method:
            case "server/discover":
                return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, **FRESH}
            case "initialize":
                info = {"name": "there", "version": "1"}
                return {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": info}
            case "tools/list":
                return {"tools": TOOLS, **FRESH}
            case _:
                return called(params)


FRESH: dict[str, Json] = {"ttlMs": 60_000, "cacheScope": "private"}


def called(params: Mapping[str, Json]) -> dict[str, Json]:
    meta, name, given = params.get("_meta"), str(params["name"]), params.get("inputResponses")
    if name == "era":
        modern = isinstance(meta, dict) and "io.modelcontextprotocol/protocolVersion" in meta
        return {"content": [{"type": "text", "text": "modern" if modern else "handshake"}]}
    if given is None:
        method, asked = QUESTIONS[name]
        return {"resultType": "input_required", "inputRequests": {"q": {"method": method, "params": asked}}}
    return {"content": [{"type": "text", "text": json.dumps(given)}]}


class Willing:
    """A client that answers whatever it is asked."""

    answers = frozenset({Method.ELICITATION, Method.SAMPLING, Method.ROOTS})
    wants_progress = False
    log_level = None

    async def progress(self, *_: object) -> None:
        """Not wanted."""

    async def log(self, *_: object) -> None:
        """Not wanted."""

    async def ask(
        self, method: Method, _params: Mapping[str, Json], /, *, key: str | None = None
    ) -> Mapping[str, Json]:
        assert key == "q"
        return ANSWERS[method.value]


def rows(port: int) -> str:
    entries = {
        "plain": "",
        "old": 'era = "2025-11-25"',
        "new": 'era = "2026-07-28"',
        "asks": 'asks = ["elicitation", "sampling", "roots"]',
        "asks-model": 'asks = ["sampling"]',
        "pages": 'asks = ["elicitation"]\nask_hosts = ["login.example.com"]',
    }
    return "".join(
        f'[[upstreams]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}/mcp"\neffects = []\n{more}\n'
        for name, more in entries.items()
    )


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("asking")
    with listening(BothEras) as web:
        async with opened(folder, rows(web.port)) as made:
            for name in made.house.upstreams.connections.names():
                await made.house.upstreams.approve(name, ())
            yield made


async def told(world: World, tool: str) -> str:
    call = ToolCall(id=new_call_id(), tool=ToolName(tool), arguments={})
    result = await Tools(world.house).execute(call, acting_as("agent"), line=Willing())
    return said(result) or code(result)


async def test_era_is_the_generation_that_is_spoken(world: World) -> None:
    assert await told(world, "plain__era") == "modern"
    assert await told(world, "new__era") == "modern"
    assert await told(world, "old__era") == "handshake"


async def test_asks_are_what_a_server_may_ask_its_caller(world: World) -> None:
    assert "Ada" in await told(world, "asks__form")
    assert "said" in await told(world, "asks__model")
    assert "file:///work" in await told(world, "asks__folders")
    assert "said" in await told(world, "asks-model__model")
    assert await told(world, "asks-model__form") == "upstreams/asks-back"


async def test_without_asks_a_server_asks_nothing(world: World) -> None:
    for tool in QUESTIONS:
        assert await told(world, f"plain__{tool}") == "upstreams/asks-back"


async def test_ask_hosts_are_whose_pages_a_person_may_be_sent_to(world: World) -> None:
    assert "accept" in await told(world, "pages__page")
    assert await told(world, "asks__page") == "asking/page"


@pytest.mark.parametrize(
    "wrong", ['ask_hosts = ["login.example.com"]', 'asks = ["elicitation"]\nask_hosts = ["*.com"]']
)
def test_ask_hosts_without_questions_or_with_a_wildcard_are_refused(tmp_path: Path, wrong: str) -> None:
    file = tmp_path / "holdfast.toml"
    file.write_text(f'[[upstreams]]\nname = "x"\nurl = "https://x.example.com/mcp"\n{wrong}\n')

    with pytest.raises(Exception, match="ask_hosts"):
        load_settings(file)
