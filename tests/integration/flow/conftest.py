"""A real house in front of a real MCP server, with an operator's entries, and agents in sessions a host minted."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from holdfast.contracts import (
    ApprovalId,
    Json,
    Label,
    Principal,
    Scope,
    Session,
    SessionId,
    TenantId,
    ToolCall,
    ToolName,
    ToolResult,
)
from holdfast.server.config import load_settings
from holdfast.server.house import House, Opening, open_house
from holdfast.server.verbs.calls import new_call_id

from .desk import Desk, desk_serving

PRIVATE, UNTRUSTED = Label.PRIVATE, Label.UNTRUSTED
BOTH = (PRIVATE, UNTRUSTED)
ENTRIES = """
[workspace]
root = "workspace"
[limits]
burst = 100000
calls_per_minute = 100000
[[labels]]
path = "inbox/**"
is = ["untrusted"]
[[labels]]
path = "published/**"
is = ["public"]
[[labels]]
upstream = "desk"
argument = "to"
values = ["*@ours.example"]
is = ["trusted"]
[[upstreams]]
name = "desk"
url = "URL"
effects = ["read_private"]
[[upstreams.tools]]
name = "mail"
effects = ["read_untrusted"]
reads = ["mail/{folder}"]
[[upstreams.tools]]
name = "get_note"
effects = ["read_private"]
reads = ["note/{id}"]
[[upstreams.tools]]
name = "put_note"
effects = ["write"]
writes = ["note/{result.id}"]
staged = true
[[upstreams.tools]]
name = "set_note"
effects = ["write"]
writes = ["note/{id}"]
[[upstreams.tools]]
name = "draft"
effects = ["write"]
writes = ["draft/{result.id}"]
staged = true
[[upstreams.tools]]
name = "add_to_draft"
effects = ["write"]
writes = ["draft/{id}"]
staged = true
[[upstreams.tools]]
name = "send_draft"
effects = ["write", "egress"]
writes = ["sent"]
carries = ["draft/{id}"]
decisive = []
[[upstreams.tools]]
name = "send"
effects = ["write", "egress"]
writes = ["sent"]
receivers = ["to", "cc"]
[[upstreams.tools]]
name = "forward"
effects = ["read_private", "write", "egress"]
reads = ["mail/{id}"]
writes = ["sent"]
decisive = ["to"]
receivers = ["to"]
[[upstreams.tools]]
name = "event"
effects = ["write", "egress"]
when = [{ effects = ["egress"], argument = "attendees" }]
writes = ["event"]
staged = true
[[upstreams.tools]]
name = "search"
effects = ["read_untrusted", "egress"]
[[upstreams.tools]]
name = "pay"
effects = ["spend"]
[[upstreams.tools]]
name = "fail"
effects = []
"""


@dataclass(frozen=True)
class Agent:
    """One model context."""

    house: House
    principal: Principal
    session: SessionId

    async def call(self, tool: str, arguments: Mapping[str, Json] = {}, *, approval: str | None = None) -> ToolResult:
        """Call *tool*; one of the desk without its prefix."""
        name = tool if tool in _OURS else f"desk__{tool}"
        lifted = None if approval is None else ApprovalId(approval)
        named = None if self.principal.session is not None else self.session
        call = ToolCall(id=new_call_id(), tool=ToolName(name), arguments=arguments, session=named, approval=lifted)
        return await self.house.dispatcher.execute(call, self.principal)

    async def does(self, tool: str, arguments: Mapping[str, Json] = {}, *, approval: str | None = None) -> str:
        """What became of a call: `ok`, or the reason's code."""
        return code(await self.call(tool, arguments, approval=approval))

    async def asks(self, tool: str, arguments: Mapping[str, Json] = {}) -> tuple[str, ...]:
        """The forbids that hold a call up; none when it is not asked about."""
        result = await self.call(tool, arguments)
        return () if result.approval is None else result.approval.forbids

    async def labels(self) -> frozenset[Label]:
        """Of its session, as everybody sees them."""
        session = await self.house.sessions.get(self.session)
        assert session is not None
        return session.labels


_OURS = frozenset({"file_list", "file_read", "file_write", "shell", "http_fetch", "echo"})
_NUMBERS = count()


@dataclass(frozen=True)
class World:
    """The house, its server and its workspace, for one tenant."""

    house: House
    desk: Desk
    workspace: Path
    tenant: TenantId

    async def agent(
        self,
        *labels: Label,
        request: str | None = None,
        parent: SessionId | None = None,
        subject: str = "agent",
    ) -> Agent:
        """An agent in a session of its own, that begins with *labels*; its token is bound to it."""
        session = await self.minted(*labels, request=request, parent=parent, subject=subject)
        return Agent(self.house, person(subject, self.tenant, session.id), session.id)

    async def loose(self, session: SessionId, subject: str = "agent") -> Agent:
        """An agent whose token is bound to no session, in one that it names."""
        return Agent(self.house, person(subject, self.tenant), session)

    async def minted(
        self,
        *labels: Label,
        request: str | None = None,
        parent: SessionId | None = None,
        subject: str = "agent",
    ) -> Session:
        """A session that a host opened."""
        return await self.house.sessions.mint(
            tenant=self.tenant, subject=subject, parent=parent, user_request=request, labels=frozenset(labels), by="h"
        )


def person(
    subject: str,
    tenant: TenantId,
    session: SessionId | None = None,
    *,
    scopes: frozenset[Scope] = frozenset({Scope.CALL}),
) -> Principal:
    """*subject* with a token."""
    return Principal(subject=subject, tenant=tenant, scopes=scopes, token_id=f"token-{subject}", session=session)


def code(result: ToolResult) -> str:
    """The status, or the reason's code when there is one."""
    return result.status.value if result.reason is None else result.reason.code


@asynccontextmanager
async def standing(folder: Path, desk: Desk, text: str = ENTRIES) -> AsyncIterator[House]:
    """A house on *text* in *folder*, with everything that *desk* offers approved."""
    (folder / "workspace").mkdir(parents=True, exist_ok=True)
    file = folder / "holdfast.toml"
    file.write_text(text.replace("URL", desk.url), encoding="utf-8")
    async with open_house(load_settings(file), folder / "data", Opening(config=file)) as house:
        for upstream in load_settings(file).upstreams:
            await house.upstreams.approve(upstream.name, ())
        yield house


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[House, Desk, Path]]:
    """One house and one desk a module."""
    folder = tmp_path_factory.mktemp("flow")
    async with AsyncExitStack() as stack:
        desk = await stack.enter_async_context(desk_serving())
        house = await stack.enter_async_context(standing(folder, desk))
        yield house, desk, folder / "workspace"


@pytest.fixture
def world(shared: tuple[House, Desk, Path]) -> World:
    """A tenant nobody has been, whose places carry nothing."""
    house, desk, workspace = shared
    return World(house, desk, workspace, TenantId(f"t{next(_NUMBERS)}"))
