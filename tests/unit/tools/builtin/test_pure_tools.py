"""`echo`, `time`, `json` and `hash` of a text."""

from datetime import UTC, datetime

import pytest

from holdfast.contracts import InvalidRequest, NotFound
from holdfast.tools.builtin import echo, hash_tool, json_tool, time_tool

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
pytestmark = pytest.mark.anyio


async def test_echo_answers_with_exactly_its_text(call) -> None:
    outcome = await echo.echo(call(echo.SPEC, text="a\n<b>\u202e"))

    assert [block.text for block in outcome.content] == ["a\n<b>\u202e"]


@pytest.mark.parametrize("arguments", [{}, {"text": 1}, {"text": None}])
async def test_an_argument_of_the_wrong_kind_is_refused_even_behind_the_validator(call, arguments) -> None:
    with pytest.raises(InvalidRequest, match="`text`"):
        await echo.echo(call(echo.SPEC, **arguments))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, "2026-03-01T12:30:00+00:00"),
        ({"op": "now", "zone": "Asia/Tokyo"}, "2026-03-01T21:30:00+09:00"),
        ({"op": "convert", "value": "2026-07-01T00:00", "zone": "Europe/Berlin"}, "2026-07-01T00:00:00+02:00"),
        ({"op": "convert", "value": "2026-07-01T00:00Z", "zone": "Europe/Berlin"}, "2026-07-01T02:00:00+02:00"),
        ({"op": "parse", "value": "Sun, 01 Mar 2026 12:30:00 GMT"}, "2026-03-01T12:30:00+00:00"),
        ({"op": "parse", "value": "0"}, "1970-01-01T00:00:00+00:00"),
        ({"op": "format", "value": "2026-03-01T13:30+01:00"}, "Sun, 01 Mar 2026 12:30:00 GMT"),
        ({"op": "until", "value": "2026-03-01T12:31Z"}, "60.000"),
        ({"op": "until", "value": "2026-03-01T12:29:59.500Z"}, "-0.500"),
    ],
)
async def test_time_tells_and_converts(call, arguments, text) -> None:
    outcome = await time_tool.TimeTool(lambda: NOW)(call(time_tool.SPEC, **arguments))

    assert outcome.content[0].text == text


async def test_time_gives_every_field_apart(call) -> None:
    outcome = await time_tool.TimeTool(lambda: NOW)(call(time_tool.SPEC, zone="Asia/Tokyo"))

    assert outcome.structured == {
        "iso": "2026-03-01T21:30:00+09:00",
        "unix": NOW.timestamp(),
        "offset_seconds": 9 * 3600,
        "zone": "JST",
        "weekday": "Sunday",
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {"op": "convert"},
        {"op": "convert", "value": "yesterday"},
        {"op": "parse", "value": "nan"},
        {"op": "parse", "value": "1e400"},
        {"op": "convert", "value": "0001-01-01T00:00Z", "zone": "America/New_York"},
        {"op": "later", "value": "0"},
        {"zone": "Mars/Olympus"},
        {"zone": "../../../etc/passwd"},
        {"zone": "/etc/localtime"},
        {"zone": "Europe"},
        {"zone": "zone.tab"},
        {"zone": ""},
        {"zone": "a\0b"},
    ],
)
async def test_what_is_no_time_or_zone_is_an_invalid_request(call, arguments) -> None:
    with pytest.raises(InvalidRequest):
        await time_tool.TimeTool(lambda: NOW)(call(time_tool.SPEC, **arguments))


DOCUMENT = '{"b": [1, {"x/y": "ü", "~": null}], "a": 2}'


@pytest.mark.parametrize(
    ("arguments", "text", "structured"),
    [
        ({"op": "minify"}, '{"b":[1,{"x/y":"ü","~":null}],"a":2}', {"b": [1, {"x/y": "ü", "~": None}], "a": 2}),
        ({"op": "validate"}, "valid", {"valid": True}),
        ({"op": "keys"}, '["b", "a"]', {"keys": ["b", "a"]}),
        ({"op": "keys", "query": "/b"}, "an array of 2", {"length": 2}),
        ({"op": "query", "query": "/b/1/x~1y"}, '"ü"', "ü"),
        ({"op": "query", "query": "/b/1/~0"}, "null", None),
        ({"op": "query", "query": "/b/0"}, "1", 1),
    ],
)
async def test_json_looks_into_its_text(call, arguments, text, structured) -> None:
    outcome = await json_tool.json_tool(call(json_tool.SPEC, text=DOCUMENT, **arguments))

    assert (outcome.content[0].text, outcome.structured) == (text, structured)


async def test_json_formats_and_keeps_the_order_of_keys(call) -> None:
    outcome = await json_tool.json_tool(call(json_tool.SPEC, op="format", text='{"b":1,"a":[]}'))

    assert outcome.content[0].text == '{\n  "b": 1,\n  "a": []\n}'


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', "[NaN]", "[1,]", "", "[" * 500 + "]" * 500, "{'a': 1}"])
async def test_json_that_is_not_strict_is_told_so_and_never_repaired(call, text) -> None:
    told = await json_tool.json_tool(call(json_tool.SPEC, op="validate", text=text))

    assert told.structured["valid"] is False
    with pytest.raises(InvalidRequest, match="`text`"):
        await json_tool.json_tool(call(json_tool.SPEC, op="format", text=text))


@pytest.mark.parametrize("query", ["/none", "/b/2", "/b/01", "/b/-", "/b/\u0661", "/a/0", "/b/99999999999999999999"])
async def test_a_pointer_to_nothing_is_not_found(call, query) -> None:
    with pytest.raises(NotFound):
        await json_tool.json_tool(call(json_tool.SPEC, op="query", text=DOCUMENT, query=query))


async def test_a_pointer_starts_with_a_slash(call) -> None:
    with pytest.raises(InvalidRequest, match="`query`"):
        await json_tool.json_tool(call(json_tool.SPEC, op="query", text=DOCUMENT, query="b"))


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
    ],
)
async def test_hash_answers_the_published_digest_of_abc(call, workspace, algorithm, digest) -> None:
    outcome = await hash_tool.HashTool(workspace)(call(hash_tool.SPEC, text="abc", algorithm=algorithm))

    assert outcome.structured == {"algorithm": algorithm, "hex": digest, "bytes": 3, "weak": algorithm == "md5"}
    assert ("weak" in outcome.content[0].text) == (algorithm == "md5")


async def test_hash_uses_blake3_unless_told_and_reads_files_from_the_workspace(call, workspace, root) -> None:
    (root / "file").write_bytes(b"\xff\x00abc")

    of_file = await hash_tool.HashTool(workspace)(call(hash_tool.SPEC, path="file"))

    assert of_file.structured["algorithm"] == "blake3"
    assert of_file.structured["bytes"] == 5


@pytest.mark.parametrize("arguments", [{}, {"text": "a", "path": "b"}, {"text": "a", "algorithm": "crc32"}])
async def test_hash_wants_exactly_one_subject_and_a_known_algorithm(call, workspace, arguments) -> None:
    with pytest.raises(InvalidRequest):
        await hash_tool.HashTool(workspace)(call(hash_tool.SPEC, **arguments))
