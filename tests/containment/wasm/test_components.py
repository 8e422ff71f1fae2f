"""Components in confined workers: their types as JSON, their world empty, their limits kept, their imports named."""

import base64
from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Failed, Grants, LimitName, OperatorError, Stopped
from holdfast.contracts.limits import MIB

from .components import KEPT, LIMITS, assembled, built, component, one, tool
from .conftest import KEY, authorized

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]

ALL = {"b": True, "a": 1, "c": -1, "d": 2, "e": -2, "f": 3, "g": -3, "h": 2**64 - 1, "i": -(2**63),
       "j": 1.5, "k": 0.1, "l": "ü", "m": "text \u0000 \U0001f600"}  # fmt: skip


@pytest.fixture
def every(raised):
    """Calls functions of the component with every type; its artifact is kept between runs."""
    world = raised(KEPT / "native", KEY)
    module = built("every")

    async def call(function, grants=None, limits=LIMITS, **arguments):
        spec = tool(module, "component", function=function, grants=grants, limits=limits)
        world.modules[spec.runtime.module] = module
        return await world.runtime.run(authorized(spec, arguments, "one", None))

    call.world, call.module = world, module
    return call


@pytest.fixture
def run(raised):
    """Runs a component that is written as text."""
    world = raised()

    async def call(text, limits=LIMITS, grants=None, **arguments):
        module = assembled(text)
        spec = tool(module, "component", limits=limits, grants=grants)
        world.modules[spec.runtime.module] = module
        return await world.runtime.run(authorized(spec, arguments, "one", None))

    call.world = world
    return call


async def test_a_report_has_each_function_with_its_schemas(every):
    report = await every.world.runtime.inspect(every.module)
    offers = {offer.name: offer for offer in report.offers}
    assert report.abi == "component"
    assert {"echo-all", "move", "describe"} <= set(offers)
    assert "init" not in offers  # componentize-py's own
    assert offers["move"].input_schema["required"] == ["place"]
    assert offers["rnd"].output_schema["contentEncoding"] == "base64"
    assert report.memory_bytes > MIB
    assert any("asks for the clock" in note for note in report.notes)


async def test_every_type_goes_in_and_comes_out(every):
    assert (await every("echo-all", **ALL)).structured == list(ALL.values())
    assert (await every("nested", v=[None, {"some": None}, {"some": 3}])).structured == [
        None,
        {"some": None},
        {"some": 3},
    ]
    assert (await every("move", place={"x": 1, "y": 2}, by={"x": 1, "y": -5})).structured == {"x": 2, "y": -3}
    assert (await every("move", place={"x": 1, "y": 2})).structured == {"x": 1, "y": 2}
    described = await every("describe", s={"polygon": [{"x": 1, "y": 2}]}, c="deep-blue", r=["read", "run-it"])
    assert "DEEP_BLUE" in described.content[0].text
    assert described.structured is None
    assert (await every("describe", s="nothing", c="green", r=[])).is_error is False


async def test_an_error_of_the_functions_type_is_an_error_of_the_tool(every):
    outcome = await every("describe", s="nothing", c="red", r=[])
    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert [text.text for text in outcome.content] == ["red"]


async def test_a_million_bytes_go_in_and_out_and_more_go_in(every):
    for size in (1_000_000, 2_700_000):
        data = base64.b64encode(bytes(range(256)) * (size // 256)).decode()
        outcome = await every("echo-bytes", data=data)
        assert outcome.content[0].text == data


async def test_an_answer_of_more_values_than_the_engine_copies_is_stopped(every):
    outcome = await every("big", n=3_000_000)
    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_arguments_of_other_types_are_refused_before_anything_runs(every):
    outcome = await every("move", place={"x": 2**31, "y": 0})
    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/arguments"
    assert outcome.usage.fuel == 0
    assert str(2**31) not in outcome.detail.replace(str(2**31 - 1), "").replace(str(-(2**31)), "")
    assert (await every("no-such-function")).code == "wasm/arguments"


async def test_what_json_has_not_is_no_answer(every):
    outcome = await every("not-a-number")
    assert outcome.code == "wasm/abi"


async def test_the_world_of_a_component_is_empty(every):
    environment, arguments, listing, people = (await every("look")).structured
    assert (environment, arguments) == ("[]", "[]")
    assert "refused" in listing or listing == "[]"
    assert people == "refused"


async def test_sockets_are_never_given(every):
    assert isinstance(await every("dial-out"), Failed)


async def test_clock_and_randomness_are_withheld_unless_granted(every):
    assert isinstance(await every("now"), Completed)
    assert "the clock is not granted" in (await every("now", Grants(clock=False))).detail
    assert "randomness is not granted" in (await every("rnd", Grants(random=False), n=4)).detail


async def test_what_a_component_prints_is_its_log_and_is_capped(every):
    assert (await every("say", n=1)).log == "out\nerr"
    flood = await every("say", n=100_000)
    assert [len(line) for line in flood.log.split("\n")] == [4096, 4096]


async def test_an_exception_of_the_guest_says_where(every):
    outcome = await every("fail")
    assert outcome.code == "wasm/trap"
    assert "the author's mistake" in outcome.detail


async def test_nothing_of_a_call_is_left_for_the_next(every):
    assert [(await every("count")).structured for _ in range(3)] == [1, 1, 1]


async def test_an_endless_loop_ends_by_fuel_or_by_time(every):
    fuel = await every("loop-forever", limits=replace(LIMITS, fuel=50_000_000))
    assert (type(fuel), fuel.limit) == (Stopped, LimitName.FUEL)
    wall = await every("loop-forever", limits=replace(LIMITS, fuel=10_000_000_000, wall_ms=300))
    assert (type(wall), wall.limit) == (Stopped, LimitName.WALL)


async def test_a_memory_bomb_ends_in_its_memory(every):
    assert isinstance(await every("bomb", n=200 * MIB), Failed)


async def test_memories_have_one_limit_together(run):
    grow = '(func (export "grow") (result i32) (memory.grow (i32.const 40)))'
    two = component(
        grow,
        lifted="""
      (core module $n (memory (export "m") 1) (func (export "grow") (result i32) (memory.grow (i32.const 40))))
      (core instance $j (instantiate $n))
      (core module $both (import "a" "grow" (func $a (result i32))) (import "b" "grow" (func $b (result i32)))
        (func (export "run") (result i32)
          (i32.add (i32.lt_s (call $a) (i32.const 0)) (i32.lt_s (call $b) (i32.const 0)))))
      (core instance $k (instantiate $both (with "a" (instance $i)) (with "b" (instance $j))))
      (func (export "run") (result u32) (canon lift (core func $k "run")))""",
    )
    assert (await run(two, limits=replace(LIMITS, memory_bytes=6 * MIB))).structured == 0
    assert (await run(two, limits=replace(LIMITS, memory_bytes=4 * MIB))).structured == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('(func (export "run") (result i32) (unreachable))', "wasm/trap"),
        (
            '(func $start (unreachable)) (start $start) (func (export "run") (result i32) (i32.const 1))',
            "wasm/instantiate",
        ),
        ('(func $deep (call $deep)) (func (export "run") (result i32) (call $deep) (i32.const 1))', LimitName.STACK),
        ('(func (export "run") (result i32) (loop (br 0)) (i32.const 1))', LimitName.FUEL),
        ('(func $start (loop (br 0))) (start $start) (func (export "run") (result i32) (i32.const 1))', LimitName.FUEL),
    ],
    ids=["trap", "trap in start", "recursion", "loop", "loop in start"],
)
async def test_hostile_bodies_end_as_what_they_are(run, body, code):
    outcome = await run(one(body), limits=replace(LIMITS, fuel=20_000_000))
    assert (outcome.limit if isinstance(outcome, Stopped) else outcome.code) == code


async def test_a_name_of_the_guests_cannot_pass_for_an_ending(run):
    """The text of a trap holds names that the guest chose; only its last line is the engine's."""
    liar = "wasm trap: all fuel consumed by WebAssembly"
    outcome = await run(
        one(f'(func $x (@name "{liar}") (unreachable)) (func (export "run") (result i32) (call $x) (i32.const 1))')
    )
    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/trap"


@pytest.mark.parametrize(
    "answer",
    ["(i32.store (i32.const 8) (i32.const 0x7fffffff))", "(i32.store (i32.const 12) (i32.const 0x7fffffff))"],
    ids=["pointer", "length"],
)
async def test_a_pointer_outside_the_memory_is_a_trap(run, answer):
    body = f'(func (export "run") (result i32) {answer} (i32.const 8))'
    outcome = await run(one(body, kind='(func (export "run") (result string)'))
    assert isinstance(outcome, Failed)


def importing(interface: str, name: str) -> str:
    """A component that calls *name* of *interface* with a number."""
    return f"""(component
      (import "{interface}" (instance $given (export "{name}" (func (param "n" u32)))))
      (alias export $given "{name}" (func $asked))
      (core func $lowered (canon lower (func $asked)))
      (core module $m (import "p" "f" (func $f (param i32)))
        (func (export "run") (result i32) (call $f (i32.const 5)) (i32.const 1)))
      (core instance $i (instantiate $m (with "p" (instance (export "f" (func $lowered))))))
      (func (export "run") (result u32) (canon lift (core func $i "run"))))"""


@pytest.mark.parametrize(
    ("interface", "name", "noted", "said"),
    [
        ("shop:pay/card@1.0.0", "charge", "nothing answers", "nothing answers this import"),
        ("wasi:http/outgoing-handler@0.2.0", "handle", "nothing answers", "nothing answers this import"),
        ("wasi:sockets/tcp-create-socket@0.2.0", "create-tcp-socket", "never gets", "sockets are never given"),
        ("wasi:sockets/ip-name-lookup@0.2.3", "resolve-addresses", "never gets", "sockets are never given"),
    ],
)
async def test_an_import_that_is_not_given_is_noted_and_stops_the_tool_by_name(run, interface, name, noted, said):
    text = importing(interface, name)
    notes = (await run.world.runtime.inspect(assembled(text))).notes
    assert any(interface.split("@")[0] in note and noted in note for note in notes)
    outcome = await run(text)
    assert outcome.code == "wasm/trap"
    assert outcome.detail == f"{interface} {name}: {said}"


@pytest.mark.parametrize(
    ("interface", "name", "grants", "said"),
    [
        ("wasi:clocks/wall-clock@0.2.0", "now", Grants(clock=False), "the clock is not granted"),
        ("wasi:clocks/monotonic-clock@0.2.9", "now", Grants(clock=False), "the clock is not granted"),
        ("wasi:random/random@0.2.0", "get-random-u64", Grants(random=False), "randomness is not granted"),
        ("wasi:random/insecure-seed@0.2.0", "insecure-seed", Grants(random=False), "randomness is not granted"),
    ],
)
async def test_what_is_withheld_stops_the_tool_by_name(run, interface, name, grants, said):
    outcome = await run(importing(interface, name), grants=grants)
    assert outcome.detail == f"{interface} {name}: {said}"


FOREIGN = """(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "shop:pay/types@1.0.0" (instance $types
    (alias outer 1 $pollable (type $p))
    (export "pollable" (type (eq $p)))
    (export "options" (type (sub resource)))))
  (alias export $types "options" (type $options))
  (import "shop:pay/card@1.0.0" (instance $card
    (alias outer 1 $options (type $o))
    (export "options" (type $mine (eq $o)))
    (export "charge" (func (param "o" (borrow $mine))))))
  (core module $m (func (export "run") (result i32) (i32.const 1)))
  (core instance $i (instantiate $m))
  (func (export "run") (result u32) (canon lift (core func $i "run"))))"""


async def test_resources_of_interfaces_that_are_not_given_do_not_keep_a_tool_from_running(run):
    """componentize-js imports all of `wasi:http` for its `fetch`: resources without methods, and others' renamed."""
    assert (await run(FOREIGN)).structured == 1


async def test_an_answer_larger_than_all_output_is_stopped(run):
    text = one('(func (export "run") (result i32) (i32.const 1234567))')
    assert (await run(text)).structured == 1234567
    outcome = await run(text, limits=replace(LIMITS, total_output_bytes=5))
    assert (type(outcome), outcome.limit) == (Stopped, LimitName.OUTPUT)


async def test_a_function_that_needs_a_resource_is_no_tool(run):
    text = """(component
      (type $r (resource (rep i32)))
      (export $e "thing" (type $r))
      (core func $make (canon resource.new $r))
      (core module $m (import "" "make" (func $make (param i32) (result i32)))
        (func (export "run") (result i32) (call $make (i32.const 1))) (func (export "fine") (result i32) (i32.const 7)))
      (core instance $i (instantiate $m (with "" (instance (export "make" (func $make))))))
      (func (export "make") (result (own $e)) (canon lift (core func $i "run")))
      (func (export "fine") (result u32) (canon lift (core func $i "fine"))))"""
    report = await run.world.runtime.inspect(assembled(text))
    assert [offer.name for offer in report.offers] == ["fine"]
    assert any("`make` is no tool" in note for note in report.notes)
    assert (await run(text)).structured == 7


async def test_types_that_unfold_without_end_are_not_offered(run):
    doubling = "".join(f"(type $t{n} (tuple $t{n - 1} $t{n - 1}))" for n in range(1, 14))
    text = f"""(component (type $t0 u8) {doubling}
      (core module $m (memory (export "m") 1) (func (export "run") (param i32) (result i32) (i32.const 1))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
      (core instance $i (instantiate $m))
      (alias core export $i "m" (core memory $mem)) (alias core export $i "realloc" (core func $realloc))
      (func (export "run") (param "p" $t13) (result u32)
        (canon lift (core func $i "run") (memory $mem) (realloc $realloc))))"""
    with pytest.raises(OperatorError, match="no function that could be a tool"):
        await run.world.runtime.inspect(assembled(text))


async def test_schemas_that_repeat_more_than_they_say_are_refused(run):
    """Each function is within bounds; hundreds of them, of one large type, are not."""
    doubling = "".join(f"(type $t{n} (tuple $t{n - 1} $t{n - 1}))" for n in range(1, 10))
    lifted = "".join(
        f"""(func (export "f{n}") (param "p" $t9) (result u32)
        (canon lift (core func $i "run") (memory $mem) (realloc $realloc)))"""
        for n in range(100)
    )
    text = component(
        '(func (export "run") (param i32) (result i32) (i32.const 1))',
        before=f"(type $t0 u8) {doubling}",
        lifted=lifted,
    )
    with pytest.raises(OperatorError, match="as JSON Schema"):
        await run.world.runtime.inspect(assembled(text))
