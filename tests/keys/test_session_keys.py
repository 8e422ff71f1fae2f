"""`[limits] python_*` for what is kept between calls, and for tools that are source text."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from holdfast.contracts import OperatorError
from holdfast.server.principals import OPERATOR

from .test_limits import interpreter
from .world import World, code, opened

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900), pytest.mark.usefixtures("interpreter")]
__all__ = ["interpreter"]

PROGRAM = {"code": "1", "session": True}


@pytest.fixture
async def few(tmp_path) -> AsyncIterator[World]:
    limits = "[limits]\npython_sessions = 2\npython_sessions_each = 1\npython_memory_bytes = 67108864\n"
    async with opened(tmp_path, f"{limits}python_wall_ms = 5000\n") as world:
        yield world


@pytest.fixture
async def hasty(tmp_path) -> AsyncIterator[World]:
    async with opened(tmp_path, "[limits]\npython_session_idle_ms = 1\n") as world:
        yield world


@pytest.fixture
async def usual(tmp_path) -> AsyncIterator[World]:
    folder = tmp_path / "usual"
    folder.mkdir()
    async with opened(folder) as world:
        yield world


async def test_python_sessions_are_how_many_are_kept_in_all(few: World, tmp_path) -> None:
    codes = [code(await few.call("python", PROGRAM, who=f"a-{n}")) for n in range(3)]

    assert codes == ["ok", "ok", "python/sessions-full"]
    (tmp_path / "none").mkdir()
    async with opened(tmp_path / "none", "[limits]\npython_sessions = 0\n") as none:
        assert code(await none.call("python", PROGRAM)) == "python/sessions-full"
        assert code(await none.call("python", {"code": "1"})) == "ok"


async def test_python_sessions_each_are_how_many_one_principal_keeps(few: World, usual: World) -> None:
    for world, expected in ((few, "python/sessions-full"), (usual, "ok")):
        first = await world.minted()
        other = await world.house.sessions.mint(tenant=first.tenant, subject=first.subject)
        contexts = (first, replace(first, session=other.id))

        codes = [code(await world.call("python", PROGRAM, who=who)) for who in contexts]

        assert codes == ["ok", expected]


async def test_python_session_idle_ms_ends_what_is_not_used(hasty: World, usual: World) -> None:
    async def second(world: World) -> str:
        await world.call("python", PROGRAM, who="one")
        await asyncio.sleep(0.1)
        return code(await world.call("python", PROGRAM, who="one"))

    assert await second(hasty) == "python/session-lost"
    assert await second(usual) == "ok"


@pytest.mark.parametrize(("limit", "above"), [("memory_bytes", 67_108_865), ("wall_ms", 5001)])
async def test_what_the_interpreter_is_given_is_the_ceiling_of_source_text(
    few: World, usual: World, limit: str, above: int
) -> None:
    least = {"memory_bytes": 67_108_864, "wall_ms": 1}
    written = "[limits]\n" + "".join(f"{name} = {value}\n" for name, value in (least | {limit: above}).items())
    source = b"def f() -> int: return 1"

    with pytest.raises(OperatorError, match=f"`limits.{limit}`: this server allows at most"):
        await few.house.registrar.register_source(source, "f.py", OPERATOR, written=written)
    assert await usual.house.registrar.register_source(source, "f.py", OPERATOR, written=written)
