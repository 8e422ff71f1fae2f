"""What the attacks of `tests/doors` found when they were first made, one test each, in a house without its doors."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.contracts import CallId, Label, Principal, Scope, ToolCall, ToolName, ToolResult
from holdfast.server.audit import sign, tail
from holdfast.server.cli.audit import verify_chains
from holdfast.server.cli.options import Format
from holdfast.server.config import Settings, WorkspaceSettings
from holdfast.server.house import House, open_house
from holdfast.server.principals import LOCAL_TENANT

pytestmark = pytest.mark.anyio

AGENT = Principal(subject="agent", tenant=LOCAL_TENANT, scopes=frozenset({Scope.CALL}), token_id="t")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "letter.txt").write_text("private")
    settings = Settings(workspace=WorkspaceSettings(root=tmp_path / "workspace"))
    async with open_house(settings, tmp_path / "data") as opened:
        yield opened


async def call(house: House, tool: str, session: str | None = None, key: str | None = None, **arguments) -> ToolResult:
    wanted = ToolCall(
        id=CallId("c_" + secrets.token_hex(12)),
        tool=ToolName(tool),
        arguments=arguments,
        session=session,
        idempotency_key=key,
    )
    return await house.dispatcher.execute(wanted, AGENT)


async def test_an_answer_replayed_in_a_clean_session_labels_it(house: House):
    """A second conversation got the first one's private answer by its idempotency key, and stayed clean."""
    first, second = [await house.sessions.mint(tenant=LOCAL_TENANT, subject="agent") for _ in range(2)]

    read = await call(house, "file_read", first.id, "key", path="letter.txt")
    again = await call(house, "file_read", second.id, "key", path="letter.txt")

    assert again.call_id == read.call_id
    after = await house.sessions.get(second.id)
    assert after is not None
    assert after.labels == {Label.PRIVATE}


async def test_the_name_of_an_unknown_tool_is_not_recorded(house: House):
    """A name can be well formed and be a secret."""
    await call(house, "ghp_" + "a" * 36)
    await call(house, "echo", text="x")

    written = tail(house.data.audit / house.audit.chain.name, 10)

    assert [record["tool"] for record in written if record["kind"] == "intent"] == ["?", "echo"]


async def test_a_chain_that_is_gone_is_a_finding_and_not_a_mistake_of_the_operator(
    house: House, tmp_path: Path, capsys
):
    """`audit verify --head` ended with the code of a wrong configuration, which scripts do not take for an alarm."""
    await call(house, "echo", text="x")
    head = house.audit.chain.head
    (tmp_path / "head").write_bytes(sign(head, house.data.key("audit-sign")))
    (house.data.audit / head.chain).rename(tmp_path / "taken-away")

    code = verify_chains(head=tmp_path / "head", data_dir=house.data.root, output=Format.JSON)

    (tmp_path / "taken-away").rename(house.data.audit / head.chain)
    assert code == 1
    assert f"record {head.seq} of the checkpoint is gone" in capsys.readouterr().out


@pytest.mark.anyio
async def test_a_tool_of_somebody_elses_is_approved_only_as_it_was_looked_at(tmp_path: Path) -> None:
    """A pending tool could be replaced between the look and the approval."""
    from holdfast.contracts import Conflict, Digest, ToolName
    from holdfast.server.config import Settings
    from holdfast.server.house import open_house
    from holdfast.server.inspecting import assemble_module
    from holdfast.server.principals import OPERATOR, acting_as

    module = await assemble_module(
        '(module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) i32.const 0)'
        ' (func (export "run") (param i32 i32) (result i64) (i64.const 0)))'
    )
    manifest = (
        '[tool]\nname = "swapped"\nversion = "1.0.0"\ndescription = "{what}"\nabi = "core-json"\nmodule = "a.wasm"\n'
        f'digest = "{Digest.of(module)}"\neffects = []\n[tool.input_schema]\ntype = "object"\n'
    )
    author = acting_as("author")
    async with open_house(Settings(), tmp_path / "data") as house:
        seen = await house.registrar.register(manifest.format(what="first"), module, author)
        await house.registrar.register(manifest.format(what="second"), module, author)

        with pytest.raises(Conflict):
            await house.registrar.approve(ToolName("swapped"), OPERATOR)
        with pytest.raises(Conflict):
            await house.registrar.approve(ToolName("swapped"), OPERATOR, seen=seen.definition)
        assert house.registry.get(ToolName("swapped")) is None
