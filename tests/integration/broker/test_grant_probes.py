"""Every grant is tried on this machine, and what does not hold is given to nobody."""

import json
from pathlib import Path

import pytest

from holdfast.contracts import Digest, Grants, OperatorError, ToolCall, ToolName, ToolSpec, Wasm
from holdfast.sandbox.wasm.abi import ASKING
from holdfast.sandbox.wasm.broker import CAPABILITIES
from holdfast.server import grant_probes
from holdfast.server.config import Settings
from holdfast.server.grant_probes import ALL, GrantProbe, probe_grants, prove_grants
from holdfast.server.house import House, Opening, Proving, open_house
from holdfast.server.inspecting import assemble_module
from holdfast.server.principals import OPERATOR
from holdfast.server.registrar import ModuleFiles
from holdfast.server.verbs.calls import new_call_id

pytestmark = pytest.mark.anyio


async def test_every_grant_gives_what_it_says_and_nothing_without_it():
    probes = await probe_grants()

    assert {probe.name for probe in probes} == {*CAPABILITIES, "random"}
    assert [probe for probe in probes if not probe.held] == []


async def _kept(house: House) -> dict:
    """What a module with the grant hears when it asks what it keeps."""
    module = await assemble_module(grant_probes._ASKS)
    ModuleFiles(house.data.modules).keep(Digest.of(module), module)
    spec = ToolSpec(
        name=ToolName("asks"),
        description="asks",
        input_schema={"type": "object"},
        effects=frozenset(),
        runtime=Wasm(module=Digest.of(module), abi=ASKING),
        limits=grant_probes._LIMITS,
        grants=Grants(kv=True, random=True),
    )
    asked = {"function": "kv", "payload": {"op": "list", "key": ""}}
    call = ToolCall(id=new_call_id(), tool=spec.name, arguments=asked)
    result = await house.trial(spec).execute(call, OPERATOR)
    assert isinstance(result.structured, dict), result.reason
    return result.structured


@pytest.mark.parametrize("name", ["kv", ALL])
async def test_a_grant_whose_probe_fails_is_given_to_nobody_and_the_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    async def failing() -> tuple[GrantProbe, ...]:
        return (GrantProbe(name=name, held=False, detail="it came without the grant"),)

    monkeypatch.setattr(grant_probes, "probe_grants", failing)
    monkeypatch.setattr(grant_probes, "machine_proof", lambda: b"another machine")
    async with open_house(Settings(), tmp_path, Opening(proving=Proving.EACH_WORKER)) as house:
        assert await _kept(house) == {"ok": {"keys": []}}

        off = await prove_grants(house)

        assert "it came without the grant" in off["kv of sandboxed tools"].message
        assert len(off) == (1 if name == "kv" else len(CAPABILITIES) + 1)
        assert (await _kept(house))["code"] == "host/unavailable"
        assert await prove_grants(house) == off, "what failed is tried again at the next start"


async def test_no_manifest_can_name_the_probe(tmp_path: Path):
    """It would be a tool whose arguments say which host function is called."""
    module = await assemble_module(grant_probes._ASKS)
    manifest = f"""
[tool]
name = "asks"
version = "1.0.0"
description = "asks"
abi = "asking"
module = "asks.wasm"
digest = "{Digest.of(module)}"
effects = []
[tool.input_schema]
type = "object"
"""
    async with open_house(Settings(), tmp_path, Opening(proving=Proving.EACH_WORKER)) as house:
        for abi in ("asking", "core-json", "wasi-command"):
            with pytest.raises(OperatorError):
                await house.registrar.register(manifest.replace('"asking"', json.dumps(abi)), module, OPERATOR)
