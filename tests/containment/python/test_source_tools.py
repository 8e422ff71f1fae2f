"""Source text as a tool: what it says it is, how it is called, what it may ask for, and sources written to get out."""

import pytest

from holdfast.contracts import Completed, Digest, Failed, Grants, LimitName, OperatorError, Stopped
from holdfast.contracts.limits import PYTHON
from holdfast.sandbox.wasm.fitting import check_fit
from holdfast.sandbox.wasm.runtime import WasmRuntime
from holdfast.tools.drafting import Offered, draft
from holdfast.tools.manifest import load_manifest

from .conftest import Texts

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

HEAD = """
import dataclasses, datetime, decimal, enum, typing, uuid
from typing import Annotated, Any, Literal, NotRequired, Optional, TypedDict
from collections.abc import Mapping, Sequence

class Unit(enum.Enum):
    C = "c"
    F = "f"

@dataclasses.dataclass
class Place:
    lat: float
    lon: float = 0.0

class Options(TypedDict):
    deep: bool
    names: NotRequired[list[str]]

type Distance = Annotated[float, "in metres"]
"""
TYPES = {
    "int": ({"type": "integer"}, 3),
    "float": ({"type": "number"}, 2.5),
    "str": ({"type": "string"}, "é"),
    "bool": ({"type": "boolean"}, True),
    "None": ({"type": "null"}, None),
    "Any": ({}, {"a": [1]}),
    "int | None": ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
    "Optional[str]": ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "x"),
    "list[int]": ({"type": "array", "items": {"type": "integer"}}, [1, 2]),
    "list": ({"type": "array"}, [1, "a"]),
    "Sequence[str]": ({"type": "array", "items": {"type": "string"}}, ["a"]),
    "set[int]": ({"type": "array", "uniqueItems": True, "items": {"type": "integer"}}, [1, 2]),
    "dict[str, float]": ({"type": "object", "additionalProperties": {"type": "number"}}, {"a": 1.5}),
    "Mapping[str, int]": ({"type": "object", "additionalProperties": {"type": "integer"}}, {"a": 1}),
    "tuple[int, str]": (
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2},
        [1, "a"],
    ),
    "tuple[int, ...]": ({"type": "array", "items": {"type": "integer"}}, [1, 2, 3]),
    'Literal["a", 1]': ({"enum": ["a", 1]}, 1),
    "Unit": ({"enum": ["c", "f"]}, "f"),
    "Place": (
        {
            "type": "object",
            "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
            "additionalProperties": False,
            "required": ["lat"],
        },
        {"lat": 1.5, "lon": 2.5},
    ),
    "Options": (
        {
            "type": "object",
            "properties": {"deep": {"type": "boolean"}, "names": {"type": "array", "items": {"type": "string"}}},
            "additionalProperties": False,
            "required": ["deep"],
        },
        {"deep": True},
    ),
    "datetime.datetime": ({"type": "string", "format": "date-time"}, "2026-01-02T03:04:05+00:00"),
    "datetime.date": ({"type": "string", "format": "date"}, "2026-01-02"),
    "decimal.Decimal": ({"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$"}, "1.10"),
    "uuid.UUID": ({"type": "string", "format": "uuid"}, "12345678-1234-5678-1234-567812345678"),
    "bytes": ({"type": "string", "contentEncoding": "base64"}, "AAE="),
    'Annotated[int, "how many"]': ({"type": "integer", "description": "how many"}, 3),
    "Distance": ({"type": "number", "description": "in metres"}, 2.5),
    '"Place"': (
        {
            "type": "object",
            "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}},
            "additionalProperties": False,
            "required": ["lat"],
        },
        {"lat": 1.0, "lon": 0.0},
    ),
}


@pytest.mark.parametrize("hint", TYPES)
async def test_a_type_is_a_schema_and_its_values_go_in_and_come_out(texts, hint: str) -> None:
    schema, value = TYPES[hint]
    source = f"{HEAD}\ndef f(x: {hint}):\n    return x\n"
    (offer,) = (await texts.described(source)).offers

    assert offer.input_schema["properties"]["x"] == schema
    assert await texts.value(source, {"x": value}) == value


async def test_values_are_of_the_types_that_were_asked_for(texts) -> None:
    source = (
        f"{HEAD}\ndef f(unit: Unit, at: Place, day: datetime.date, pair: tuple[int, str], many: set[int], n: float):\n"
        "    return [unit is Unit.F, type(at).__name__, day.isocalendar().week, type(pair).__name__, sorted(many), "
        "type(n).__name__]\n"
    )
    given = {"unit": "f", "at": {"lat": 1}, "day": "2026-01-02", "pair": [1, "a"], "many": [2, 1], "n": 1}

    assert await texts.value(source, given) == [True, "Place", 1, "tuple", [1, 2], "float"]


DOCUMENTED = '''
"""About the file."""

def forecast(city: str, /, days: int = 3, *, unit: str = "c", note: str | None = None):
    """Says how warm
    it will be.

    More about it.

    Args:
        city: the city's name
        days (int): how many days
            to look ahead
        unit: c or f

    Returns:
        a number
    """
    return [city, days, unit, note]

def _private(x): ...
'''
SPHINX = '''
def f(a: int, b: int = 2):
    """Adds.

    :param a: one
    :param int b: the other,
        or two
    :returns: the sum
    """
    return a + b
'''


async def test_the_docstring_describes_the_tool_and_its_arguments(texts) -> None:
    report = await texts.described(DOCUMENTED, "weather.py")
    (offer,) = report.offers
    properties = offer.input_schema["properties"]

    assert (offer.name, offer.description) == ("forecast", "Says how warm it will be.")
    assert properties["city"] == {"type": "string", "description": "the city's name"}
    assert properties["days"] == {"type": "integer", "description": "how many days to look ahead", "default": 3}
    assert properties["unit"]["description"] == "c or f"
    assert "default" not in properties["note"]
    assert offer.input_schema["required"] == ["city"]
    assert report.abi == "python"
    assert await texts.value(DOCUMENTED, {"city": "x", "unit": "f"}, name="forecast") == ["x", 3, "f", None]
    (other,) = (await texts.described(SPHINX)).offers
    assert other.input_schema["properties"]["a"]["description"] == "one"
    assert other.input_schema["properties"]["b"]["description"] == "the other, or two"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def f(a: int,\n      b):\n    pass", "line 2: 'b' of 'f' has no type; write 'b: str'"),
        ("def f(*parts: str): pass", "line 1: '*parts' of 'f' has no names"),
        ("def f(**more: str): pass", "line 1: '**more' of 'f' has no names"),
        ("\n\nasync def f(): pass", "line 3: 'f' must be a plain function"),
        ("def f():\n    yield 1", "must be a plain function"),
        ("def f(x: complex): pass", "'x' of 'f' has the type 'complex'"),
        ("def f(x: 'Nothing'): pass", "names 'Nothing', which is not there"),
        ("def f(x: dict[int, str]): pass", "keys are no 'str'"),
        ("def a(): pass\ndef b(): pass", "several public functions: 'a', 'b'; list those"),
        ("x = 1", "no public function"),
        ("__all__ = ['x']\nx = 1", "'__all__' names 'x', which is no function"),
        ("__all__ = []", "'__all__' is empty"),
        ("def f(:", "line 1: SyntaxError"),
        ("\n1 / 0\ndef f(): pass", "line 2: ZeroDivisionError"),
        ("import numpy\ndef f(): pass", "line 1: ModuleNotFoundError"),
        ("import dataclasses\n@dataclasses.dataclass\nclass N:\n    n: 'N'\ndef f(x: N): pass", "refers to itself"),
        ("type A = A\ndef f(x: A): pass", "refers to itself"),
        ("from holdfast import kv\nkv.get('a')\ndef f(): pass", "host/not-granted"),
        ("import sys\nsys.exit(0)", "SystemExit"),
        ("while True: pass", "was stopped while it was read: 'fuel'"),
        ("x = bytearray(1 << 30)", "takes more memory"),
        ("print('x' * (2 << 20))", "takes more memory or says more"),
        ("def f(x: int = 1):\n    '" + "x" * 10 + "'\nimport json\njson.dumps = lambda said: '{'", "no readable"),
        ('import json\ndef f(): pass\njson.dumps = lambda said: \'{"described": {"tools": 1}}\'', "no readable"),
    ],
)
async def test_what_is_no_tool_is_refused_with_the_reason(texts, source: str, why: str) -> None:
    with pytest.raises(OperatorError) as refused:
        await texts.described(source)

    assert why in refused.value.message.replace("`", "'")
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"\0asm\1\0\0\0", "WebAssembly module, not source text"),
        (b"\xff\xfe", "not UTF-8"),
        (b"def f(): pass\0", "holds a NUL"),
        (b" \n", "is empty"),
        (b"#" * ((1 << 20) + 1), "larger than"),
    ],
)
async def test_what_is_no_text_is_refused_before_anything_reads_it(texts, source: bytes, why: str) -> None:
    with pytest.raises(OperatorError, match=why):
        await texts.described(source)


async def test_what_a_source_says_of_itself_is_cleaned_as_what_a_model_reads_is(texts) -> None:
    hidden = "".join(chr(0xE0000 + ord(char)) for char in "obey")
    report = await texts.described(f'def f():\n    """Does it.{hidden}\x1b[2J"""\n')

    assert report.offers[0].description == "Does it.[2J"


async def test_functions_in_all_are_tools_and_each_is_called_by_name(texts) -> None:
    source = "__all__ = ['b', 'a']\ndef a() -> str: return 'a'\ndef b() -> str: return 'b'\ndef c(): pass\n"
    report = await texts.described(source)

    assert [one.name for one in report.offers] == ["b", "a"]
    assert await texts.value(source, name="a") == "a"
    assert await texts.value(source, name="b") == "b"


async def test_the_only_function_is_called_whatever_the_tool_is_called(texts) -> None:
    assert await texts.value("def f() -> int: return 1", name="other") == 1


async def test_what_is_printed_goes_aside_and_the_value_is_the_answer(texts) -> None:
    outcome = await texts.run(
        "import sys\ndef f():\n    print('aside')\n    sys.stderr.write('too')\n    return {'a': (1, 2)}"
    )

    assert isinstance(outcome, Completed)
    assert outcome.structured == {"a": [1, 2]}
    assert outcome.content[0].text == '{"a":[1,2]}'
    assert outcome.log == "aside\ntoo"
    assert outcome.isolation == ("wasm", "landlock", "seccomp")


async def test_an_exception_is_an_error_with_its_type_and_message_and_line(texts) -> None:
    outcome = await texts.run("def f():\n    raise ValueError('no such city')")

    assert isinstance(outcome, Completed)
    assert outcome.is_error
    assert outcome.structured == {"error": {"type": "ValueError", "message": "no such city", "line": 2}}
    assert outcome.content[0].text == "ValueError: no such city (line 2)"
    assert "Traceback" in outcome.log


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("object()", "no form in JSON"),
        ("float('nan')", "no number"),
        ("2 ** 70", "64 bits"),
        ("{1: 2}", "no `str`"),
        ("(x := []).append(x) or x", "too deep"),
    ],
)
async def test_a_value_that_json_cannot_say_is_an_error(texts, value: str, why: str) -> None:
    outcome = await texts.run(f"def f():\n    return {value}")

    assert outcome.is_error
    assert why in outcome.structured["error"]["message"]


@pytest.mark.parametrize("given", [{"x": "a"}, {"x": 1, "y": 2}, {"x": True}, {}])
async def test_arguments_that_the_function_does_not_take_are_an_error(texts, given) -> None:
    outcome = await texts.run("def f(x: int) -> int: return x", given)

    assert outcome.is_error
    assert outcome.structured["error"]["type"] == "TypeError"


async def test_nothing_of_a_call_is_there_for_the_next(texts) -> None:
    source = (
        "import json, os\nseen = []\ndef f() -> list[int]:\n    seen.append(1)\n    json.left = 1\n"
        "    found = [len(seen), hasattr(os, 'left'), os.path.exists('left')]\n    os.left = 1\n"
        "    open('left', 'w').close()\n    return found\n"
    )
    for _ in range(3):
        assert await texts.value(source) == [1, False, False]


async def test_each_source_and_each_tenant_has_a_worker_of_its_own(texts) -> None:
    await texts.value("def f() -> int: return 1")
    before = set(texts.runtime.worker_pids)
    await texts.value("def f() -> int: return 2")
    await texts.value("def f() -> int: return 2", tenant="two")

    assert len(set(texts.runtime.worker_pids) - before) == 2  # of two workers in all, the other two made room


async def test_a_source_that_is_not_the_approved_one_any_more_does_not_run(texts) -> None:
    source = "def f() -> int: return 1"
    assert await texts.value(source) == 1
    digest = next(digest for digest, data in texts.modules.items() if data == source.encode())
    texts.modules[digest] = b"def f() -> int: return 2"

    outcome = await texts.run(source)

    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/integrity"
    texts.modules[digest] = source.encode()


async def test_the_clock_stops_a_tool_that_is_not_granted_it(texts) -> None:
    source = "import time\ndef f() -> bool:\n    return time.time() > 0"
    other = "def f() -> int:\n    open('a', 'w').write('x')\n    return 1"
    without = Grants(clock=False)

    assert await texts.value(source) is True
    assert await texts.value(other, grants=without) == 1
    outcome = await texts.run(source, grants=without)
    assert isinstance(outcome, Failed)
    assert outcome.code == "wasm/trap"


@pytest.mark.parametrize(
    "code",
    [
        "http.get('https://example.com/')",
        "kv.get('a')",
        "kv.set('a', 'b')",
        "workspace.read('a')",
        "workspace.write('a', 'b')",
        "secrets.exists('github')",
    ],
)
async def test_what_is_not_granted_is_refused_as_an_exception_with_its_code(texts, code: str) -> None:
    source = (
        "from holdfast import HostError, http, kv, secrets, workspace\ndef f() -> str:\n    try:\n"
        f"        {code}\n    except HostError as error:\n        return error.code\n    return 'done'"
    )
    assert await texts.value(source) == "host/not-granted"


async def test_another_tool_that_is_not_granted_is_refused(texts) -> None:
    source = (
        "from holdfast import ToolCallError, tools\ndef f() -> list[str]:\n    try:\n        tools.echo(text='x')\n"
        "    except ToolCallError as error:\n        return [error.status, error.code]\n    return []"
    )
    assert await texts.value(source) == ["denied", "host/not-granted"]


async def test_a_tool_says_things_aside_through_the_host(texts) -> None:
    outcome = await texts.run("from holdfast import log\ndef f() -> int:\n    log('looked', 'warn')\n    return 1")

    assert isinstance(outcome, Completed)
    assert outcome.log == "warn: looked"


@pytest.mark.parametrize(
    ("text", "capabilities"),
    [
        ("from holdfast import http", ("http",)),
        ("import holdfast.kv as store", ("kv",)),
        ("import holdfast\ndef g(): holdfast.tools.echo()", ("tool-invoke",)),
        ("from holdfast import workspace\ndef _g(): workspace.read_text('a')", ("workspace-read",)),
        ("from holdfast import workspace as w\ndef _g(): w.write('a', 'b')", ("workspace-write",)),
        ("from holdfast.workspace import read, write", ("workspace-read", "workspace-write")),
        ("from holdfast.secrets import exists", ("secret-exists",)),
        ("from holdfast import log\nimport json", ()),
    ],
)
async def test_what_a_source_imports_of_ours_is_told(texts, text: str, capabilities: tuple[str, ...]) -> None:
    report = await texts.described(f"{text}\n__all__ = ['f']\ndef f(): pass")

    assert report.capabilities == capabilities


async def test_an_import_that_the_manifest_does_not_grant_is_refused_with_the_line(texts) -> None:
    source = "from holdfast import kv\ndef f() -> int:\n    return 1\n"
    report = await texts.described(source)
    offered = [
        Offered(name=one.name, description=one.description, input_schema=one.input_schema) for one in report.offers
    ]

    def manifest(**more):
        return load_manifest(draft(offered, file="f.py", digest=Digest.of(source.encode()), **more))

    with pytest.raises(OperatorError, match=r"grants\.kv"):
        check_fit(report, manifest().spec())
    refusing = manifest(written="[grants]\nkv = false\n")
    assert check_fit(report, refusing.spec(), said=refusing.said)
    assert check_fit(report, manifest(grants=["kv"]).spec())
    with pytest.raises(OperatorError, match=r"limits\.memory_bytes"):
        check_fit(report, manifest(grants=["kv"], written="[limits]\nmemory_bytes = 1048576\n").spec())
    with pytest.raises(OperatorError, match=r"grants\.random"):
        check_fit(report, manifest(grants=["kv"], written="[grants]\nrandom = false\n").spec())


@pytest.mark.parametrize(
    ("body", "limits", "limit"),
    [
        ("while True: pass", {"fuel": 300_000_000}, LimitName.FUEL),
        ("while True: pass", {"wall_ms": 500}, LimitName.WALL),
        ("return bytearray(1 << 30)", {}, LimitName.MEMORY),
        ("print('x' * (11 << 20))", {}, LimitName.OUTPUT),
        ("return ['x' * (1 << 20)] * 11", {}, LimitName.OUTPUT),
    ],
)
async def test_a_limit_stops_a_tool(texts, body: str, limits, limit: LimitName) -> None:
    outcome = await texts.run(f"def f():\n    {body}", **limits)

    assert isinstance(outcome, Stopped)
    assert outcome.limit is limit


@pytest.mark.parametrize(
    "forged",
    [
        "'x'",
        "'{}'",
        "'[]'",
        "'{\"result\": 1}'",
        '\'{"result": 1, "stdout": 2, "stderr": ""}\'',
        '\'{"limit": "all", "stdout": "", "stderr": ""}\'',
        '\'{"error": {"type": 1}, "stdout": "", "stderr": ""}\'',
        "'{\"result\": NaN}'",
    ],
)
async def test_an_answer_that_is_none_is_a_failure(texts, forged: str) -> None:
    outcome = await texts.run(f"import json\ndef f():\n    json.dumps = lambda said: {forged}")

    assert isinstance(outcome, Failed)
    assert outcome.code == "python/garbled"


async def test_without_an_interpreter_a_tool_is_off_and_says_why(tmp_path) -> None:
    runtime = WasmRuntime({Digest.of(b"x"): b"x"}.__getitem__, artifacts=tmp_path / "native")
    without = Texts(runtime, {})
    with pytest.raises(OperatorError, match="off here"):
        await without.described("def f(): pass")
    runtime.adopt("python", "it was not built")

    with pytest.raises(OperatorError, match="it was not built"):
        await without.described("def f(): pass")
    outcome = await without.run("x")
    assert (outcome.code, "it was not built" in outcome.message) == ("wasm/unavailable", True)
    await runtime.close()


async def test_the_usual_limits_of_source_text_are_the_interpreters(texts) -> None:
    (offer,) = (await texts.described("def f(): pass")).offers
    offered = Offered(name=offer.name, description=offer.description, input_schema=offer.input_schema)
    manifest = load_manifest(draft([offered], file="f.py", digest=Digest.of(b"")))

    assert manifest.limits == PYTHON
    assert manifest.effects == frozenset()
    assert manifest.grants == Grants()
