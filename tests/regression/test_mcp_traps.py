"""Seventeen ways in which MCP and its SDK (2.3.0) surprise whoever stands in between, each with the tests that hold it.

The table says where; what no other file tests is tested here.
"""

import ast
import socket
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest
from mcp import Client

from holdfast.contracts import (
    Digest,
    Offers,
    Principal,
    Scope,
    Status,
    TenantId,
    ToolCall,
    ToolError,
    ToolName,
    ToolResult,
    ToolSpec,
)
from holdfast.contracts.limits import UPSTREAM
from holdfast.contracts.specs import Builtin
from holdfast.sandbox.mcp import UpstreamConfig, Upstreams
from holdfast.server.mcp import Endpoint

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
HERE = "tests/regression/test_mcp_traps.py"
FACE = "tests/integration/mcp/test_face.py"
SCHEMAS = "tests/unit/safety/test_schemas.py"
STDIO = "tests/integration/mcp/test_hostile_stdio.py"
HTTP = "tests/integration/mcp/test_hostile_http.py"
CATALOGUE = "tests/unit/sandbox/mcp/test_catalogue.py"

TRAPS: Mapping[str, Sequence[str]] = {
    "1 answers that come with no question, or with one that was answered": (
        f"{FACE}::test_an_answer_that_comes_along_is_taken_once_and_only_under_the_question_s_own_name",
        f"{FACE}::test_a_parked_call_is_found_once_by_its_principal_for_its_request_alone",
        "tests/doors/test_mcp.py::test_an_approval_is_spent_once_by_mcp_as_well",
    ),
    "2 jsonschema fetches remote references": (f"{SCHEMAS}::test_a_remote_reference_opens_no_connection",),
    "3 a pattern that backtracks": (f"{SCHEMAS}::test_a_pattern_that_backtracks_elsewhere_is_linear_here",),
    "4 one malformed tool hides a server": (f"{STDIO}::test_a_malformed_tool_hides_only_itself",),
    "5 unknown fields vanish on reading": (
        f"{CATALOGUE}::test_a_field_that_is_not_served_changes_only_the_raw_digest",
        f"{CATALOGUE}::test_any_change_of_what_is_served_changes_the_digest",
    ),
    "6 bodies have no cap": (
        "tests/unit/sandbox/mcp/test_reading.py::test_a_message_over_the_cap_is_not_even_parsed",
        "tests/hostile/test_attacks.py::test_an_answer_without_end_is_stopped_and_the_next_server_answers",
    ),
    "7 names twice, unseen or endless": (
        f"{CATALOGUE}::test_hidden_characters_that_would_change_what_is_accepted_withhold_the_tool",
        "tests/unit/sandbox/mcp/test_names.py::test_a_name_too_long_is_cut_the_same_way_every_time",
    ),
    "8 errors come in groups": (f"{HERE}::test_what_a_connection_raises_is_taken_out_of_its_groups",),
    "9 a cancelled call is no Exception": (
        "tests/integration/house/test_procedure.py::test_a_cancelled_call_is_on_the_record",
    ),
    "10 what is not listed can be called all the same": (
        "tests/doors/test_mcp.py::test_a_hidden_tool_and_an_unknown_one_are_the_same_error",
        f"{FACE}::test_without_the_scope_to_call_nothing_is_listed_read_or_watched",
    ),
    "11 the client remembers lists": (f"{HERE}::test_no_list_is_remembered_for_us",),
    "12 pages without end": (f"{STDIO}::test_pages_without_end_are_given_up_on",),
    "13 the server's middleware is provisional, and reports names": (
        f"{HERE}::test_one_file_alone_touches_what_the_sdk_calls_provisional",
    ),
    "14 questions that the client cannot be asked": (f"{FACE}::test_what_the_client_did_not_declare_is_not_asked",),
    "15 every tool is listed before each call": (f"{HERE}::test_a_call_lists_nothing",),
    "16 on stdio what cannot be parsed is waited for": (
        f"{STDIO}::test_what_cannot_be_taken_fails_the_call_at_once_and_the_next_call_is_served",
    ),
    "17 an output schema that hangs its client, an answer to somebody else": (
        "tests/hostile/test_attacks.py::test_a_schema_made_to_hurt_is_withheld_or_answered_in_time",
        f"{HTTP}::test_what_cannot_be_taken_fails_the_call_at_once_and_the_next_one_is_served",
    ),
}


@cache
def defined_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_its_tests(trap: str) -> None:
    for test in TRAPS[trap]:
        file, _, name = test.partition("::")
        assert name in defined_in(file), test


def calls_of(name: str, *folders: str) -> list[ast.Call]:
    """Every call of *name* in our own code."""
    trees = [
        ast.parse(file.read_text(encoding="utf-8")) for folder in folders for file in (ROOT / folder).rglob("*.py")
    ]
    nodes = (node for tree in trees for node in ast.walk(tree))
    return [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name]


def test_no_list_is_remembered_for_us() -> None:
    made = calls_of("Client", "sandbox/mcp")

    assert made
    for call in made:
        told = {word.arg: word.value for word in call.keywords}
        assert isinstance(told["cache"], ast.Constant)
        assert told["cache"].value is None


def test_one_file_alone_touches_what_the_sdk_calls_provisional() -> None:
    files = (file for folder in ("server/mcp", "sandbox/mcp") for file in (ROOT / folder).glob("*.py"))
    touching = {
        file.relative_to(ROOT).as_posix()
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "middleware"
    }

    assert len(touching) == 1


class OneTool:
    """A `ToolService` that counts how often it is asked what there is."""

    def __init__(self) -> None:
        self.listed = 0

    async def execute(self, call: ToolCall, _principal: Principal, /, *, line: object = None) -> ToolResult:
        return ToolResult(call_id=call.id, tool=call.tool, status=Status.OK, output="done")

    def visible(self, _principal: Principal, /) -> Sequence[ToolSpec]:
        self.listed += 1
        return (
            ToolSpec(
                name=ToolName("one"),
                description="one",
                input_schema={"type": "object"},
                effects=frozenset(),
                runtime=Builtin(),
                limits=UPSTREAM,
            ),
        )

    def offers(self, _principal: Principal, /) -> Offers:
        return Offers()

    def place(self, _method: object, _served: str, /) -> None:
        return None


async def test_a_call_lists_nothing() -> None:
    tools = OneTool()
    who = Principal(subject="a", tenant=TenantId("t"), scopes=frozenset({Scope.CALL}))
    async with Client(Endpoint(tools, version="1", principal=who).server, mode="2026-07-28", cache=None) as client:
        await client.list_tools()
        listed = tools.listed
        for _time in range(3):
            await client.call_tool("one", {"with": "arguments"})

    assert tools.listed == listed


class NoPins:
    """Nothing is approved."""

    async def get(self, _upstream: str, /) -> Mapping[str, Digest]:
        return {}

    async def put(self, upstream: str, definitions: Mapping[str, Digest], /, *, by: str) -> None: ...

    async def remove(self, upstream: str, key: str, /) -> None: ...


async def test_what_a_connection_raises_is_taken_out_of_its_groups() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]  # nobody listens there any more once the block is over
    upstreams = Upstreams(pins=NoPins(), start=None)
    upstreams.add(UpstreamConfig(name="gone", url=f"http://127.0.0.1:{port}/mcp"))
    try:
        with pytest.raises(ToolError, match="cannot be dialled"):
            await upstreams.refresh("gone")
    finally:
        await upstreams.close()
