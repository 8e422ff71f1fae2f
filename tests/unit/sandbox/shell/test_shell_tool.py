"""`shell` takes exactly one command, hands it on word for word, and never waits longer than it may."""

from dataclasses import dataclass, field, replace

import pytest

from holdfast.contracts import (
    Authorized,
    CallId,
    Completed,
    Effect,
    InvalidRequest,
    Json,
    Limits,
    Outcome,
    Principal,
    Session,
    SessionId,
    TenantId,
)
from holdfast.contracts._mint import mint
from holdfast.tools.builtin.shell import SPEC, ShellTool

pytestmark = pytest.mark.anyio


def call(**arguments: Json) -> Authorized:
    tenant = TenantId("t")
    return mint(
        {
            "call_id": CallId("c"),
            "spec": SPEC,
            "arguments": arguments,
            "principal": Principal(subject="agent", tenant=tenant, scopes=frozenset()),
            "session": Session(id=SessionId("s"), principal="agent", tenant=tenant, labels=frozenset()),
            "limits": replace(SPEC.limits, wall_ms=5_000),
        }
    )


@dataclass
class Runner:
    asked: list[tuple[tuple[str, ...], str, int]] = field(default_factory=list)

    async def run(self, argv: tuple[str, ...], /, *, cwd: str, wall_ms: int, limits: Limits) -> Outcome:
        assert limits.memory_bytes == SPEC.limits.memory_bytes
        self.asked.append((argv, cwd, wall_ms))
        return Completed(content=())


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({"argv": ["ls", "-l", "$(x)"]}, (("ls", "-l", "$(x)"), ".", 5_000)),
        ({"script": "ls | wc"}, (("/bin/sh", "-c", "ls | wc"), ".", 5_000)),
        ({"script": "-c x", "cwd": "sub"}, (("/bin/sh", "-c", "-c x"), "sub", 5_000)),
        ({"argv": ["ls"], "timeout_ms": 200}, (("ls",), ".", 200)),
        ({"argv": ["ls"], "timeout_ms": 900_000}, (("ls",), ".", 5_000)),
        ({"argv": ["ls"], "timeout_ms": 0}, (("ls",), ".", 1)),
    ],
)
async def test_a_command_is_handed_on_within_the_deadline(arguments: dict[str, Json], asked: object) -> None:
    runner = Runner()

    await ShellTool(runner)(call(**arguments))

    assert runner.asked == [asked]


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"argv": ["ls"], "script": "ls"},
        {"argv": []},
        {"argv": [""]},
        {"argv": ["ls", 1]},
        {"argv": "ls"},
        {"argv": ["a\0b"]},
        {"script": "a\0b"},
        {"argv": ["x" * 100_001]},
        {"script": "é" * 60_000},
        {"argv": ["ls"], "cwd": 1},
        {"argv": ["ls"], "timeout_ms": "1"},
    ],
)
async def test_anything_but_one_command_is_refused(arguments: dict[str, Json]) -> None:
    runner = Runner()

    with pytest.raises(InvalidRequest):
        await ShellTool(runner)(call(**arguments))

    assert runner.asked == []


def test_it_is_said_to_read_write_and_execute_and_not_to_reach_out() -> None:
    assert SPEC.effects == {Effect.READ_PRIVATE, Effect.WRITE, Effect.EXECUTE}
