"""A small text beside a large structured value used to pass the output limit whole."""

import pytest

from holdfast.contracts import Authorized, Completed, Status, Text, ToolName

from .conftest import World


@pytest.mark.anyio
async def test_structured_values_over_the_limit_are_left_out_whole(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = own_world.house.registry.get(ToolName("echo"))
    assert spec is not None

    async def answering(_runtime: object, _call: Authorized) -> Completed:
        return Completed(content=(Text(text="short"),), structured=["x" * 1000] * 1000)

    monkeypatch.setattr("holdfast.sandbox.builtin.BuiltinRuntime.run", answering)
    result = await own_world.call("echo", {"text": "hi"})

    assert result.status is Status.OK
    assert result.structured is None
    assert result.usage.output_bytes > spec.limits.output_bytes
    assert "short" in result.output
