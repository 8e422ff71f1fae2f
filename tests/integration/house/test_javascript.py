"""The tool `javascript` through the whole procedure: policy, labels, the record, and calls of other tools."""

from contextlib import AsyncExitStack

import pytest

from holdfast.contracts import Label, Reason, Status
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import javascript_sources, open_interpreter

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
async def interpreter(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Built and compiled before any deadline runs; it is kept in the user's cache."""
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path_factory.mktemp("javascript") / "native")
        stack.push_async_callback(runtime.close)
        opened = open_interpreter(stack, runtime, None, sources=javascript_sources, may_download=True)
        assert not isinstance(opened, Reason), opened.message
        await opened.prepare()


async def test_a_program_runs_confined_and_its_answer_is_wrapped_and_on_the_record(world) -> None:
    result = await world.call("javascript", {"code": "console.log('hello'); input.n * 2", "input": {"n": 21}})

    assert result.status is Status.OK, result.reason
    assert result.isolation == ("wasm", "landlock", "seccomp")
    assert result.structured["value"] == {"repr": "42", "json": 42}
    assert "hello\n" in result.output
    assert "value: 42" in result.output
    assert 'trust="untrusted"' in result.output


async def test_a_program_that_throws_is_an_error_of_the_tool(world) -> None:
    result = await world.call("javascript", {"code": "\nnull.x"})

    assert result.status is Status.ERROR
    assert result.structured["error"]["line"] == 2
    assert "TypeError" in result.output


async def test_a_limit_that_a_program_reaches_is_named(world) -> None:
    result = await world.call("javascript", {"code": "let a = []; for (;;) a.push({x: [1]})"})

    assert (result.status, result.reason.code) == (Status.STOPPED, "limits/memory-bytes")


async def test_only_a_program_that_is_handed_a_file_of_the_workspace_makes_its_session_private(world) -> None:
    (world.workspace / "data.csv").write_text("a,b\n1,2\n")

    plain = await world.call("javascript", {"code": "1", "files": [{"name": "x", "text": "y"}]})
    before = (await world.house.sessions.default(world.caller)).labels
    handed = await world.call("javascript", {"code": "files.read('data.csv')", "files": [{"path": "data.csv"}]})
    after = (await world.house.sessions.default(world.caller)).labels

    assert (plain.status, handed.status) == (Status.OK, Status.OK)
    assert handed.structured["value"]["json"] == "a,b\n1,2\n"
    assert Label.PRIVATE not in before
    assert Label.PRIVATE in after


async def test_policy_sees_the_path_of_every_file(world) -> None:
    (world.workspace / ".env").write_text("x")
    result = await world.call("javascript", {"code": "1", "files": [{"name": "harmless", "path": ".env"}]})

    assert result.status in (Status.PENDING, Status.DENIED)
    (world.workspace / ".env").unlink()


async def test_a_program_calls_other_tools_through_the_whole_procedure(world) -> None:
    (world.workspace / "a.txt").write_text("of the workspace")
    code = "[tools.hash({text: 'x', algorithm: 'sha256'}).hex.slice(0, 8), tools.file_read({path: 'a.txt'}).text]"
    result = await world.call("javascript", {"code": code})

    assert result.status is Status.OK, result.output
    assert result.structured["value"]["json"] == ["2d711642", "of the workspace"]
    assert Label.PRIVATE in (await world.house.sessions.default(world.caller)).labels


async def test_calls_of_other_tools_are_counted(world) -> None:
    code = (
        "let n = 0, told\nfor (; n < 100 && !told; n++) try { tools.echo({text: 'x'}) } catch (e) { told = e.status }\n"
        "[n - 1, told]"
    )
    result = await world.call("javascript", {"code": code})

    assert result.structured["value"]["json"] == [20, "denied"], result.output


async def test_a_call_that_would_ask_is_refused_inside_a_program(world) -> None:
    await world.taint()
    code = "let told; try { tools.shell({script: 'touch made'}) } catch (e) { told = e.status }\ntold"
    result = await world.call("javascript", {"code": code})

    assert result.structured["value"]["json"] == "denied", result.output
    assert not (world.workspace / "made").exists()


async def test_an_unknown_tool_and_a_program_within_a_program_end(world) -> None:
    unknown = "let told; try { tools.nothing() } catch (e) { told = e.status }\ntold"
    nested = "tools.javascript({code: 'tools.python({code: \"1\"}).value.json'}).value.json"
    result = await world.call("javascript", {"code": unknown})
    deep = await world.call("javascript", {"code": nested})

    assert result.structured["value"]["json"] == "denied", result.output
    assert deep.structured["value"]["json"] == 1, deep.output


async def test_a_secret_in_what_a_program_prints_is_redacted(world) -> None:
    token = "ghp_" + "a8Kd03mQzX7LpR2vTnB5cYwE9sJ1fH6gU4iO"
    result = await world.call("javascript", {"code": f"console.log('{token[:10]}' + '{token[10:]}')"})

    assert token not in result.output
    assert token not in str(result.structured)
    assert result.findings
