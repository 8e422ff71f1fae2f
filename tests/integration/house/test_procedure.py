"""The numbered procedure, step by step, through a real house."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.contracts import (
    Completed,
    InternalError,
    Json,
    Label,
    Principal,
    Status,
    Text,
)
from holdfast.safety.envelope import unwrap
from holdfast.safety.leaks.specimens import expand
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Ruling

from .conftest import AGENT, World, someone, wanted

pytestmark = pytest.mark.anyio
Fresh = Callable[[], Principal]


async def test_a_call_leaves_two_records_that_name_no_argument(world: World) -> None:
    result = await world.call("echo", {"text": "a very particular text"})

    intent, outcome = world.records(2)
    assert (intent["kind"], outcome["kind"]) == ("intent", "outcome")
    assert intent["call_id"] == outcome["call_id"] == result.call_id
    assert result.audit is not None
    assert outcome["hash"] == str(result.audit.hash)
    assert "particular" not in json.dumps([intent, outcome])


async def test_an_unknown_tool_is_denied_and_its_name_is_not_recorded(world: World) -> None:
    result = await world.call("sk live secret as a name", {})

    assert (result.status, result.reason and result.reason.code) == (Status.DENIED, "tools/unknown")
    assert world.records(2)[0]["tool"] == "?"


async def test_a_caller_without_the_scope_is_denied(world: World) -> None:
    nobody = Principal(subject="x", tenant=AGENT.tenant, scopes=frozenset(), token_id="x")

    result = await world.call("echo", {"text": "hi"}, principal=nobody)

    assert result.reason is not None
    assert result.reason.code == "admit/scope"


async def test_a_long_page_is_cleaned_where_it_can_be_stopped(world: World) -> None:
    page = "<!doctype html>" + "<p onclick=x>a <b>b</b></p>\n" * 3_000

    result = await world.call("echo", {"text": page})

    assert isinstance(result.content[0], Text)
    assert result.content[0].text.count("<p>a <b>b</b></p>") == 3_000
    assert "onclick" not in result.output
    assert {finding.rule for finding in result.findings} == {"sanitizer/html-active"}


async def test_arguments_run_in_the_form_that_was_judged(world: World) -> None:
    """Hidden letters are taken out before policy and the tool see the path."""
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "x")
    (world.workspace / "a.txt").write_text("found")

    result = await world.call("file_read", {"path": f"a{hidden}.txt"})

    assert result.status is Status.OK
    assert "found" in result.output
    assert [one.verdict.value for one in result.decisions if one.layer == "validator"] == ["pass", "pass"]


async def test_a_layer_that_breaks_denies_and_the_record_has_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("a secret in an exception")

    monkeypatch.setattr(type(world.house.policies.current()), "decide", broken)
    result = await world.call("echo", {"text": "hi"})

    assert (result.status, result.reason and result.reason.code) == (Status.DENIED, "internal/error")
    assert "secret" not in json.dumps(world.records(1))
    assert world.records(1)[0]["status"] == "denied"


async def test_a_secret_never_reaches_a_tool_that_could_send_it_out(world: World, token: str, fresh: Fresh) -> None:
    result = await world.call("http_fetch", {"url": f"https://example.com/?q={token}"}, principal=fresh())

    assert result.status is Status.DENIED
    assert token not in result.output


async def test_a_finding_in_the_arguments_is_told_once_and_says_who_saw_it(world: World, fresh: Fresh) -> None:
    token = expand("glpat-{base62:20}")

    result = await world.call("http_fetch", {"url": f"https://example.com/?q={token}"}, principal=fresh())

    told = [json.dumps(one, sort_keys=True) for one in result.to_json()["findings"]]
    assert len(set(told)) == len(told)
    assert {tuple(json.loads(one)["seen_by"]) for one in told} == {("leaks", "credentials")}


async def test_the_floor_holds_when_policy_would_allow(world: World, token: str, tmp_path: Path, wide: object) -> None:
    """A policy set that permits everything does not lift the detectors' own floor."""
    from holdfast.server.config import PolicySettings, Settings
    from holdfast.server.house import open_house

    policies = tmp_path / "policies"
    (policies / "supervised").mkdir(parents=True)
    (policies / "supervised" / "all.cedar").write_text(
        '@id("all")\n@reason("everything")\npermit (principal, action, resource);\n'
        '@id("none")\n@reason("but this")\nforbid (principal, action == Action::"time", resource);\n'
    )
    (policies / "tests").mkdir()
    (policies / "tests" / "all.yaml").write_text(
        "profiles: [supervised]\ncases:\n"
        "  - {name: all, call: echo, with: {text: x}, expect: allow, by: all}\n"
        "  - {name: none, call: time, with: {}, expect: deny, by: none}\n"
    )
    async with open_house(Settings(policy=PolicySettings(dir=policies)), tmp_path / "data2") as house:
        result = await house.dispatcher.execute(wanted("http_fetch", {"url": f"https://example.com/{token}"}), AGENT)

    assert result.reason is not None
    assert result.reason.code.endswith("/secret-to-egress")


async def test_reading_labels_the_session_and_a_request_then_asks(world: World, fresh: Fresh) -> None:
    (world.workspace / "a.txt").write_text("private")
    who = fresh()
    await world.call("file_read", {"path": "a.txt"}, principal=who)

    session = await world.house.sessions.default(who)
    asked = await world.call("http_fetch", {"url": "https://example.com/"}, principal=who)

    assert session.labels == {Label.PRIVATE}
    assert asked.status is Status.PENDING
    assert asked.approval is not None
    assert "ask-http-private" in asked.approval.forbids


async def test_labels_survive_a_restart(tmp_path: Path) -> None:
    from holdfast.server.config import Settings, WorkspaceSettings
    from holdfast.server.house import open_house

    (tmp_path / "ws").mkdir()
    (tmp_path / "ws" / "a.txt").write_text("private")
    settings = Settings(workspace=WorkspaceSettings(root=tmp_path / "ws"))
    who = someone("alice")
    async with open_house(settings, tmp_path / "data") as house:
        await house.dispatcher.execute(wanted("file_read", {"path": "a.txt"}), who)
    async with open_house(settings, tmp_path / "data") as house:
        assert (await house.sessions.default(who)).labels == {Label.PRIVATE}


async def test_an_approval_runs_one_call_once(world: World) -> None:
    command = {"argv": ["touch", "made"]}
    await world.taint()
    asked = await world.call("shell", command)
    assert asked.approval is not None
    assert not (world.workspace / "made").exists()
    await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)

    ran = await world.call("shell", command, approval=asked.approval.id)
    (world.workspace / "made").unlink()
    again = await world.call("shell", command, approval=asked.approval.id)

    assert ran.status is Status.OK
    assert (again.status, again.reason and again.reason.code) == (Status.DENIED, "gate/approval-invalid")
    assert not (world.workspace / "made").exists()


async def test_an_approval_for_other_arguments_or_another_caller_is_not_spent(world: World, fresh: Fresh) -> None:
    await world.taint()
    asked = await world.call("shell", {"argv": ["touch", "made"]})
    assert asked.approval is not None
    await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)

    other = await world.call("shell", {"argv": ["touch", "else"]}, approval=asked.approval.id)
    stranger = fresh()
    await world.taint(stranger)
    thief = await world.call("shell", {"argv": ["touch", "made"]}, approval=asked.approval.id, principal=stranger)
    own = await world.call("shell", {"argv": ["touch", "made"]}, approval=asked.approval.id)

    assert (other.status, thief.status) == (Status.DENIED, Status.DENIED)
    assert own.status is Status.OK
    assert sorted(path.name for path in world.workspace.iterdir()) == ["made"]


@pytest.mark.parametrize(
    ("tool", "arguments", "waits"),
    [
        ("file_write", {"path": "a", "content": "b"}, 1),
        ("hash", {"path": "there"}, 1),  # it reads, under a condition that this call meets
        ("hash", {"text": "b"}, 0),
    ],
)
async def test_the_intent_is_on_disk_before_an_effect(
    world: World, monkeypatch: pytest.MonkeyPatch, tool: str, arguments: dict[str, Json], waits: int
) -> None:
    """The runtime looks: its own intent is already synced. A call without effects waits at its end only."""
    (world.workspace / "there").write_text("x")
    synced: list[int] = []
    real = type(world.house.audit.chain).durable

    async def watched(chain: object, seq: int) -> None:
        await real(chain, seq)  # type: ignore[arg-type]
        synced.append(seq)

    monkeypatch.setattr(type(world.house.audit.chain), "durable", watched)
    seen: list[int] = []

    async def looking(_runtime: object, call: object) -> Completed:
        seen.extend(synced)
        return Completed(content=(Text(text="looked"),))

    monkeypatch.setattr("holdfast.sandbox.builtin.BuiltinRuntime.run", looking)
    result = await world.call(tool, arguments)

    assert result.audit is not None
    assert seen == [result.audit.seq - 1] * waits
    assert synced[-1] == result.audit.seq


async def test_without_an_outcome_record_there_is_no_result(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = own_world
    chain = world.house.audit.chain

    async def closing(_runtime: object, call: object) -> Completed:
        chain._break(0)
        return Completed(content=(Text(text="never seen"),))

    monkeypatch.setattr("holdfast.sandbox.builtin.BuiltinRuntime.run", closing)

    with pytest.raises(InternalError):
        await world.call("echo", {"text": "hi"})
    with pytest.raises(InternalError):
        await world.call("echo", {"text": "hi"})


async def test_a_cancelled_call_is_on_the_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    began = asyncio.Event()

    async def stuck(_runtime: object, call: object) -> Completed:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("holdfast.sandbox.builtin.BuiltinRuntime.run", stuck)
    task = asyncio.create_task(world.call("echo", {"text": "hi"}))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    intent, outcome = world.records(2)
    assert (outcome["kind"], outcome["status"]) == ("outcome", "cancelled")
    assert intent["call_id"] == outcome["call_id"]


async def test_a_cut_output_can_be_read_on_by_its_caller_only(world: World, fresh: Fresh) -> None:
    text = "".join(f"line {number}\n" for number in range(20_000))
    who = fresh()
    result = await world.call("echo", {"text": text[:99_000]}, principal=who)
    (world.workspace / "big.txt").write_text(text)
    result = await world.call("file_read", {"path": "big.txt"}, principal=who)

    assert "output_read" in result.output
    assert len(result.output) < 110_000
    rest = await world.call("output_read", {"call_id": result.call_id, "offset": 150_000, "limit": 100}, principal=who)
    stranger = await world.call("output_read", {"call_id": result.call_id}, principal=fresh())
    unknown = await world.call("output_read", {"call_id": "c_" + "0" * 24}, principal=fresh())
    assert text[150_000:150_080] in rest.output
    assert (stranger.status, unwrap(stranger.output)) == (unknown.status, unwrap(unknown.output))


async def test_dry_runs_have_no_effect_but_their_record(world: World) -> None:
    result = await world.house.dispatcher.explain(wanted("file_write", {"path": "a", "content": "b"}), AGENT)

    assert result.status is Status.OK
    assert not (world.workspace / "a").exists()
    assert world.records(2)[0]["mode"] == "explain"


@pytest.fixture
def token() -> str:
    """A specimen of a well-known form, put together here so that no file of ours looks like a leak."""
    return "AKIA" + "QX4TZ7MPL2VRKJ6Y"
