"""near:agent tools in confined workers: the capability chooses, the host answers as its types have it, never a trap."""

from dataclasses import replace

import pytest

from holdfast.contracts import Completed, Failed, Grants, OperatorError
from holdfast.sandbox.wasm.fitting import check_fit

from .components import KEPT, LIMITS, assembled, built, tool
from .conftest import KEY, authorized

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


@pytest.fixture
def near(raised):
    """Calls the near:agent tool with a capability; its artifact is kept between runs."""
    world = raised(KEPT / "native", KEY)
    module = built("near")

    async def call(capability, grants=None, limits=LIMITS, **arguments):
        spec = tool(module, "near-agent", function=capability, grants=grants, limits=limits)
        world.modules[spec.runtime.module] = module
        return await world.runtime.run(authorized(spec, arguments, "one", None))

    call.world, call.module = world, module
    return call


async def test_the_report_names_what_the_tool_can_ask_for(near):
    report = await near.world.runtime.inspect(near.module)
    assert report.abi == "near-agent"
    assert report.capabilities == ("http", "log", "now", "secret-exists", "tool-invoke", "workspace-read")
    spec = tool(near.module, "near-agent")
    with pytest.raises(OperatorError):
        check_fit(report, spec)
    said = frozenset({"http", "secret_exists", "tools", "workspace_read"})
    assert check_fit(report, spec, said=said)


async def test_the_capability_is_the_function_that_was_asked_for(near):
    outcome = await near("demo.now")
    assert isinstance(outcome, Completed)
    assert outcome.structured["capability"] == "demo.now"
    assert outcome.structured["said"] > 1_600_000_000_000


async def test_a_log_line_is_logged(near):
    assert "hello" in (await near("demo.log", message="hello")).log


async def test_a_typed_failure_is_an_error_of_the_tool(near):
    outcome = await near("demo.fail")
    assert outcome.is_error
    assert outcome.structured == {
        "error": {"kind": "input", "code": "no-such-thing", "message": "there is no such thing"}
    }


async def test_what_is_not_granted_is_answered_by_type_and_never_traps(near):
    assert (await near("demo.read", path="docs/a")).structured["said"] is None
    assert (await near("demo.secret", name="key")).structured["said"] is False
    for capability, arguments in (
        ("demo.http", {"url": "https://example.com/"}),
        ("demo.invoke", {"tool": "echo", "arguments": {}}),
    ):
        said = (await near(capability, **arguments)).structured["said"]
        assert said["error"].startswith("host/not-granted: ")


async def test_what_is_granted_and_not_there_is_an_error_too(near):
    grants = Grants(workspace_read=("docs/",), secret_exists=("key",), tools=("echo",))
    assert (await near("demo.read", grants, path="docs/a")).structured["said"] is None
    assert (await near("demo.secret", grants, name="key")).structured["said"] is False
    assert "error" in (await near("demo.invoke", grants, tool="echo", arguments={})).structured["said"]


async def test_more_host_calls_than_allowed_stop_the_tool(near):
    outcome = await near("demo.read", limits=replace(LIMITS, host_calls=0), path="docs/a")
    assert outcome.limit.value == "host_calls"


async def test_an_exception_of_the_guest_says_where(near):
    outcome = await near("demo.nothing-of-that-name")
    assert isinstance(outcome, Failed)
    assert "AttributeError" in outcome.detail


def exported(version: str, response: str, imports: str = "") -> str:
    """A near:agent tool as text, whose `execute` answers the zero of *response*."""
    return f"""(component {imports}
      (core module $m (memory (export "memory") 1)
        (func (export "execute") (param i32 i32 i32 i32 i32) (result i32) (i32.const 8))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
      (core instance $i (instantiate $m))
      (alias core export $i "memory" (core memory $mem)) (alias core export $i "realloc" (core func $realloc))
      (type $request (record (field "params" string) (field "context" (option string))))
      (type $response {response})
      (component $shim
        (type $request0 (record (field "params" string) (field "context" (option string))))
        (import "request" (type $request (eq $request0)))
        (type $response0 {response})
        (import "response" (type $response (eq $response0)))
        (import "execute" (func $execute (param "req" $request) (result $response)))
        (export $r1 "request" (type $request))
        (export $r2 "response" (type $response))
        (export "execute" (func $execute) (func (param "req" $r1) (result $r2))))
      (func $execute (param "req" $request) (result $response)
        (canon lift (core func $i "execute") (memory $mem) (realloc $realloc)))
      (instance $tool (instantiate $shim (with "request" (type $request)) (with "response" (type $response))
        (with "execute" (func $execute))))
      (export "near:agent/tool@{version}" (instance $tool)))"""


HOST = '(import "near:agent/host@{}" (instance (export "{}" (func {}))))'
UNTYPED = '(record (field "output" (option string)) (field "error" (option string)))'


@pytest.mark.parametrize("version", ["0.3.0", "0.3.4", "0.4.0"])
async def test_tools_of_the_untyped_versions_run(raised, version):
    world, module = raised(), assembled(exported(version, UNTYPED))
    spec = tool(module, "near-agent")
    world.modules[spec.runtime.module] = module
    outcome = await world.runtime.run(authorized(spec, {}, "one", None))
    assert isinstance(outcome, Completed)
    assert not outcome.is_error


async def test_what_a_builder_imports_besides_is_noted_and_not_given(raised):
    """componentize-js imports `wasi:http` for its `fetch`, whether or not the tool uses it."""
    world = raised()
    http = '(import "wasi:http/outgoing-handler@0.2.10" (instance (export "handle" (func (param "n" u32)))))'
    module = assembled(exported("0.4.1", UNTYPED, http))
    report = await world.runtime.inspect(module)
    assert (report.abi, report.capabilities) == ("near-agent", ())
    assert [note for note in report.notes if "nothing answers its import `wasi:http/outgoing-handler@0.2.10`" in note]
    spec = tool(module, "near-agent")
    world.modules[spec.runtime.module] = module
    assert isinstance(await world.runtime.run(authorized(spec, {}, "one", None)), Completed)


@pytest.mark.parametrize(
    ("version", "response", "imports", "says"),
    [
        ("0.2.0", UNTYPED, "", "runs one near:agent/tool of 0.3 or 0.4"),
        ("0.5.0", UNTYPED, "", "runs one near:agent/tool of 0.3 or 0.4"),
        ("0.4.1", '(record (field "other" string))', "", "of a type that this version does not know"),
        ("0.4.1", UNTYPED, HOST.format("0.4.1", "sign", ""), "nothing answers the import"),
        ("0.4.1", UNTYPED, HOST.format("0.4.1", "now-millis", ""), "another type than ours"),
        ("0.4.1", UNTYPED, HOST.format("0.9.0", "now-millis", "(result u64)"), "0.3 or 0.4"),
    ],
    ids=["older", "newer", "another answer", "unknown host function", "host function of another type", "another host"],
)  # fmt: skip
async def test_worlds_that_are_not_ours_are_refused_at_registration(raised, version, response, imports, says):
    with pytest.raises(OperatorError, match=says):
        await raised().runtime.inspect(assembled(exported(version, response, imports)))
