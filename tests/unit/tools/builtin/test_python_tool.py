"""What the tool `python` hands to the interpreter, and what it refuses; the interpreter is tried elsewhere."""

import base64
from collections.abc import Mapping

import pytest

from holdfast.contracts import Completed, Effect, InvalidRequest, Json, Outcome, Refusal, Text
from holdfast.safety.flow import call_effects
from holdfast.safety.schemas import Valid, compile_schema
from holdfast.tools.builtin.program_files import FILE_BYTES
from holdfast.tools.builtin.python_tool import PythonTool, spec

pytestmark = pytest.mark.anyio
SPEC = spec(("json", "xml.sax", "xml.dom"))


class Recording:
    """Keeps what it was asked to run."""

    def __init__(self) -> None:
        self.code = ""
        self.given: Json = None
        self.files: Mapping[str, bytes] = {}
        self.keep = False

    async def run(
        self, code: str, *, given: Json, files: Mapping[str, bytes], tenant, limits, call=None, keep=False
    ) -> Outcome:
        self.code, self.given, self.files, self.keep = code, given, files, keep
        assert call is not None
        assert (tenant, limits) == (call.principal.tenant, call.limits)
        return Completed(content=(Text(text="ran"),))


async def handed(call, workspace, **arguments: Json) -> Recording:
    runner = Recording()
    await PythonTool(runner, workspace)(call(SPEC, **arguments))
    return runner


async def test_code_input_and_every_kind_of_file_are_handed_on(call, workspace, root) -> None:
    (root / "docs").mkdir()
    (root / "docs" / "data.csv").write_bytes(b"a,b\n")
    ran = await handed(
        call,
        workspace,
        code="1",
        input={"n": 1},
        files=[
            {"path": "docs/data.csv"},
            {"name": "other.csv", "path": "docs/data.csv"},
            {"name": "in/text", "text": "é"},
            {"name": "bytes", "base64": base64.b64encode(b"\xff").decode()},
        ],
    )

    assert (ran.code, ran.given) == ("1", {"n": 1})
    assert ran.files == {"data.csv": b"a,b\n", "other.csv": b"a,b\n", "in/text": "é".encode(), "bytes": b"\xff"}


async def test_only_a_call_that_says_so_goes_on_in_its_session(call, workspace) -> None:
    assert (await handed(call, workspace, code="1", session=True)).keep is True
    assert (await handed(call, workspace, code="1", session=False)).keep is False
    assert (await handed(call, workspace, code="1")).keep is False


@pytest.mark.parametrize(
    "file",
    [
        {"name": "x"},
        {"text": "x"},
        {"name": "x", "text": "a", "path": "b"},
        {"name": "../x", "text": "a"},
        {"name": "/x", "text": "a"},
        {"name": "a/../x", "text": "a"},
        {"name": "a//x", "text": "a"},
        {"name": "x\0", "text": "a"},
        {"name": ".", "text": "a"},
        {"name": "x", "base64": "!"},
    ],
)
async def test_a_file_that_says_too_little_or_too_much_is_refused(call, workspace, file: dict) -> None:
    with pytest.raises(InvalidRequest):
        await handed(call, workspace, code="1", files=[file])


async def test_two_files_of_one_name_are_refused(call, workspace) -> None:
    with pytest.raises(InvalidRequest):
        await handed(call, workspace, code="1", files=[{"name": "x", "text": "a"}, {"name": "x", "text": "b"}])


async def test_files_over_the_room_are_refused_before_they_are_read_whole(call, workspace, root) -> None:
    (root / "large").write_bytes(bytes(FILE_BYTES + 1))
    half = "x" * (FILE_BYTES // 2 + 1)

    with pytest.raises(InvalidRequest):
        await handed(call, workspace, code="1", files=[{"path": "large"}])
    with pytest.raises(InvalidRequest):
        await handed(call, workspace, code="1", files=[{"name": "a", "text": half}, {"name": "b", "text": half}])


async def test_a_path_out_of_the_workspace_is_refused(call, workspace) -> None:
    with pytest.raises(Refusal):
        await handed(call, workspace, code="1", files=[{"path": "../secret"}])


def test_only_a_call_that_names_a_file_of_the_workspace_reads_what_is_private() -> None:
    private = frozenset({Effect.READ_PRIVATE})

    assert call_effects(SPEC, {"code": "1"}) == frozenset()
    assert call_effects(SPEC, {"code": "1", "files": [{"name": "x", "text": "a"}]}) == frozenset()
    assert call_effects(SPEC, {"code": "1", "files": [{"name": "x", "text": "a"}, {"path": "b"}]}) == private
    assert call_effects(SPEC, {"code": "1", "files": {"path": "b"}}) == private


def test_the_description_names_the_modules_and_what_is_seen_of_clock_and_randomness() -> None:
    assert "(json, xml)" in SPEC.description
    assert all(word in SPEC.description for word in ("clock", "seeded", "hashes", "network", "`input_data`"))


def test_the_schema_takes_any_input_and_no_field_of_its_own_making() -> None:
    schema = compile_schema(SPEC.input_schema)

    assert isinstance(schema.evaluate({"code": "1", "input": [1, {"a": None}]}), Valid)
    assert isinstance(schema.evaluate({"code": "1", "session": True}), Valid)
    assert not isinstance(schema.evaluate({"code": "1", "session": "mine"}), Valid)
    assert not isinstance(schema.evaluate({"code": "1", "keep": True}), Valid)
    assert not isinstance(schema.evaluate({"input": 1}), Valid)
    assert not isinstance(schema.evaluate({"code": "1", "files": [{"name": "x", "content": "y"}]}), Valid)
