"""What was wrong with long texts, and is not any more: they held up everybody, or passed the limit in disguise."""

import threading
from pathlib import Path

import pytest

from holdfast.contracts import Link, Resource, Status, Text
from holdfast.server.config import Settings
from holdfast.server.dispatch.endings import Ending
from holdfast.server.dispatch.inbound import Inbound
from holdfast.server.dispatch.wrapping import _cut_content, _weight
from holdfast.server.house import open_house
from tests.integration.house.conftest import AGENT, wanted


@pytest.mark.anyio
async def test_long_arguments_are_judged_beside_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """100 KB of arguments took up to a second, in which nobody else was served."""
    where: list[bool] = []
    judge = Inbound.judge

    def noted(*things: object) -> object:
        where.append(threading.current_thread() is threading.main_thread())
        return judge(*things)  # type: ignore[arg-type] -- passed on as they came

    monkeypatch.setattr(Inbound, "judge", noted)
    async with open_house(Settings(), tmp_path / "data") as house:
        for text in ("short", "long " * 10_000):
            assert (await house.dispatcher.execute(wanted("echo", {"text": text}), AGENT)).status is Status.OK
            assert (await house.dispatcher.explain(wanted("echo", {"text": text}), AGENT)).status is Status.OK

    assert where == [True, True, False, False]


def test_every_text_of_an_answer_counts_before_it_is_cleaned():
    long = "x" * 10_000
    endings = [
        Ending(status=Status.OK, content=(Resource(uri="a:b", body=Text(text=long)),)),
        Ending(status=Status.OK, content=(Link(uri="a:b", name="n", description=long),)),
        Ending(status=Status.ERROR, detail=long),
        Ending(status=Status.OK, log=long),
        Ending(status=Status.OK, structured={"a": long}),
    ]
    assert all(_weight(ending) >= len(long) for ending in endings)


def test_the_text_of_a_resource_is_cut_like_any_other():
    resource = Resource(uri="a:b", body=Text(text="x" * 10_000, media_type="text/x"))
    cut = _cut_content((Text(text="y" * 600), resource, Text(text="z")), 1_000)

    assert [len(block.text) for block in cut if isinstance(block, Text)] == [600]
    assert [len(block.body.text) for block in cut if isinstance(block, Resource) and isinstance(block.body, Text)] == [
        400
    ]
