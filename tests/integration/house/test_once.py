"""Idempotency keys: the same key, the same answer, never a second run."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Principal, Status
from holdfast.server.principals import OPERATOR
from holdfast.server.store import Ruling

from .conftest import World

pytestmark = pytest.mark.anyio
Fresh = Callable[[], Principal]


async def test_the_same_key_gives_the_same_answer_without_a_second_run(world: World) -> None:
    first = await world.call("file_write", {"path": "a", "content": "1"}, idempotency_key="k")
    (world.workspace / "a").unlink()
    second = await world.call("file_write", {"path": "a", "content": "1"}, idempotency_key="k")

    assert second == first
    assert not (world.workspace / "a").exists()
    assert world.records(1)[0]["repeats"] == first.call_id


async def test_a_key_used_for_another_call_is_refused(world: World) -> None:
    await world.call("file_write", {"path": "a", "content": "1"}, idempotency_key="k")
    other = await world.call("file_write", {"path": "b", "content": "1"}, idempotency_key="k")

    assert (other.status, other.reason and other.reason.code) == (Status.DENIED, "admit/idempotency")
    assert not (world.workspace / "b").exists()


async def test_a_key_belongs_to_its_principal(world: World, fresh: Fresh) -> None:
    mine = await world.call("echo", {"text": "a"}, idempotency_key="k", principal=fresh())
    yours = await world.call("echo", {"text": "a"}, idempotency_key="k", principal=fresh())

    assert mine.call_id != yours.call_id


async def test_a_pending_call_can_be_repeated_with_its_approval_under_the_same_key(world: World) -> None:
    command = {"argv": ["touch", "made"]}
    await world.taint()
    asked = await world.call("shell", command, idempotency_key="k")
    assert asked.approval is not None
    await world.house.approvals.decide(asked.approval.id, Ruling.APPROVE, by=OPERATOR)

    ran = await world.call("shell", command, idempotency_key="k", approval=asked.approval.id)

    assert ran.status is Status.OK
    assert (world.workspace / "made").exists()


async def test_an_interrupted_call_is_not_run_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    began = asyncio.Event()
    runs = 0

    async def stuck(_runtime: object, call: object) -> Completed:
        nonlocal runs
        runs += 1
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("holdfast.sandbox.builtin.BuiltinRuntime.run", stuck)
    task = asyncio.create_task(world.call("echo", {"text": "a"}, idempotency_key="k"))
    await began.wait()
    during = await world.call("echo", {"text": "a"}, idempotency_key="k")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    after = await world.call("echo", {"text": "a"}, idempotency_key="k")

    assert (during.status, after.status) == (Status.DENIED, Status.DENIED)
    assert runs == 1


async def test_a_token_of_a_narrower_profile_does_not_get_a_wider_ones_answer(world: World) -> None:
    narrow = replace(world.caller, profile="readonly")
    await world.call("file_write", {"path": "a", "content": "1"}, idempotency_key="k")
    again = await world.call("file_write", {"path": "a", "content": "1"}, idempotency_key="k", principal=narrow)

    assert again.status is Status.DENIED
