"""Source from an agent host: built, tried sealed, and registered as pending only if every case holds."""

import asyncio
import json

import pytest

from holdfast.contracts import Forbidden, OperatorError, Overloaded, ToolName
from holdfast.sandbox.building import Language
from holdfast.server.build_desk import BuildOrder
from holdfast.server.principals import OPERATOR
from holdfast.tools.cases import cases_of

from .conftest import somebody

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]
MODEL = somebody("agent-host")
MANIFEST = """[tool]
name = "{name}"
version = "1.0.0"
description = "answers"
abi = "core-json"
module = "answers.wasm"
effects = []
[tool.input_schema]
type = "object"
properties = {{ n = {{ type = "integer" }} }}
[limits]
fuel = 1_000_000
"""
SECRET = "ghp_" + "a1B2" * 9


def answering(answer: str, body: str = "") -> str:
    data = answer.replace("\\", "\\\\").replace('"', '\\"')
    return f"""(module (memory (export "memory") 1) (data (i32.const 512) "{data}")
      (func (export "alloc") (param i32) (result i32) (i32.const 4096))
      (func (export "run") (param i32 i32) (result i64) {body} (i64.const {(512 << 32) | len(answer)})))"""


def order(name: str, source: str, *expectations: dict, manifest: str = MANIFEST, arguments: dict | None = None):
    cases = [{"name": f"case {n}", "arguments": arguments or {}, "expect": one} for n, one in enumerate(expectations)]
    return BuildOrder(
        language=Language.WAT,
        sources={"main.wat": source.encode()},
        manifest=manifest.format(name=name) if manifest is MANIFEST else manifest,
        cases=cases_of({"cases": cases}),
    )


async def test_what_passes_every_case_is_registered_as_pending_with_what_was_measured(opened):
    async with opened() as living:
        result = await living.house.builds.build(
            order("made", answering('{"n":42}'), {"structured": {"n": 42}}, {"contains": {"n": 42}}), MODEL
        )

        assert result.state == "pending"
        assert result.registration.name == "made"
        assert result.measured["digest"] == str(result.registration.module)
        assert (result.measured["abi"], result.measured["imports"]) == ("core-json", [])
        first, second = result.measured["cases"]
        assert (first["passed"], first["status"], first["answered"]) == (True, "ok", '{"n":42}')
        assert 0 < first["fuel"] < 100
        assert first["memory_bytes"] == 65536
        assert second["passed"]
        assert living.decisions("made") == ["built", "registered"]
        assert await living.said("made") == "tools/unknown"  # nothing that a model wrote runs before it is approved
        await living.house.registrar.approve(ToolName("made"), OPERATOR, seen=result.registration.definition)
        assert await living.said("made") == {"n": 42}


async def test_nothing_is_registered_when_one_case_fails(opened):
    async with opened() as living:
        result = await living.house.builds.build(
            order("made", answering('{"n":41}'), {"contains": {"n": 41}}, {"structured": {"n": 42}}), MODEL
        )

        assert (result.state, result.registration) == ("failed", None)
        assert [case["passed"] for case in result.measured["cases"]] == [True, False]
        assert result.measured["cases"][1]["answered"] == '{"n":41}'
        assert await living.states() == {}
        assert living.decisions("made") == ["case failed"]


async def test_a_case_runs_under_the_manifests_limits(opened):
    spins = answering("1", "(loop $more (br $more))")
    async with opened() as living:
        result = await living.house.builds.build(order("made", spins, {"structured": 1}), MODEL)
        expected = await living.house.builds.build(order("made", spins, {"status": "stopped"}), MODEL)

    (case,) = result.measured["cases"]
    assert (case["passed"], case["status"]) == (False, "stopped")
    assert case["fuel"] >= 1_000_000
    assert expected.state == "pending"


async def test_arguments_that_the_schema_refuses_never_reach_the_tool(opened):
    async with opened() as living:
        wrong = order("made", answering("1"), {"structured": 1}, arguments={"n": "text"})
        right = order("made", answering("1"), {"status": "denied"}, arguments={"n": "text"})

        assert (await living.house.builds.build(wrong, MODEL)).measured["cases"][0]["status"] == "denied"
        assert (await living.house.builds.build(right, MODEL)).measured["cases"][0]["passed"]


async def test_what_the_tool_says_goes_back_cleaned_and_cut_last(opened):
    said = json.dumps({"key": SECRET, "rest": "x" * 3000, "end": "the end"})
    # the secret once more, across the place where the text is cut
    across = json.dumps({"rest": "x" * 1980 + " " + SECRET})
    async with opened() as living:
        for text in (said, across):
            result = await living.house.builds.build(order("made", answering(text), {"structured": 1}), MODEL)
            answered = result.measured["cases"][0]["answered"]
            assert SECRET[:12] not in answered
            assert len(answered) <= 2000


async def test_source_that_does_not_build_is_refused_with_what_the_compiler_said(opened):
    async with opened() as living:
        result = await living.house.builds.build(order("made", "(modul)", {"structured": 1}), MODEL)

        assert (result.state, result.measured, result.registration) == ("refused", None, None)
        assert "assemble" in result.reason
        assert "modul" in result.said
        assert living.decisions("made") == ["build refused"]


async def test_a_module_that_does_not_fit_its_manifest_is_refused(opened):
    lies = MANIFEST.format(name="made").replace("core-json", "wasi-command")
    async with opened() as living:
        result = await living.house.builds.build(order("made", answering("1"), {"structured": 1}, manifest=lies), MODEL)

        assert result.state == "refused"
        assert "core-json" in result.reason
        assert await living.states() == {}


async def test_a_manifest_that_would_not_be_registered_costs_no_build(opened):
    async with opened() as living:
        for manifest in ("", "[tool]\n", MANIFEST.format(name="made") + "surprise = 1\n"):
            with pytest.raises(OperatorError):
                await living.house.builds.build(
                    order("made", answering("1"), {"structured": 1}, manifest=manifest), MODEL
                )


async def test_one_build_at_a_time(opened):
    async with opened() as living:
        desk = living.house.builds
        wanted = order("made", answering("1"), {"structured": 2})
        both = await asyncio.gather(*(desk.build(wanted, MODEL) for _ in range(2)), return_exceptions=True)

        assert sorted(type(one).__name__ for one in both) == ["BuildResult", "Overloaded"]
        assert isinstance(both[1], Overloaded)


async def test_where_tools_must_be_signed_none_is_built(opened):
    async with opened(require_signature=True) as living:
        with pytest.raises(Forbidden, match="signed"):
            await living.house.builds.build(order("made", answering("1"), {"structured": 1}), MODEL)


async def test_c_from_an_agent_host_reads_nothing_of_ours(opened):
    source = b'#include "/etc/passwd"\nint main(void) { return 0; }'
    wanted = BuildOrder(
        language=Language.C,
        sources={"main.c": source},
        manifest=MANIFEST.format(name="made"),
        cases=cases_of({"cases": [{"name": "x", "expect": {"structured": 1}}]}),
    )
    async with opened() as living:
        result = await living.house.builds.build(wanted, MODEL)

    assert result.state == "refused"
    assert "root:" not in result.said
