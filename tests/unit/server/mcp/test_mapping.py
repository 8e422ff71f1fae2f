"""What of an output schema a client is told, and what becomes of a result that no longer fits it."""

from dataclasses import replace

import mcp.types as t
import pytest

from holdfast.contracts import (
    Builtin,
    CallId,
    Resource,
    Status,
    Text,
    ToolName,
    ToolResult,
    ToolSpec,
)
from holdfast.contracts.limits import BUILTIN
from holdfast.server.mcp.mapping import call_result, prompt_result, read_result, tool_of


def spec(output_schema):
    return ToolSpec(
        name=ToolName("x"),
        description="",
        input_schema={"type": "object"},
        output_schema=output_schema,
        effects=frozenset(),
        runtime=Builtin(),
        limits=BUILTIN,
    )


def result(**more):
    return ToolResult(call_id=CallId("c"), tool=ToolName("x"), status=Status.OK, output="<e>all</e>", **more)


def test_an_output_schema_is_announced_as_it_is():
    schema = {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}}

    assert tool_of(spec(schema)).output_schema == schema


@pytest.mark.parametrize(
    "unsafe",
    [
        {"type": "object", "properties": {"n": {"type": "string", "pattern": "^(a+)+$"}}},
        {"type": "object", "patternProperties": {"^(a+)+$": {}}},
        {"type": "object", "properties": {"n": {"$ref": "https://example.org/x.json"}}},
        {"type": "object", "anyOf": [{"properties": {"n": {"not": {"pattern": "(a|a)*b"}}}}]},
    ],
)
def test_a_schema_that_could_hang_a_client_or_make_it_fetch_is_only_said_to_be_an_object(unsafe):
    assert tool_of(spec(unsafe)).output_schema == {"type": "object"}


def test_a_result_that_no_longer_fits_its_schema_is_an_error():
    kept = call_result(result(structured={"n": 1}))
    broken = call_result(result(structured={"n": "[redacted]"}, fits=False))

    assert not kept.is_error
    assert broken.is_error
    assert "no longer fits" in broken.content[-1].text


def test_texts_of_their_own_are_served_in_their_places():
    blocks = (Text(text="a"), Resource(uri="s+x:///", body=Text(text="b")))
    served = call_result(result(content=blocks, texts=("<e>a</e>", "<e>b</e>")))

    assert served.content[0].text == "<e>a</e>"
    assert served.content[1].resource.text == "<e>b</e>"
    assert len(served.content) == 2


def test_a_text_that_nobody_wrapped_is_not_served_at_all():
    blocks = (Resource(uri="s+x:///", body=Text(text="raw")), Text(text="raw"))
    read = read_result(result(content=blocks))
    prompt = prompt_result(result(content=blocks, structured={"roles": ["user", "user"]}), None)

    assert "raw" not in read.model_dump_json()
    assert "raw" not in prompt.model_dump_json()


def test_a_message_of_a_prompt_is_the_user_s_unless_its_server_says_the_assistant_s():
    blocks = tuple(Text(text=str(n)) for n in range(4))
    roles = {"roles": ["assistant", "system", 7]}
    prompt = prompt_result(result(content=blocks, texts=("0", "1", "2", "3"), structured=roles), "said")

    assert [(one.role, one.content.text) for one in prompt.messages] == [
        ("assistant", "0"),
        ("user", "1"),
        ("user", "2"),
    ]
    assert isinstance(prompt, t.GetPromptResult)


def test_what_only_says_something_about_the_text_is_not_there_instead_of_it():
    """A client of another framework gave its model `{"bytes": 17}` where the words of a file were."""
    about = {"bytes": 17}
    ours = replace(result(structured=about, isolation=("builtin",)), tool=ToolName("file_read"))
    theirs = replace(result(structured=about, isolation=("mcp", "landlock")), tool=ToolName("file_read"))

    assert call_result(ours).structured_content is None
    assert call_result(theirs).structured_content == about
    assert call_result(result(structured=about)).structured_content == about
