"""The tool `python` through the whole procedure: policy, labels, the record, and calls of other tools from inside."""

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from holdfast.contracts import Label, Reason, Status
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.interpreting import open_interpreter

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
async def interpreter(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Built and compiled before any deadline runs; it is kept in the user's cache."""
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path_factory.mktemp("python") / "native")
        stack.push_async_callback(runtime.close)
        opened = open_interpreter(stack, runtime, None)
        assert not isinstance(opened, Reason), opened.message
        await opened.prepare()


async def test_a_program_runs_confined_and_its_answer_is_wrapped_and_on_the_record(world) -> None:
    result = await world.call("python", {"code": "print('hello')\ninput_data['n'] * 2", "input": {"n": 21}})

    assert result.status is Status.OK, result.reason
    assert result.isolation == ("wasm", "landlock", "seccomp")
    assert result.structured["value"] == {"repr": "42", "json": 42}
    assert "hello\n" in result.output
    assert "value: 42" in result.output
    assert 'trust="untrusted"' in result.output


async def test_a_program_that_raises_is_an_error_of_the_tool(world) -> None:
    result = await world.call("python", {"code": "\n1 / 0"})

    assert result.status is Status.ERROR
    assert result.structured["error"]["line"] == 2
    assert "ZeroDivisionError" in result.output


async def test_a_limit_that_a_program_reaches_is_named(world) -> None:
    result = await world.call("python", {"code": "x = []\nwhile True: x.append('a' * 1_000_000)"})

    assert (result.status, result.reason.code) == (Status.STOPPED, "limits/memory-bytes")


async def test_only_a_program_that_is_handed_a_file_of_the_workspace_makes_its_session_private(world) -> None:
    (world.workspace / "data.csv").write_text("a,b\n1,2\n")

    plain = await world.call("python", {"code": "1", "files": [{"name": "x", "text": "y"}]})
    before = (await world.house.sessions.default(world.caller)).labels
    handed = await world.call("python", {"code": "open('data.csv').read()", "files": [{"path": "data.csv"}]})
    after = (await world.house.sessions.default(world.caller)).labels

    assert (plain.status, handed.status) == (Status.OK, Status.OK)
    assert handed.structured["value"]["json"] == "a,b\n1,2\n"
    assert Label.PRIVATE not in before
    assert Label.PRIVATE in after


async def test_policy_sees_the_path_of_every_file(world) -> None:
    (world.workspace / ".env").write_text("x")
    result = await world.call("python", {"code": "1", "files": [{"name": "harmless", "path": ".env"}]})

    assert result.status in (Status.PENDING, Status.DENIED)
    (world.workspace / ".env").unlink()


async def test_a_program_calls_other_tools_through_the_whole_procedure(world) -> None:
    (world.workspace / "a.txt").write_text("of the workspace")
    code = "[tools.hash(text='x', algorithm='sha256')['hex'][:8], tools.file_read(path='a.txt').text]"
    result = await world.call("python", {"code": code})

    assert result.status is Status.OK, result.output
    assert result.structured["value"]["json"] == ["2d711642", "of the workspace"]
    assert Label.PRIVATE in (await world.house.sessions.default(world.caller)).labels


async def test_a_call_that_would_ask_is_refused_inside_a_program(world) -> None:
    await world.taint()
    code = "try:\n    tools.shell(script='touch made')\nexcept ToolCallError as error:\n    told = error.status\ntold"
    result = await world.call("python", {"code": code})

    assert result.structured["value"]["json"] == "denied", result.output
    assert not (world.workspace / "made").exists()


async def test_an_unknown_tool_and_a_program_within_a_program_within_a_program_end(world) -> None:
    unknown = "try:\n    tools.nothing()\nexcept ToolCallError as error:\n    told = error.status\ntold"
    nested = (
        "import json\ncode = 'tools.python(code=\"1\")[\"value\"][\"json\"]'\ntools.python(code=code)['value']['json']"
    )
    result = await world.call("python", {"code": unknown})
    deep = await world.call("python", {"code": nested})

    assert result.structured["value"]["json"] == "denied", result.output
    assert deep.structured["value"]["json"] == 1, deep.output


async def test_a_secret_in_what_a_program_prints_is_redacted(world) -> None:
    token = "ghp_" + "a8Kd03mQzX7LpR2vTnB5cYwE9sJ1fH6gU4iO"
    result = await world.call("python", {"code": f"print({token[:10]!r} + {token[10:]!r})"})

    assert token not in result.output
    assert token not in str(result.structured)
    assert result.findings


async def test_a_session_goes_on_in_its_own_model_context_and_in_no_other(world) -> None:
    other = await world.house.sessions.mint(tenant=world.caller.tenant, subject=world.caller.subject, by="host")
    elsewhere = replace(world.caller, session=other.id)
    await world.call("python", {"code": "x = 41", "session": True})

    kept = await world.call("python", {"code": "x + 1", "session": True})
    apart = await world.call("python", {"code": "x", "session": True}, principal=elsewhere)
    fresh = await world.call("python", {"code": "x"})

    assert kept.structured["value"]["json"] == 42, kept.output
    assert kept.structured["session"] == {"calls": 2}
    assert [apart.structured["error"]["type"], fresh.structured["error"]["type"]] == ["NameError", "NameError"]


async def test_what_is_kept_stays_within_what_its_session_has_learned(world) -> None:
    (world.workspace / "data.csv").write_text("private")
    read = {"code": "kept = open('data.csv').read()", "files": [{"path": "data.csv"}], "session": True}
    await world.call("python", read)
    await world.house.sessions.clear_default(world.caller.tenant, world.caller.subject)

    after = await world.call("python", {"code": "kept", "session": True})

    assert Label.PRIVATE not in (await world.house.sessions.default(world.caller)).labels
    assert after.structured["error"]["type"] == "NameError", after.output


async def test_a_lost_session_is_told_and_nothing_runs(world) -> None:
    await world.call("python", {"code": "x = 1", "session": True})
    await world.call("python", {"code": "bytearray(1 << 30)", "session": True})

    told = await world.call("python", {"code": "open('ran', 'w').write('x')", "session": True})

    assert (told.status, told.reason.code) == (Status.DENIED, "python/session-lost")
    assert "memory_bytes" in told.reason.message
    assert (await world.call("python", {"code": "1", "session": True})).structured["session"] == {"calls": 1}


async def test_a_program_called_by_a_program_keeps_no_session(world) -> None:
    code = "try:\n    tools.python(code='1', session=True)\nexcept ToolCallError as error:\n    told = error.code\ntold"
    result = await world.call("python", {"code": code, "session": True})

    assert result.structured["value"]["json"] == "python/session-nested", result.output
