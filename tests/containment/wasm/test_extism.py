"""Plugins of Extism and hyper-mcp run in confined workers within every limit, whatever they try."""

import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.contracts import Blob, Completed, Failed, Grants, LimitName, Stopped, Text, ToolSpec
from holdfast.contracts.errors import OperatorError
from holdfast.contracts.limits import MIB
from holdfast.sandbox.wasm.birth import Birth
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.sandbox.wasm.frames import HostAnswer, HostCall, Reply, Request
from holdfast.sandbox.wasm.outcomes import ISOLATION, outcome_of
from holdfast.sandbox.wasm.runtime import UNPRIVILEGED
from holdfast.sandbox.wasm.supervisor import Worker
from holdfast.tools.manifest import load_manifest

from . import plugins
from .plugins import plugin, says, text

EXAMPLE = Path(__file__).parents[3] / "examples" / "tools" / "count_vowels_extism"
CACHE = Path(__file__).parents[3] / ".tools" / "zig"
"""What the compiler keeps between runs: C's library takes it a minute, the plugins a second."""
HERE = Path(__file__).parent
SAY = ("alloc", "store_u8", "output_set")

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


def of(spec: ToolSpec, function: str) -> ToolSpec:
    return replace(spec, runtime=replace(spec.runtime, function=function))


def run(world, module: str | bytes, function: str = "run", **more):
    return of(world.tool(module, **more), function)


def answering(body: str, *imports: str, content: str = "ab", more: str = "") -> str:
    """A plugin that writes *content*, in which *body* may store, at `$p`."""
    size = len(content.encode())
    return plugin(
        f"(local.set $p (call $text)) {body} (call $output_set (local.get $p) (i64.const {size})) (i32.const 0)",
        *dict.fromkeys((*SAY, *imports)),
        parts=text(content),
        more=more,
    )


# Answers


async def test_a_text_goes_in_and_comes_out(world):
    spec = run(world, plugins.ECHO, "echo")

    for said in ("", "a", "eight by", "é漢😀", "x" * 90_000):
        outcome = await world.call(spec, input=said)
        assert isinstance(outcome, Completed)
        assert outcome.content == (Text(text=said),)
        assert outcome.isolation == ISOLATION


async def test_json_and_bytes_go_in_and_come_out(world):
    spec = run(world, plugins.ECHO, "echo")

    assert (await world.call(spec, input={"a": [1]})).structured == {"a": [1]}
    assert (await world.call(spec, a=1, b="x")).structured == {"a": 1, "b": "x"}
    data = bytes(range(256))
    assert (await world.call(spec, input_base64=base64.b64encode(data).decode())).content == (
        Blob(data=data, media_type="application/octet-stream"),
    )
    wrong = await world.call(spec, input_base64="?")
    assert wrong.is_error
    assert wrong.content == (Text(text="`input_base64` is not base64"),)


async def test_an_error_that_a_plugin_sets_is_its_answer_and_spares_its_worker(world):
    broken = plugin("(call $error_set (call $text)) (i32.const 5)", *SAY, "error_set", parts=text("it broke"))
    spec = run(world, broken)

    first, pids = await world.call(spec), world.runtime.worker_pids
    again = await world.call(spec)

    assert isinstance(first, Completed)
    assert first.is_error
    assert first.content == again.content == (Text(text="it broke"),)
    assert world.runtime.worker_pids == pids


async def test_a_function_that_is_not_there_is_an_error_and_runs_nothing(world):
    two = says("x").rstrip()[:-1] + ' (func (export "other")) (func (export "_initialize")))'
    for name in ("nothing", "_initialize", "memory", "../run"):
        outcome = await world.call(run(world, two, name))
        assert outcome.is_error
        assert outcome.usage.fuel == 0


async def test_the_only_function_needs_no_name(world):
    spec = world.tool(says("x"))

    assert (await world.call(spec)).content == (Text(text="x"),)
    assert await world.runtime.check_offers((spec,)) == ("the plugin offers: run",)


async def test_a_variable_lasts_for_its_call_and_no_longer(world):
    found = answering(
        """(if (call $var_get (call $text)) (then (call $store_u8 (local.get $p) (i32.const 49))))
        (call $var_set (call $text) (call $text))
        (if (call $var_get (call $text)) (then (call $store_u8 (i64.add (local.get $p) (i64.const 1)) (i32.const 50))))
        """.replace("(if (call $var_get (call $text))", "(if (i64.ne (i64.const 0) (call $var_get (call $text)))"),
        "var_get",
        "var_set",
    )
    spec = run(world, found)

    for _ in range(3):
        assert (await world.call(spec)).content == (Text(text="a2"),)


async def test_what_a_plugin_logs_is_kept_aside_within_its_caps(world):
    flood = answering(
        """(loop $again (call $log_info (call $text)) (call $log_debug (call $text))
          (local.set $w (i32.add (local.get $w) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $w) (i32.const 1500))))""",
        "log_info",
        "log_debug",
    )

    outcome = await world.call(run(world, flood))

    assert outcome.log.startswith("info: ab\ninfo: ab\n")
    assert outcome.log.endswith("[500 more lines were dropped]")
    assert "debug" not in outcome.log


@pytest.mark.parametrize(
    ("starters", "size"),
    [
        ((("_initialize", "", 1), ("__wasm_call_ctors", "", 2)), 2),
        ((("_initialize", "", 1),), 1),
        ((("hs_init", "(param i32 i32)", 3), ("_initialize", "", 1)), 4),
        ((), 0),
    ],
)
async def test_a_language_is_begun_as_extism_begins_it(world, starters, size):
    parts = text("abcd", 64) + "".join(
        f'(func (export "{name}") {taken}'
        f" (i32.store (i32.const 16) (i32.add (i32.const {add}) (i32.load (i32.const 16)))))"
        for name, taken, add in starters
    )
    body = "(call $output_set (call $text) (i64.load32_u (i32.const 16))) (i32.const 0)"

    outcome = await world.call(run(world, plugin(body, *SAY, parts=parts)))

    assert outcome.content == (Text(text="abcd"[:size]),)


# Limits


async def test_an_endless_loop_runs_out_of_fuel(world):
    for imports in ((), ("alloc",)):
        loop = plugin(f"(loop $l {'(drop (call $alloc (i64.const 0)))' if imports else ''} (br $l)) (i32.const 0)",
                      "length", *imports)  # fmt: skip
        outcome = await world.call(run(world, loop, fuel=1_000_000))
        assert isinstance(outcome, Stopped)
        assert outcome.limit is LimitName.FUEL


async def test_an_endless_loop_of_host_calls_is_stopped_by_the_clock(world):
    loop = plugin("(loop $l (drop (call $get_log_level)) (br $l)) (i32.const 0)", "get_log_level")

    outcome = await world.call(run(world, loop, fuel=10**12, wall_ms=1000))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.WALL


GROW = """(loop $l (local.set $n (i64.add (local.get $n) (i64.const 1)))
  (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))"""
FILL = """(loop $m (local.set $i (i64.add (local.get $i) (i64.const 1)))
  (br_if $m (i64.ne (call $alloc (i64.const 60000)) (i64.const 0))))"""


@pytest.mark.parametrize("body", [GROW + FILL, FILL + GROW], ids=["own first", "kernel first"])
@pytest.mark.parametrize("limit", [MIB, 4 * MIB, 5 * MIB + 17])
async def test_plugin_and_kernel_together_stay_within_the_memory_limit(world, body, limit):
    """Neither can take the other's: both grow until they are refused, in either order."""
    hungry = plugin(
        f"""(local.set $p (call $alloc (i64.const 8))) {body}
        (call $store_u64 (local.get $p) (i64.const 0x6b6f6b6f6b6f6b6f))
        (call $output_set (local.get $p) (i64.const 8)) (i32.const 0)""",
        "alloc", "store_u64", "output_set",
    )  # fmt: skip

    outcome = await world.call(run(world, hungry, memory_bytes=limit))

    assert outcome.content == (Text(text="okokokok"),)
    assert limit - 3 * 65536 < outcome.usage.memory_bytes <= limit


async def test_a_plugin_that_dies_of_a_full_kernel_names_the_memory(world):
    full = plugin("(loop $l (br_if $l (i64.ne (call $alloc (i64.const 60000)) (i64.const 0)))) (unreachable)", "alloc")

    outcome = await world.call(run(world, full))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.MEMORY


async def test_an_input_that_does_not_fit_the_kernel_names_the_memory(world):
    outcome = await world.call(run(world, plugins.ECHO, "echo", memory_bytes=MIB // 2), input="x" * 200_000)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.MEMORY


async def test_a_plugin_that_starts_with_all_the_memory_leaves_none_for_the_kernel(world):
    spec = run(world, plugin("(i32.const 0)", "length", memory="16"), memory_bytes=MIB)

    assert (await world.call(spec)).limit is LimitName.MEMORY


async def test_an_output_over_the_limit_is_stopped_and_costs_the_worker(world):
    big = plugin("(call $output_set (call $alloc (i64.const 300000)) (i64.const 300000)) (i32.const 0)",
                 "alloc", "output_set")  # fmt: skip
    spec = run(world, big)

    outcome = await world.call(spec, limits=replace(spec.limits, total_output_bytes=300_000))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.OUTPUT


async def test_a_long_error_is_cut(world):
    loud = plugin("(call $error_set (call $alloc (i64.const 100000))) (i32.const 1)", "alloc", "error_set")

    assert len((await world.call(run(world, loud))).content[0].text) == 4096


async def test_variables_have_a_cap(world):
    hoard = plugin(
        "(call $var_set (call $text) (call $alloc (i64.const 1048576))) (i32.const 0)",
        *SAY, "var_set", parts=text("ab"),
    )  # fmt: skip

    outcome = await world.call(run(world, hoard, memory_bytes=16 * MIB))

    assert isinstance(outcome, Failed)
    assert outcome.detail.startswith("host/limit: ")


# Hostile plugins


async def test_a_plugin_reads_nothing_but_what_is_its_own(world):
    """It looks at every address of its kernel for what another call was given, and finds what it was given itself."""
    wanted = int.from_bytes(b"a secret", "little")
    search = plugin(
        f"""(local.set $q (call $text))
        (loop $l
          (if (i64.eq (call $load_u64 (local.get $p)) (i64.const {wanted}))
            (then (call $store_u8 (local.get $q) (i32.const 121))))
          (local.set $p (i64.add (local.get $p) (i64.const 1)))
          (br_if $l (i64.lt_u (local.get $p) (i64.const 300000))))
        (call $output_set (local.get $q) (i64.const 1)) (i32.const 0)""",
        *SAY, "load_u64", parts=text("n"),
    )  # fmt: skip
    spec = run(world, search)

    for _ in range(3):
        assert (await world.call(spec, input="here is a secret")).content == (Text(text="y"),)
        assert (await world.call(spec, input="nothing")).content == (Text(text="n"),)


NOWHERE = (1, 79, 65536 * 4, 2**32 - 4, 2**32 + 70, 2**63, 2**64 - 4)


@pytest.mark.parametrize("name", ["log_info", "error_set", "var_get", "config_get", "http_request"])
async def test_an_address_that_is_no_block_is_nothing_to_the_host(world, name):
    given = "(i64.const {at}) (i64.const {at})" if name == "http_request" else "(i64.const {at})"
    call = f"(call ${name} {given})" if name in {"log_info", "error_set"} else f"(drop (call ${name} {given}))"
    bodies = [call.replace("{at}", str(at)) for at in NOWHERE]

    outcome = await world.call(run(world, answering(bodies[-1] if name == "http_request" else "".join(bodies), name)))

    if name == "http_request":
        assert outcome.detail.startswith("host/arguments: ")
    else:
        assert outcome.content == (Text(text="ab"),)


async def test_a_forged_block_cannot_make_the_host_read_outside(world):
    """The plugin writes the head of a block that claims four gigabytes, and hands it to the host."""
    forged = answering(
        """(local.set $q (call $alloc (i64.const 64)))
        (call $store_u64 (local.get $q) (i64.const 0xfffffff0fffffff0))
        (call $store_u64 (i64.add (local.get $q) (i64.const 8))
          (i64.and (i64.xor (i64.add (local.get $q) (i64.const 16)) (i64.const 0x5ac3f00d)) (i64.const 0xffffffff)))
        (call $log_info (i64.add (local.get $q) (i64.const 16)))""",
        "store_u64",
        "log_info",
    )

    outcome = await world.call(run(world, forged))

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/trap"
    assert isinstance(await world.call(run(world, says("fine"))), Completed)


async def test_an_output_that_is_said_to_lie_outside_is_not_believed(world):
    for at, size in ((65536 * 4, 8), (2**64 - 8, 16), (64, 2**63), (64, 2**64 - 64)):
        odd = answering(f"(call $output_set (i64.const {at}) (i64.const {size}))")
        assert (await world.call(run(world, odd))).content == (Text(text="ab"),)


async def test_what_no_host_of_ours_answers_traps_and_is_named(world):
    user = '(import "extism:host/user" "create_elicitation" (func $ask (param i64) (result i64)))'
    spec = run(world, answering("(drop (call $ask (i64.const 0)))", more=user))

    report = await world.runtime.prepare(spec.runtime.module)
    outcome = await world.call(spec)

    assert any("`create_elicitation`" in note for note in check_fit(report, spec))
    assert isinstance(outcome, Failed)
    assert "extism:host/user::create_elicitation" in outcome.detail


@pytest.mark.parametrize("when", ["start", "initialize", "call"])
async def test_a_trap_at_any_time_is_a_failure_of_its_call_alone(world, when):
    parts = {"start": "(start $boom)", "initialize": '(export "_initialize" (func $boom))', "call": ""}[when]
    bad = plugin("(call $boom) (i32.const 0)", "length", parts=f"(func $boom (unreachable)) {parts}")

    outcome = await world.call(run(world, bad))

    assert isinstance(outcome, Failed)
    assert outcome.code in {"wasm/trap", "wasm/instantiate"}
    assert world.runtime.worker_pids == ()


async def test_endless_recursion_through_the_kernel_is_stopped_at_the_stack(world):
    deep = plugin("(call $again) (i32.const 0)", "length",
                  parts="(func $again (drop (call $length (i64.const 80))) (call $again) (call $again))")  # fmt: skip

    assert (await world.call(run(world, deep))).limit is LimitName.STACK


async def test_a_plugin_that_frees_and_takes_for_ever_runs_out_of_fuel(world):
    churn = plugin(
        """(loop $l (local.set $p (call $alloc (i64.add (i64.rem_u (local.get $n) (i64.const 500)) (i64.const 1))))
          (call $free (local.get $p)) (call $free (local.get $q)) (local.set $q (call $alloc (i64.const 9)))
          (local.set $n (i64.add (local.get $n) (i64.const 7))) (br $l)) (i32.const 0)""",
        "alloc",
        "free",
    )

    outcome = await world.call(run(world, churn, fuel=20_000_000))

    assert outcome.limit is LimitName.FUEL
    assert outcome.usage.memory_bytes <= 4 * MIB


async def test_a_reset_by_the_plugin_hurts_only_itself(world):
    outcome = await world.call(run(world, answering("(call $reset)", "reset")))

    assert isinstance(outcome, Completed)


async def test_plugins_leave_nothing_behind_over_many_calls(world):
    spec = run(world, plugins.ECHO, "echo")
    await world.call(spec, input="warm")
    (pid,) = world.runtime.worker_pids
    before = _pages(pid)

    for number in range(400):
        assert (await world.call(spec, input=str(number) * 50)).content[0].text == str(number) * 50

    assert world.runtime.worker_pids == (pid,)
    assert _pages(pid) - before < 1024  # 4 MiB over 400 calls


def _pages(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])


# HTTP


REQUEST = {"url": "https://example.test/a", "method": "POST", "headers": {"x-a": "b"}}
FETCH = plugin(
    """(local.set $p (call $http_request (call $text) (call $put (i32.const 16) (i32.const 3))))
    (local.set $q (call $http_headers))
    (local.set $n (call $length (local.get $q)))
    (if (i32.eq (call $http_status_code) (i32.const 302))
      (then (local.set $p (local.get $q)))
      (else (local.set $n (call $length (local.get $p)))))
    (call $output_set (local.get $p) (local.get $n)) (i32.const 0)""",
    *SAY, "http_request", "http_headers", "http_status_code", "length", parts=text(json.dumps(REQUEST)),
)  # fmt: skip


async def _fetched(world, answer: HostAnswer, module: str = FETCH) -> tuple[object, list[HostCall]]:
    """Run *module* in a worker whose host calls are all answered with *answer*."""
    spec = run(world, module)
    artifact = await world.runtime._artifact(spec.runtime.module)
    report, asked = artifact.report, []

    async def broker(call: HostCall) -> HostAnswer:
        asked.append(call)
        return answer

    worker = await Worker.born(
        Birth(abi=report.abi, wasi=report.wasi, clock=False, random=False, tables=report.tables,
              table_elements=report.table_elements, declared_memory_bytes=report.memory_bytes, memory_bytes=32 * MIB,
              cpu_seconds=60, unprivileged=UNPRIVILEGED),
        artifact.native,
    )  # fmt: skip
    try:
        request = Request(fuel=10**9, memory_bytes=32 * MIB, wall_ms=10_000, output_bytes=MIB * 4, name="run",
                          arguments=b"{}")  # fmt: skip
        reply = await worker.call(request, broker)
        assert isinstance(reply, Reply)
        return outcome_of(reply, abi=report.abi, wall_ms=1.0), asked
    finally:
        await worker.end()


def _answer(status: int, body: bytes, *headers: list[str]) -> HostAnswer:
    said = {"status": status, "headers": list(headers), "body": base64.b64encode(body).decode()}
    return HostAnswer(payload=json.dumps(said).encode())


async def test_an_http_request_goes_through_the_parent(world):
    outcome, asked = await _fetched(world, _answer(200, b"body\xff"))

    assert outcome.content == (Blob(data=b"body\xff", media_type="application/octet-stream"),)
    (call,) = asked
    assert call.name == "http"
    said = json.loads(call.payload)
    assert said | {"body": base64.b64decode(said["body"])} == {
        "method": "POST",
        "url": REQUEST["url"],
        "headers": [["x-a", "b"]],
        "body": json.dumps(REQUEST).encode()[:3],
        "follow": False,
    }


async def test_a_redirect_is_an_answer_and_is_not_followed(world):
    answer = _answer(302, b"", ["Location", "https://elsewhere.test/"], ["Set-Cookie", "a"], ["set-cookie", "b"])

    outcome, asked = await _fetched(world, answer)

    assert outcome.structured == {"location": "https://elsewhere.test/", "set-cookie": "a, b"}
    assert len(asked) == 1


async def test_a_large_body_comes_through_whole(world):
    body = bytes(range(256)) * 12_000

    outcome, _asked = await _fetched(world, _answer(200, body))

    assert outcome.content == (Blob(data=body, media_type="application/octet-stream"),)


async def test_a_body_that_does_not_fit_the_kernel_names_the_memory(world):
    outcome, _asked = await _fetched(world, _answer(200, b"x" * (9 * MIB)))

    assert isinstance(outcome, Stopped)
    assert outcome.limit is LimitName.MEMORY


async def test_a_refused_request_stops_the_plugin_with_the_reason(world):
    refused = HostAnswer(code="host/not-granted", payload=b"the tool has no grant for this host")

    outcome, _asked = await _fetched(world, refused)

    assert isinstance(outcome, Failed)
    assert outcome.detail == "host/not-granted: the tool has no grant for this host"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"status":200,"headers":[[1]],"body":""}',
        b"\xff",
        b'{"status":"x","headers":[],"body":""}',
        b'{"status":200,"headers":[],"body":"?"}',
    ],
)
async def test_an_answer_of_the_parent_in_another_form_stops_the_plugin(world, payload):
    outcome, _asked = await _fetched(world, HostAnswer(payload=payload))

    assert outcome.detail.startswith("host/lost: ")


@pytest.mark.parametrize(
    "request_text",
    ["", "[]", "{", "{}", '{"url":7}', '{"url":"u","method":7}', '{"url":"u","headers":[]}',
     '{"url":"u","headers":{"a":1}}', "[" * 100_000],
)  # fmt: skip
async def test_a_request_in_another_form_is_never_sent(world, request_text):
    module = plugin("(drop (call $http_request (call $text) (i64.const 0))) (i32.const 0)",
                    *SAY, "http_request", parts=text(request_text), memory="4")  # fmt: skip

    outcome, asked = await _fetched(world, _answer(200, b""), module)

    assert outcome.detail.startswith("host/arguments: ")
    assert asked == []


async def test_without_a_grant_a_request_is_refused(world):
    outcome = await world.call(run(world, FETCH, host_calls=5))

    assert isinstance(outcome, Failed)
    assert outcome.detail.startswith("host/")


# Plugins in C


def _built(source: Path, folder: Path) -> bytes:
    target = folder / f"{source.stem}.wasm"
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mexec-model=reactor", "-Oz", "-s",
         "-I", str(EXAMPLE), "-o", str(target), str(source)],
        check=True,
        capture_output=True,
        env={"PATH": "/usr/bin:/bin", "ZIG_GLOBAL_CACHE_DIR": str(CACHE), "ZIG_LOCAL_CACHE_DIR": str(CACHE)},
    )  # fmt: skip
    return target.read_bytes()


@pytest.fixture(scope="session")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("zig-extism")
    return {"count": _built(EXAMPLE / "count_vowels.c", folder), "tools": _built(HERE / "tools_v2.c", folder)}


async def test_the_example_counts_under_its_manifest(world, in_c):
    from holdfast.contracts import Digest

    shipped = (EXAMPLE / "tool.toml").read_text(encoding="utf-8")
    digest = Digest.of(in_c["count"])
    manifest = load_manifest(shipped.replace(str(load_manifest(shipped).digest), str(digest)))
    world.modules[digest] = in_c["count"]
    spec = manifest.spec()
    check_fit(await world.runtime.prepare(digest), spec)

    for said in ("", "hello aeiou", "é" * 1000, "AEIOU" * 10_000):
        outcome = await world.call(spec, input=said)
        assert outcome.structured == {"bytes": len(said.encode()), "vowels": sum(c in "aeiouAEIOU" for c in said)}


async def test_a_hyper_mcp_plugin_says_what_it_has_and_is_called_by_name(world, in_c):
    spec = world.tool(in_c["tools"], memory_bytes=32 * MIB)

    offers = await world.runtime.offers(spec.runtime.module)
    shown = await world.call(of(spec, "show"), text='é "q"')
    drawn = await world.call(of(spec, "draw"))

    assert [offer.name for offer in offers] == ["show", "draw"]
    assert await world.runtime.check_offers((of(spec, "show"), of(spec, "draw"))) == ("the plugin offers: show, draw",)
    with pytest.raises(OperatorError, match="no function of that name, it has: show, draw"):
        await world.runtime.check_offers((of(spec, "show"), of(spec, "paint")))
    assert offers[1].input_schema["properties"] == {"n": {"type": "integer"}}
    assert json.loads(shown.content[0].text)["request"] == {"arguments": {"text": 'é "q"'}, "name": "show"}
    assert drawn.content == (Blob(data=b"hi", media_type="image/png"), Text(text="a picture"))
    assert drawn.structured == {"n": 1}


async def test_a_hyper_mcp_plugin_fails_and_logs_and_asks_in_its_own_words(world, in_c):
    spec = of(world.tool(in_c["tools"], memory_bytes=32 * MIB), "show")

    failed = await world.call(spec, what="fail")
    logged = await world.call(spec, what="log")
    asked = await world.call(spec, what="ask")

    assert failed.is_error
    assert failed.content == (Text(text="it did not work"),)
    assert logged.log == "info: seen"
    assert "create_message" in asked.detail


V1 = says('{"tools":[{"name":"t","inputSchema":{"type":"object"}}]}', name="describe").rstrip()[:-1] + (
    ' (func (export "call") (result i32) (call $output_set (call $put (i32.const 16) (i32.const 4)) (i64.const 4))'
    " (i32.const 0)))"
)


async def test_a_plugin_of_the_first_version_says_what_it_has(world):
    spec = world.tool(V1)

    (offer,) = await world.runtime.offers(spec.runtime.module)
    outcome = await world.call(of(spec, "t"))

    assert offer.name == "t"
    assert outcome.code == "wasm/abi"  # `{"to` is no result of a tool call


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("(unreachable)", "trapped"),
        ("(loop $l (br $l))", "fuel"),
        ("(drop (call $http_request (call $text) (i64.const 0)))", "host/"),
        ("", "not say|not JSON|lists no tools"),
    ],
)
async def test_a_plugin_is_asked_what_it_has_in_a_call_that_reaches_nothing(world, body, why):
    module = plugin(f"{body} (i32.const 0)", *SAY, "http_request", parts=text('{"url":"https://example.test/"}'),
                    name="describe").rstrip()[:-1] + ' (func (export "call")))'  # fmt: skip
    spec = world.tool(module, grants=Grants())

    with pytest.raises(OperatorError, match=why):
        await world.runtime.offers(spec.runtime.module)


async def test_a_notice_to_a_host_is_dropped_and_the_plugin_goes_on(world):
    """hyper-mcp's plugins tell of their progress; a function that has an answer to give is no notice."""
    user = """(import "extism:host/user" "notify_progress" (func $progress (param i64)))
      (import "extism:host/user" "notify_tool_list_changed" (func $changed))
      (import "extism:host/user" "notify_and_wait" (func $wait (param i64) (result i64)))"""
    spec = run(world, answering("(call $progress (i64.const 64)) (call $changed)", more=user))
    asking = run(world, answering("(drop (call $wait (i64.const 64)))", more=user))

    notes = (await world.runtime.inspect(world.modules[spec.runtime.module])).notes
    outcome, stopped = await world.call(spec), await world.call(asking)

    assert isinstance(outcome, Completed)
    assert not outcome.is_error
    assert isinstance(stopped, Failed)
    assert any("`notify_and_wait`" in note and "`notify_progress`" not in note for note in notes)
    assert "sends notices to its host, which nobody here reads" in notes
