"""What was once wrong with labels and whose a file is."""

import pytest

from tests.integration.flow.conftest import UNTRUSTED, World, shared, world  # noqa: F401 -- fixtures

pytestmark = pytest.mark.anyio


async def test_a_file_that_could_not_be_written_is_not_the_agents_own(world: World) -> None:  # noqa: F811
    """A write that failed counted as "made it": what somebody else put there later was replaced without asking."""
    agent = await world.agent(UNTRUSTED)
    in_the_way = world.workspace / f"folder-{world.tenant}"
    in_the_way.write_text("a file, where a folder would have to be")
    wanted = {"path": f"{in_the_way.name}/plan.txt", "content": "x"}

    assert await agent.does("file_write", wanted) != "ok"
    in_the_way.unlink()
    in_the_way.mkdir()
    (in_the_way / "plan.txt").write_text("theirs")

    assert await agent.asks("file_write", wanted) != ()
    assert (in_the_way / "plan.txt").read_text() == "theirs"
