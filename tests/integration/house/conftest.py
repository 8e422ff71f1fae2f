"""A real house on a throwaway folder, and short ways to call it."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from holdfast.contracts import ApprovalId, Json, Label, Principal, Scope, TenantId, ToolCall, ToolName, ToolResult
from holdfast.server.audit import tail
from holdfast.server.config import LimitSettings, Settings, WorkspaceSettings
from holdfast.server.house import House, open_house
from holdfast.server.principals import acting_as
from holdfast.server.verbs.calls import new_call_id

AGENT = acting_as("agent")


@dataclass
class World:
    """The house, its workspace, and a caller."""

    house: House
    workspace: Path
    caller: Principal = AGENT

    async def call(
        self, tool: str, arguments: Mapping[str, Json], *, principal: Principal | None = None, **more: str | int | None
    ) -> ToolResult:
        return await self.house.dispatcher.execute(wanted(tool, arguments, **more), principal or self.caller)

    async def taint(self, principal: Principal | None = None) -> None:
        """The caller's default session has read a stranger's text: whatever it wants done from now on is asked for."""
        session = await self.house.sessions.default(principal or self.caller)
        await self.house.sessions.learn(session.id, frozenset({Label.UNTRUSTED}))

    def records(self, count: int = 50) -> list[dict[str, Json]]:
        return tail(self.house.data.audit / self.house.audit.chain.name, count)


def wanted(tool: str, arguments: Mapping[str, Json], **more: str | int | None) -> ToolCall:
    approval = more.pop("approval", None)
    fields = {**more, "approval": None if approval is None else ApprovalId(str(approval))}
    return ToolCall(id=new_call_id(), tool=ToolName(tool), arguments=arguments, **fields)  # type: ignore[arg-type]


def someone(subject: str) -> Principal:
    return Principal(subject=subject, tenant=TenantId("t"), scopes=frozenset({Scope.CALL}), token_id=subject)


@pytest.fixture(scope="session")
def wide() -> LimitSettings:
    return LimitSettings(burst=100_000, calls_per_minute=100_000)


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory, wide: LimitSettings) -> AsyncIterator[World]:
    """One house a module; each test is somebody nobody has been, in an empty workspace."""
    tmp_path = tmp_path_factory.mktemp("house")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    settings = Settings(workspace=WorkspaceSettings(root=workspace), limits=wide)
    async with open_house(settings, tmp_path / "data") as house:
        yield World(house, workspace)


@pytest.fixture
def world(shared: World, fresh: Callable[[], Principal]) -> World:
    for path in shared.workspace.iterdir():
        path.unlink()
    return World(shared.house, shared.workspace, fresh())


@pytest.fixture
async def own_world(tmp_path: Path, wide: LimitSettings) -> AsyncIterator[World]:
    """A house of the test's own, to break."""
    async with open_house(Settings(limits=wide), tmp_path / "data") as house:
        yield World(house, tmp_path)


@pytest.fixture
def fresh() -> Callable[[], Principal]:
    """A principal nobody has been: its default session has read nothing."""
    return lambda: someone(f"p{next(_NUMBERS)}")


_NUMBERS = count()
