"""`[limits]`: each key moves the point at which a call, or a manifest, is stopped."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from annotated_types import Ge, Le

from holdfast.contracts import Digest, OperatorError, Status
from holdfast.sandbox.wasm.interpreter.running import Interpreter
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.server.config import LimitSettings, load_settings
from holdfast.server.inspecting import assemble_module
from holdfast.server.interpreting import javascript_sources, open_interpreter, python_sources
from holdfast.server.principals import OPERATOR

from .world import Loopback, World, code, listening, opened

pytestmark = pytest.mark.anyio

TIGHT = """
[workspace]
root = "workspace"
[policy]
profile = "autonomous"
[limits]
calls_per_minute = 100_000_000
burst = 1
argument_bytes = 500
argument_depth = 1
argument_nodes = 3
wasm_fuel = 1000
wasm_memory_bytes = 65536
wasm_wall_ms = 100
wasm_workers = 1
python_memory_bytes = 67108864
python_wall_ms = 2000
javascript_memory_bytes = 67108864
javascript_wall_ms = 2000
shell_memory_bytes = 33554432
shell_wall_ms = 300
output_bytes = 1024
"""
WIDE = """
[workspace]
root = "workspace"
[policy]
profile = "autonomous"
"""
MODULE = """(module (memory (export "memory") 1)
  (func (export "alloc") (param i32) (result i32) (i32.const 1024))
  (func (export "run") (param i32 i32) (result i64) (i64.const 2))
  (data (i32.const 0) "{}") (data (i32.const 512) "MARK"))"""
CEILINGS = {"fuel": (1000, 1001), "memory_bytes": (65536, 65537), "wall_ms": (100, 101), "output_bytes": (1024, 1025)}


@pytest.fixture(scope="module")
async def interpreter(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Both built and compiled before any deadline runs, or a house would be without; kept in the user's cache."""
    async with AsyncExitStack() as stack:
        runtime = WasmRuntime({}.__getitem__, artifacts=tmp_path_factory.mktemp("python") / "native")
        stack.push_async_callback(runtime.close)
        for sources in (python_sources, javascript_sources):
            opened_here = open_interpreter(stack, runtime, None, sources=sources, may_download=True)
            assert isinstance(opened_here, Interpreter), opened_here
            await opened_here.prepare()


@pytest.fixture(scope="module")
async def tight(interpreter: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("tight")
    (folder / "workspace").mkdir()
    async with opened(folder, TIGHT) as world:
        yield world


@pytest.fixture(scope="module")
async def wide(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("wide")
    (folder / "workspace").mkdir()
    async with opened(folder, WIDE) as world:
        yield world


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with listening() as one:
        yield one


@pytest.fixture(scope="module", params=[1, 2])
async def narrow(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, server: Loopback
) -> AsyncIterator[tuple[World, int]]:
    """A house that takes one call or two at once, and begins one or two more in the same minute."""
    row = f'host = "127.0.0.1"\nscheme = "http"\nport = {server.port}\nunsafe_allow_network = "127.0.0.0/8"'
    most = f"in_flight = {request.param}\nburst = {request.param + 1}\ncalls_per_minute = 1"
    async with opened(tmp_path_factory.mktemp("narrow"), f"[[egress]]\n{row}\n[limits]\n{most}") as world:
        yield world, request.param


async def test_burst_is_how_many_calls_a_principal_begins_at_once(narrow: tuple[World, int]) -> None:
    world, size = narrow

    codes = [code(await world.call("echo", {"text": "x"}, who="busy")) for _ in range(size + 2)]

    assert codes == ["ok"] * (size + 1) + ["admit/rate"]
    assert code(await world.call("echo", {"text": "x"}, who="another")) == "ok"


async def test_calls_per_minute_refill_the_burst(narrow: tuple[World, int], tight: World) -> None:
    """Both begin with a burst that is used up; one is full again within a microsecond, the other after a minute."""
    slow = [code(await narrow[0].call("echo", {"text": "x"}, who="quick")) for _ in range(5)]
    fast = [code(await tight.call("echo", {"text": "x"}, who="quick")) for _ in range(5)]

    assert slow[-1] == "admit/rate"
    assert fast == ["ok"] * 5


async def test_in_flight_bounds_the_calls_under_way(narrow: tuple[World, int], server: Loopback) -> None:
    world, size = narrow
    server.gate.clear()
    first = asyncio.create_task(world.call("http_fetch", {"url": f"http://127.0.0.1:{server.port}/"}))
    await asyncio.to_thread(server.came.acquire, timeout=30)
    meanwhile = await world.call("echo", {"text": "x"})
    server.gate.set()

    assert code(meanwhile) == ("admit/overloaded" if size == 1 else "ok")
    assert code(await first) == "ok"


async def test_argument_bytes_refuse_larger_arguments(tight: World, wide: World) -> None:
    arguments = {"text": "x" * 600}

    assert code(await tight.call("echo", arguments)) == "validator/too-large"
    assert code(await wide.call("echo", arguments)) == "ok"


async def test_argument_depth_refuses_deeper_arguments(tight: World, wide: World) -> None:
    arguments = {"argv": ["/bin/true"]}

    assert code(await tight.call("shell", arguments)) == "validator/too-deep"
    assert code(await wide.call("shell", arguments)) == "ok"


async def test_argument_nodes_refuse_more_values(tight: World, wide: World) -> None:
    arguments = {"script": "true", "cwd": ".", "timeout_ms": 5000}

    assert code(await tight.call("shell", arguments)) == "validator/too-many-nodes"
    assert code(await wide.call("shell", arguments)) == "ok"


async def test_output_bytes_cut_what_the_model_reads(tight: World, wide: World) -> None:
    (tight.folder / "workspace" / "long.txt").write_text("y" * 2000)
    (wide.folder / "workspace" / "long.txt").write_text("y" * 2000)

    cut = await tight.call("file_read", {"path": "long.txt"})
    whole = await wide.call("file_read", {"path": "long.txt"})

    assert cut.output.count("y") < 1100
    assert "output_read" in cut.output
    assert whole.output.count("y") >= 2000
    assert "output_read" not in whole.output


async def test_shell_memory_bytes_stop_a_command_that_takes_more(tight: World, wide: World) -> None:
    script = {"script": "exec dd if=/dev/zero of=/dev/null bs=100M count=1"}

    assert code(await tight.call("shell", script)) == "limits/memory-bytes"
    assert code(await wide.call("shell", script)) == "ok"


async def test_shell_wall_ms_stops_a_command_that_takes_longer(tight: World, wide: World) -> None:
    assert code(await tight.call("shell", {"script": "sleep 20"})) == "limits/wall-ms"
    assert code(await wide.call("shell", {"script": "sleep 0.5"})) == "ok"


async def test_python_memory_bytes_stop_a_program_that_takes_more(tight: World, wide: World) -> None:
    program = {"code": "x = bytearray(80 << 20)"}

    assert code(await tight.call("python", program)) == "limits/memory-bytes"
    assert code(await wide.call("python", program)) == "ok"


async def test_python_wall_ms_stops_a_program_that_takes_longer(tight: World, wide: World) -> None:
    program = {"code": "import time\ntime.sleep(4)"}

    assert code(await tight.call("python", program)) == "limits/wall-ms"
    assert code(await wide.call("python", program)) == "ok"


async def test_javascript_memory_bytes_stop_a_program_that_takes_more(tight: World, wide: World) -> None:
    program = {"code": "new Uint8Array(80 << 20).length"}

    assert code(await tight.call("javascript", program)) == "limits/memory-bytes"
    assert code(await wide.call("javascript", program)) == "ok"


async def test_javascript_wall_ms_stops_a_program_that_takes_longer(tight: World, wide: World) -> None:
    program = {"code": "await new Promise(resolve => setTimeout(resolve, 4000))"}

    assert code(await tight.call("javascript", program)) == "limits/wall-ms"
    assert code(await wide.call("javascript", program)) == "ok"


def manifest(name: str, module: bytes, **limits: int) -> str:
    lines = "\n".join(
        f"{key} = {value}" for key, value in ({key: low for key, (low, _) in CEILINGS.items()} | limits).items()
    )
    return f"""[tool]
name = "{name}"
version = "1.0.0"
description = "a guest of the tests"
abi = "core-json"
module = "guest.wasm"
digest = "{Digest.of(module)}"
effects = []
[tool.input_schema]
type = "object"
[limits]
{lines}
"""


@pytest.mark.parametrize("limit", CEILINGS)
async def test_a_ceiling_refuses_a_manifest_above_it(limit: str, tight: World, wide: World) -> None:
    """`wasm_fuel`, `wasm_memory_bytes`, `wasm_wall_ms`, and `output_bytes` for WASM tools too."""
    low, high = CEILINGS[limit]
    name = f"guest_{limit}"
    module = await assemble_module(MODULE)

    with pytest.raises(OperatorError, match=rf"`limits\.{limit}`: this server allows at most {low}$"):
        await tight.house.registrar.register(manifest(name, module, **{limit: high}), module, OPERATOR)
    await wide.house.registrar.register(manifest(name, module, **{limit: high}), module, OPERATOR)
    await tight.house.registrar.register(manifest(name, module, **{limit: low}), module, OPERATOR)


async def test_a_tool_above_a_ceiling_that_was_lowered_since_is_quarantined_with_the_reason(tmp_path) -> None:
    module = await assemble_module(MODULE)
    async with opened(tmp_path) as world:
        await world.house.registrar.register(manifest("guest", module, fuel=5000), module, OPERATOR)
        await world.house.registrar.approve("guest", OPERATOR)
        before = code(await world.call("guest", {}))
    async with opened(tmp_path, "[limits]\nwasm_fuel = 4999") as world:
        after = code(await world.call("guest", {}))
        (kept,) = await world.house.registrar.list()

    assert (before, after) == ("ok", "tool/quarantined")
    assert (kept.state.value, kept.reason) == ("quarantined", "`limits.fuel`: this server allows at most 4999")


@pytest.mark.parametrize(("workers", "alive"), [(1, 1), (2, 2)])
async def test_wasm_workers_bound_the_processes(tmp_path, workers: int, alive: int) -> None:
    async with opened(tmp_path, f"[limits]\nwasm_workers = {workers}") as world:
        for name in ("one", "two"):
            module = await assemble_module(MODULE.replace("MARK", name))
            await world.house.registrar.register(manifest(name, module, fuel=100_000), module, OPERATOR)
            await world.house.registrar.approve(name, OPERATOR)
            assert (await world.call(name, {})).status is Status.OK

        assert len(world.house.registrar._runtime.worker_pids) == alive


def bounds(name: str) -> tuple[int | None, int | None]:
    """The least and the most of a limit, as the model says."""
    metadata = LimitSettings.model_fields[name].metadata
    least = next((one.ge for one in metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in metadata if isinstance(one, Le)), None)
    return least, most


@pytest.mark.parametrize("name", sorted(LimitSettings.model_fields))
def test_a_limit_outside_its_range_is_refused_and_the_ends_are_taken(tmp_path, name: str) -> None:
    least, most = bounds(name)
    file = tmp_path / "holdfast.toml"
    assert least is not None, "a limit without a least value could be zero, which reads as no limit"
    for value, taken in ((least, True), (least - 1, False), (most, True), (most and most + 1, False)):
        if value is None:
            continue
        file.write_text(f"[limits]\n{name} = {value}")
        if taken:
            assert getattr(load_settings(file).limits, name) == value
        else:
            with pytest.raises(OperatorError, match=rf"`limits\.{name}`"):
                load_settings(file)
