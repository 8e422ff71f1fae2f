"""`limits.builds_per_minute`: how often a principal may have a tool built, at a real house's desk."""

import asyncio

import pytest

from holdfast.contracts import Principal, RateLimited, Scope, TenantId
from holdfast.sandbox.building import Language
from holdfast.server.build_desk import BuildOrder
from holdfast.tools.cases import cases_of

from .world import opened

pytestmark = pytest.mark.anyio
HOST = Principal(subject="host", tenant=TenantId("t"), scopes=frozenset({Scope.REGISTER}), token_id="host")
ORDER = BuildOrder(
    language=Language.WAT,
    sources={"main.wat": b"(modul)"},
    manifest="""[tool]
name = "x"
version = "1"
description = "x"
abi = "core-json"
module = "x.wasm"
[tool.input_schema]
type = "object"
""",
    cases=cases_of({"cases": [{"name": "x", "expect": {"text": "x"}}]}),
)


@pytest.mark.parametrize(("rate", "limited"), [(1, 2), (2, 1), (3, 0)])
async def test_builds_per_minute_are_how_many_a_principal_may_ask_for(tmp_path, rate, limited):
    """Three at once: one is built, one finds the desk busy; who came too often is told so, before that."""
    async with opened(tmp_path, f"[limits]\nbuilds_per_minute = {rate}\n") as world:
        asked = (world.house.builds.build(ORDER, HOST) for _ in range(3))
        answers = await asyncio.gather(*asked, return_exceptions=True)

    assert sum(isinstance(one, RateLimited) for one in answers) == limited
