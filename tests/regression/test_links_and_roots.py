"""Where a path leads: a folder behind a link keeps its labels, and the root alone is not everything in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import CallId, Json, Label, Principal, Scope, TenantId, ToolCall, ToolName
from tests.property.server.flow_house import House, open_house

pytestmark = pytest.mark.anyio
TENANT = TenantId("t")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        (opened.workspace / "inbox").mkdir()
        (opened.workspace / "inbox" / "mail.txt").write_text("a stranger's words")
        (opened.workspace / "plain.txt").write_text("words of ours")
        (opened.workspace / "in").symlink_to("inbox")
        yield opened


async def learned(house: House, tool: str, **arguments: Json) -> frozenset[Label]:
    session = await house.state.sessions.mint(tenant=TENANT, subject="agent")
    agent = Principal(
        subject="agent", tenant=TENANT, scopes=frozenset({Scope.CALL}), token_id="agent", session=session.id
    )
    call = ToolCall(id=CallId(f"c-{session.id}"), tool=ToolName(tool), arguments=arguments)
    result = await house.dispatcher.execute(call, agent)
    assert result.reason is None
    after = await house.state.sessions.get(session.id)
    assert after is not None
    return after.labels


@pytest.mark.parametrize(("tool", "more"), [("file_grep", {"pattern": "."}), ("file_list", {})])
async def test_a_folder_behind_a_link_keeps_its_labels(house: House, tool: str, more: dict[str, Json]):
    """The answer said `in/mail.txt`, which no row and no mark is about."""
    assert await learned(house, tool, path="in", **more) == frozenset(Label)
    assert await learned(house, tool, path="inbox", **more) == frozenset(Label)


async def test_a_listing_of_the_root_is_not_a_reading_of_everything(house: House):
    """`.` was taken for the whole workspace, and a listing without it was not."""
    assert await learned(house, "file_list") == await learned(house, "file_list", path=".") == {Label.PRIVATE}


async def test_one_file_at_the_root_is_only_itself(house: House):
    assert await learned(house, "file_read", path="./plain.txt") == {Label.PRIVATE}
