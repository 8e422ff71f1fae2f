"""Holdfast without a server: `async with Local.open() as holdfast: await holdfast.call("echo", {"text": "hi"})`.

The same house, the same layers and the same record as `holdfast serve`; only the listening is left out.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.contracts import ApprovalId, Json, ToolCall, ToolName, ToolResult, ToolSpec

from .config import Settings, load_settings
from .data_dir import find_data_dir
from .house import House, open_house
from .principals import OPERATOR
from .verbs.calls import new_call_id


class Local:
    """A house of one's own, on a data directory nobody else holds."""

    def __init__(self, house: House) -> None:
        self._house = house

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, data_dir: Path | None = None, config: Path | Settings | None = None
    ) -> "AsyncGenerator[Local]":
        """Open the house on *data_dir* with the file or settings *config*.

        Raises: OperatorError when it cannot be opened, with what to do.
        """
        settings = config if isinstance(config, Settings) else load_settings(config)
        async with open_house(settings, find_data_dir(data_dir)) as house:
            yield cls(house)

    def tools(self) -> tuple[ToolSpec, ...]:
        """The tools that can be called, by name."""
        return self._house.registry.tools()

    async def call(
        self, tool: str, arguments: Mapping[str, Json], *, session: str | None = None, approval: str | None = None
    ) -> ToolResult:
        """Call *tool* as the operator; the answer says whether and how it ran."""
        wanted = ToolCall(
            id=new_call_id(),
            tool=ToolName(tool),
            arguments=arguments,
            session=session,
            approval=None if approval is None else ApprovalId(approval),
        )
        return await self._house.dispatcher.execute(wanted, OPERATOR)
