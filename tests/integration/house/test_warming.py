"""What a server's first call would wait for is there before it comes, and what fails there fails nobody's start."""

import asyncio
from pathlib import Path

import pytest

from holdfast.safety import validator
from holdfast.server import house
from holdfast.server.assembly.warming import NAME
from holdfast.server.config import Settings
from tests.integration.house.conftest import AGENT, wanted

pytestmark = pytest.mark.anyio


def never(*_given: object) -> object:
    raise AssertionError("nobody is to ask for this now")


async def warmed() -> None:
    await asyncio.gather(*(task for task in asyncio.all_tasks() if task.get_name() == NAME))


async def test_schemas_are_compiled_before_the_first_call_of_their_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.open_house(Settings(), tmp_path) as opened:
        await warmed()
        monkeypatch.setattr(validator, "compile_schema", never)

        result = await opened.dispatcher.execute(wanted("echo", {"text": "a"}), AGENT)

    assert result.status.value == "ok"


async def test_what_cannot_be_made_ready_is_left_to_the_first_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validator.Validator, "prepare", never)

    async with house.open_house(Settings(), tmp_path) as opened:
        await warmed()
        result = await opened.dispatcher.execute(wanted("echo", {"text": "a"}), AGENT)

    assert result.status.value == "ok"
