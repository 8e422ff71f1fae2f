"""Programs of WASI preview 2 in confined workers: they read and write as those of preview 1, and reach as little."""

from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Failed, Grants, LimitName, Stopped
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.fitting import check_fit

from .components import KEPT, LIMITS, assembled, built, tool
from .conftest import KEY, authorized

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


@pytest.fixture
def program(raised):
    """Has the program do something; its artifact is kept between runs."""
    world = raised(KEPT / "native", KEY)
    module = built("program")

    async def call(do, grants=None, limits=LIMITS, tenant="one", **arguments):
        spec = tool(module, "wasi-command", grants=grants, limits=limits)
        world.modules[spec.runtime.module] = module
        return await world.runtime.run(authorized(spec, {"do": do, **arguments}, tenant, None))

    call.world, call.module = world, module
    return call


async def test_a_component_that_runs_is_a_wasi_command(program):
    report = await program.world.runtime.inspect(program.module)
    assert (report.abi, report.offers, report.component) == ("wasi-command", (), True)
    assert any("imports WASI, which is empty" in note for note in report.notes)
    assert any("asks for sockets, which it never gets" in note for note in report.notes)
    notes = check_fit(report, tool(program.module, "wasi-command", grants=Grants(clock=False, random=False)))
    assert "`grants.clock = false`: those WASI calls stop the tool" in notes


async def test_json_comes_in_on_standard_input_and_goes_out_on_standard_output(program):
    outcome = await program("echo", deep=[1, {"a": "ü"}])
    assert isinstance(outcome, Completed)
    assert outcome.structured == {
        "argv": ["tool"],
        "environment": {},
        "given": {"deep": [1, {"a": "ü"}], "do": "echo"},
    }
    assert "a word for the record" in outcome.log
    assert not outcome.is_error


async def test_what_is_not_json_is_text(program):
    outcome = await program("text", text="no json\n")
    assert (outcome.structured, outcome.content[0].text) == (None, "no json\n")


async def test_a_run_that_answers_an_error_is_exit_code_one(program):
    outcome = await program("refuse")
    assert outcome.is_error
    assert outcome.structured == {"half": "an answer"}
    assert outcome.content[-1].text == "the tool ended with exit code 1"


async def test_an_exit_has_its_code_or_one(program):
    """Preview 2 knows success and failure; a code of its own is for hosts that offer more."""
    assert not (await program("leave", code=0)).is_error
    outcome = await program("leave", code=7)
    assert outcome.is_error
    assert outcome.content[0].text == "before\n"


async def test_a_program_that_breaks_says_why(program):
    outcome = await program("fail")
    assert isinstance(outcome, Failed)
    assert outcome.detail.startswith("wasm trap: ")
    assert "ValueError: as asked" in outcome.detail


async def test_there_is_no_file_and_no_socket(program):
    *files, connected = (await program("world")).structured
    assert files == ["FileNotFoundError"] * 3
    assert connected != "done"


async def test_nothing_of_a_call_is_left_for_the_next_or_for_another_tenant(program):
    answers = [(await program("remember", tenant=tenant)).structured for tenant in ("one", "one", "two")]
    assert [answer[0] for answer in answers] == [0, 0, 0]
    assert len({answer[1] for answer in answers}) == 3


async def test_a_clock_that_is_not_granted_stops_the_program(program):
    outcome = await program("remember", grants=Grants(clock=False))
    assert "the clock is not granted" in outcome.detail


async def test_a_sleep_in_a_pollable_is_ended_by_the_clock_of_the_parent(program):
    outcome = await program("sleep", limits=replace(LIMITS, wall_ms=700))
    assert (type(outcome), outcome.limit) == (Stopped, LimitName.WALL)
    assert isinstance(await program("echo"), Completed)


@pytest.mark.parametrize(
    ("do", "limit", "limits"),
    [
        ("loop", LimitName.FUEL, replace(LIMITS, fuel=50_000_000)),
        ("loop", LimitName.WALL, replace(LIMITS, fuel=10**12, wall_ms=500)),
        ("recurse", LimitName.STACK, LIMITS),
    ],
)
async def test_what_never_ends_is_stopped_by_its_limit(program, do, limit, limits):
    outcome = await program(do, limits=limits)
    assert (type(outcome), outcome.limit) == (Stopped, limit)


async def test_a_hoard_ends_in_its_memory(program):
    outcome = await program("hoard", limits=replace(LIMITS, memory_bytes=32 * MIB))
    assert isinstance(outcome, Failed)
    assert "MemoryError" in outcome.detail
    assert 24 * MIB < outcome.usage.memory_bytes < 34 * MIB


async def test_usage_says_how_much_memory_there_was(program):
    small = await program("held", bytes=1000)
    large = await program("held", bytes=20 * MIB)
    grown = large.usage.memory_bytes - small.usage.memory_bytes
    assert 12 * MIB < small.usage.memory_bytes < 20 * MIB
    assert 19 * MIB < grown < 22 * MIB


async def test_a_flood_of_output_is_stopped_and_one_of_log_lines_is_kept_small(program):
    outcome = await program("flood", where="out", limits=replace(LIMITS, total_output_bytes=100_000))
    assert (type(outcome), outcome.limit) == (Stopped, LimitName.OUTPUT)
    outcome = await program("flood", where="err", limits=replace(LIMITS, fuel=200_000_000))
    assert (type(outcome), outcome.limit) == (Stopped, LimitName.FUEL)


async def test_bytes_that_are_no_text_do_no_harm(program):
    outcome = await program("raw")
    assert isinstance(outcome, Completed)
    assert outcome.content[0].text == "\ufffd\ufffd\0"


RUNS = """(component
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result {result}) (canon lift (core func $i "run")))
  (instance $cli (export "run" (func $run)))
  (export "{name}" (instance $cli)) {more})"""


@pytest.mark.parametrize(
    ("name", "result", "more", "abi"),
    [
        ("wasi:cli/run@0.2.0", "(result)", "", "wasi-command"),
        ("wasi:cli/run@0.2.12", "(result)", "", "wasi-command"),
        ("wasi:cli/run@0.3.0", "(result)", "", "component"),
        ("shop:cli/run@0.2.0", "(result)", "", "component"),
        ("wasi:cli/run@0.2.0", "u32", "", "component"),
        ("wasi:cli/run@0.2.0", "(result)", '(export "other" (func $run))', "component"),
    ],
    ids=["program", "newer program", "another preview", "another interface", "another type", "more functions"],
)
async def test_only_what_runs_as_wasi_says_is_a_program(raised, name, result, more, abi):
    text = RUNS.format(name=name, result=result, more=more)
    assert (await raised().runtime.inspect(assembled(text))).abi == abi
