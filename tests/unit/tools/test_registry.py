"""The registry never holds two tools a reader could take for one another, and readers never see half a change."""

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.contracts import Builtin, Effect, Method, OperatorError, ToolName, ToolSpec, Upstream
from holdfast.contracts.limits import BUILTIN, UPSTREAM
from holdfast.sandbox.mcp import UpstreamConfig, reserved_name
from holdfast.sandbox.mcp.config import Prefix
from holdfast.tools.builtin import echo
from holdfast.tools.formats import ListFormat
from holdfast.tools.registry import BUILTIN_NAMES, Registry


def _spec(name: str, *, description: str = "d") -> ToolSpec:
    return ToolSpec(
        name=ToolName(name),
        description=description,
        input_schema={"type": "object"},
        effects=frozenset({Effect.EGRESS}),
        runtime=Upstream(server="srv", tool=name),
        limits=UPSTREAM,
    )


def test_a_tool_is_found_by_exactly_its_name_until_removed() -> None:
    registry = Registry()
    registry.add(_spec("srv__search"))

    assert registry.get(ToolName("srv__search")) is not None
    assert registry.get(ToolName("SRV__search")) is None
    assert registry.remove(ToolName("srv__search"))
    assert not registry.remove(ToolName("srv__search"))
    assert registry.get(ToolName("srv__search")) is None
    registry.add(_spec("srv__search"))


def test_the_listing_is_sorted() -> None:
    registry = Registry()
    for name in ("b", "c", "a"):
        registry.add(_spec(name))

    assert [spec.name for spec in registry.specs()] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["get_page", "GET_page", "get-page", "Get-Page"])
def test_a_duplicate_or_look_alike_is_refused_and_changes_nothing(name: str) -> None:
    registry = Registry()
    registry.add(_spec("get_page"))
    before = registry.specs()

    with pytest.raises(OperatorError):
        registry.add(_spec(name, description="other"))

    assert registry.specs() is before


@pytest.mark.parametrize(
    "name", [*sorted(BUILTIN_NAMES), "Shell", "file-read", "FILE_READ", "she11", "ech0", "fiIe_read", "t1me"]
)
def test_the_name_of_a_built_in_tool_is_never_given_away_even_if_that_is_off(name: str) -> None:
    with pytest.raises(OperatorError):
        Registry().add(_spec(name))


@pytest.mark.parametrize("method", [one for one in Method if one is not Method.TOOL])
def test_no_tool_has_the_name_of_what_a_server_is_asked_besides_tools(method: Method) -> None:
    for prefix in Prefix:
        config = UpstreamConfig(name="my-notes", command=("x",), prefix=prefix)
        name = reserved_name(config, method)
        for like in (name, name.upper(), name.replace("__", "--")):
            with pytest.raises(OperatorError):
                Registry().add(_spec(like))
        Registry().add(replace(_spec("x"), name=name, runtime=Upstream(server="my-notes", tool="", method=method)))
    Registry().add(_spec("my-notes__resources__reader"))


def test_built_in_tools_come_in_by_their_own_door() -> None:
    registry = Registry()
    registry.add_builtin(echo.SPEC)

    assert registry.get(ToolName("echo")) is echo.SPEC
    with pytest.raises(OperatorError):
        registry.add_builtin(echo.SPEC)
    with pytest.raises(OperatorError):
        registry.add_builtin(_spec("srv__search"))


def test_replacing_keeps_the_kind_of_runtime() -> None:
    registry = Registry()
    registry.add(_spec("one"))
    registry.replace(_spec("one", description="new"))
    builtin = ToolSpec(
        name=ToolName("one"), description="", input_schema={}, effects=frozenset(), runtime=Builtin(), limits=BUILTIN
    )

    assert registry.get(ToolName("one")).description == "new"
    assert [spec.description for spec in registry.specs()] == ["new"]
    for spec in (_spec("two"), builtin):
        with pytest.raises(OperatorError):
            registry.replace(spec)


@given(names=st.lists(st.text(alphabet="abAB-_1l", min_size=1, max_size=4), max_size=30))
def test_no_two_registered_names_fold_to_the_same(names: list[str]) -> None:
    registry = Registry()
    for name in names:
        try:
            registry.add(_spec(name))
        except OperatorError:
            continue

    folded = [spec.name.casefold().replace("-", "_") for spec in registry.specs()]
    assert len(folded) == len(set(folded))
    assert {spec.name for spec in registry.specs()} <= set(names)


def test_readers_see_whole_states_while_writers_change_them() -> None:
    registry = Registry()
    registry.add(_spec("always"))
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            registry.add(_spec("sometimes"))
            registry.remove(ToolName("sometimes"))

    writer = threading.Thread(target=churn)
    writer.start()
    try:
        for _ in range(3000):
            names = [spec.name for spec in registry.specs()]
            assert names in (["always"], ["always", "sometimes"])
            assert registry.get(ToolName("always")) is not None
    finally:
        done.set()
        writer.join()


def test_each_format_has_the_shape_its_clients_expect() -> None:
    registry = Registry()
    registry.add_builtin(echo.SPEC)
    schema = dict(echo.SPEC.input_schema)

    shapes = {form: registry.listing(form)[0] for form in ListFormat}

    assert shapes[ListFormat.ANTHROPIC] == {
        "name": "echo",
        "description": echo.SPEC.description,
        "input_schema": schema,
    }
    assert shapes[ListFormat.OPENAI] == {
        "type": "function",
        "function": {"name": "echo", "description": echo.SPEC.description, "parameters": schema},
    }
    assert shapes[ListFormat.MCP] == {
        "name": "echo",
        "title": "Echo",
        "description": echo.SPEC.description,
        "inputSchema": schema,
        "annotations": {"readOnlyHint": True, "destructiveHint": False, "openWorldHint": False},
    }
    native = shapes[ListFormat.NATIVE]
    assert native["digest"] == str(echo.SPEC.digest)
    assert (native["runtime"], native["effects"], native["input_schema"]) == ("builtin", [], schema)
    assert native["limits"]["wall_ms"] == 30_000


def test_hints_follow_the_effects() -> None:
    registry = Registry()
    registry.add(_spec("away"))

    assert registry.listing(ListFormat.MCP)[0]["annotations"] == {
        "readOnlyHint": False,
        "destructiveHint": True,
        "openWorldHint": True,
    }
