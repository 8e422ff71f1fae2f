"""What the tool `javascript` hands to the interpreter, and what it says of itself; files are tried with `python`."""

from collections.abc import Mapping

import pytest

from holdfast.contracts import Completed, Effect, InvalidRequest, Json, Outcome, Text
from holdfast.safety.flow import call_effects
from holdfast.safety.schemas import Valid, compile_schema
from holdfast.tools.builtin.javascript_tool import SPEC, JavaScriptTool

pytestmark = pytest.mark.anyio


class Recording:
    """Keeps what it was asked to run."""

    def __init__(self) -> None:
        self.code = ""
        self.given: Json = None
        self.files: Mapping[str, bytes] = {}

    async def run(self, code: str, *, given: Json, files: Mapping[str, bytes], tenant, limits, call=None) -> Outcome:
        self.code, self.given, self.files = code, given, files
        assert call is not None
        assert (tenant, limits) == (call.principal.tenant, call.limits)
        return Completed(content=(Text(text="ran"),))


async def test_code_input_and_files_are_handed_on(call, workspace, root) -> None:
    (root / "data.csv").write_bytes(b"a,b\n")
    runner = Recording()
    files = [{"path": "data.csv"}, {"name": "in/text", "text": "é"}]
    await JavaScriptTool(runner, workspace)(call(SPEC, code="1", input={"n": 1}, files=files))

    assert (runner.code, runner.given) == ("1", {"n": 1})
    assert runner.files == {"data.csv": b"a,b\n", "in/text": "é".encode()}


async def test_a_file_without_a_name_is_refused(call, workspace) -> None:
    with pytest.raises(InvalidRequest):
        await JavaScriptTool(Recording(), workspace)(call(SPEC, code="1", files=[{"text": "x"}]))


def test_only_a_call_that_names_a_file_of_the_workspace_reads_what_is_private() -> None:
    assert call_effects(SPEC, {"code": "1", "files": [{"name": "x", "text": "a"}]}) == frozenset()
    assert call_effects(SPEC, {"code": "1", "files": [{"path": "b"}]}) == frozenset({Effect.READ_PRIVATE})


def test_the_description_says_what_is_seen_of_clock_and_randomness_and_what_is_missing() -> None:
    words = ("clock", "Math.random", "crypto", "network", "`input`", "`import`", "Intl", "files.read")
    assert all(word in SPEC.description for word in words)


def test_the_schema_takes_any_input_and_no_field_of_its_own_making() -> None:
    schema = compile_schema(SPEC.input_schema)

    assert isinstance(schema.evaluate({"code": "1", "input": [1, {"a": None}]}), Valid)
    assert not isinstance(schema.evaluate({"code": "1", "modules": []}), Valid)
    assert not isinstance(schema.evaluate({"input": 1}), Valid)
