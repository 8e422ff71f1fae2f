"""A real house that can be closed and opened again, and tools for it that are one line of JSON each."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.contracts import Digest, Principal, Scope, TenantId, ToolCall, ToolName, ToolResult
from holdfast.server.config import LimitSettings, Settings
from holdfast.server.house import House, Opening, Proving, open_house
from holdfast.server.principals import OPERATOR, acting_as
from holdfast.server.trust import TrustSettings
from holdfast.server.verbs import run_verb
from holdfast.server.verbs.calls import new_call_id

from ...doors.guests import manifest, saying
from ..house.conftest import World as Records

WIDE = LimitSettings(burst=100_000, calls_per_minute=100_000)


@dataclass
class Living:
    """One opening of the house."""

    house: House

    async def add(self, name: str, word: str, *, who: Principal = OPERATOR, version: str = "1.0.0", **more: str):
        """Register a tool that says *word*; answers the registration."""
        written, module = described(name, word, version)
        return await self.house.registrar.register(written, module, who, **more)

    async def install(self, name: str, word: str, **more):
        """Register and approve one."""
        registered = await self.add(name, word, **more)
        return await self.house.registrar.approve(ToolName(name), OPERATOR, seen=registered.definition)

    async def call(self, name: str) -> ToolResult:
        call = ToolCall(id=new_call_id(), tool=ToolName(name), arguments={})
        return await self.house.dispatcher.execute(call, acting_as("agent"))

    async def said(self, name: str):
        """The structured answer, or the code of the reason."""
        result = await self.call(name)
        return result.structured if result.reason is None else result.reason.code

    async def verb(self, verb: str, **params):
        return await run_verb(self.house, verb, params)

    async def states(self) -> dict[str, str]:
        """The states by name, as `tools list` shows them, of what is not built in."""
        rows = await self.verb("tools.list")
        return {row["name"]: row["state"] for row in rows if row["kind"] != "builtin"}

    def file(self, module: Digest) -> Path:
        return self.house.data.modules / module.hex

    def decisions(self, tool: str) -> list[str]:
        """What the record says was decided about *tool*."""
        found = Records(self.house, self.house.data.root).records(500)
        return [one["decision"] for one in found if one["kind"] == "tool" and one["tool"] == tool]


def described(name: str, word: str, version: str = "1.0.0") -> tuple[str, bytes]:
    module = saying(word)
    return manifest(name, module).replace("1.0.0", version), module


def somebody(subject: str, tenant: str = "acme", *scopes: Scope) -> Principal:
    return Principal(
        subject=subject, tenant=TenantId(tenant), scopes=frozenset(scopes or {Scope.REGISTER}), token_id=subject
    )


Opened = Callable[..., AbstractAsyncContextManager[Living]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """Open the house of this test, as often as it likes."""

    @asynccontextmanager
    async def opening(**trust: object) -> AsyncIterator[Living]:
        settings = Settings(limits=WIDE, trust=TrustSettings(**trust))  # type: ignore[arg-type]
        async with open_house(settings, tmp_path / "data", Opening(proving=Proving.EACH_WORKER)) as house:
            yield Living(house)

    return opening
