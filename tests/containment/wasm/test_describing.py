"""A module nobody trusts yet says what it is, in a worker that is granted nothing; what it says is read strictly."""

import pytest

from holdfast.contracts import OperatorError

from .components import KEPT, assembled, built
from .conftest import KEY
from .conftest import assembled as module_of
from .plugins import says

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(400)]


async def test_a_near_agent_tool_says_its_schema_and_its_description(raised):
    (offer,) = await raised(KEPT / "native", KEY).runtime.described(built("near"))
    assert (offer.description, offer.input_schema) == ("asks its host for things", {"type": "object"})


async def test_every_function_of_a_component_is_described_by_its_types(raised):
    offers = await raised(KEPT / "native", KEY).runtime.described(built("every"))
    assert len(offers) > 5
    assert all(offer.input_schema["type"] == "object" for offer in offers)


async def test_a_program_says_nothing(raised):
    assert await raised(KEPT / "native", KEY).runtime.described(built("program")) == ()


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ('{"name":"t","description":"d","inputSchema":{"type":"object","$ref":"http://a/b"}}', "a schema elsewhere"),
        ('{"name":"t","inputSchema":{"type":"object","required":"x"}}', "not a JSON Schema"),
        ('{"name":"t","inputSchema":{"type":"object","enum":["a\\u200bb"]}}', "hidden characters"),
    ],
)
async def test_what_a_module_says_is_read_as_any_definition_is(raised, listed, why):
    with pytest.raises(OperatorError, match=why):
        await raised().runtime.described(module_of(listing(listed)))


async def test_hidden_characters_in_prose_are_taken_out(raised):
    told = '{"name":"t","description":"read\\u200b me\\u202e","inputSchema":{"type":"object"}}'
    (offer,) = await raised().runtime.described(module_of(listing(told)))
    assert offer.description == "read me"


def listing(tool: str) -> str:
    return says('{"tools":[' + tool + "]}", name="describe").rstrip()[:-1] + ' (func (export "call")))'


TELLING = """(component
  (core module $m (memory (export "memory") 1) {data}
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "execute") (param i32 i32 i32 i32 i32) (result i32) (i32.const 512))
    (func (export "text") (result i32) {body}
      (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const {length})) (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $mem)) (alias core export $i "realloc" (core func $realloc))
  (type $request0 (record (field "params" string) (field "context" (option string))))
  (type $response0 (record (field "output" (option string)) (field "error" (option string))))
  (func $execute (param "req" $request0) (result $response0)
    (canon lift (core func $i "execute") (memory $mem) (realloc $realloc)))
  (func $text (result string) (canon lift (core func $i "text") (memory $mem)))
  (component $shim
    (type $request1 (record (field "params" string) (field "context" (option string))))
    (import "request" (type $request (eq $request1)))
    (type $response1 (record (field "output" (option string)) (field "error" (option string))))
    (import "response" (type $response (eq $response1)))
    (import "execute" (func $execute (param "req" $request) (result $response)))
    (import "text" (func $text (result string)))
    (export $r1 "request" (type $request)) (export $r2 "response" (type $response))
    (export "execute" (func $execute) (func (param "req" $r1) (result $r2)))
    (export "schema" (func $text)) (export "description" (func $text)))
  (instance $tool (instantiate $shim (with "request" (type $request0)) (with "response" (type $response0))
    (with "execute" (func $execute)) (with "text" (func $text))))
  (export "near:agent/tool@0.3.0" (instance $tool)))"""


def telling(said: bytes, body: str = "") -> bytes:
    """A near:agent tool whose schema and description are both *said*."""
    data = f'(data (i32.const 64) "{"".join(f"{chr(92)}{byte:02x}" for byte in said)}")'
    return assembled(TELLING.format(data=data, body=body, length=len(said)))


async def test_a_schema_is_a_text_and_so_is_a_description(raised):
    said = '{"type": "object"}'
    (offer,) = await raised().runtime.described(telling(said.encode()))
    assert (offer.description, offer.input_schema) == (said, {"type": "object"})


@pytest.mark.parametrize(
    ("said", "body", "why"),
    [
        (b"[1]", "", "no schema of an object"),
        (b"no json", "", "is not JSON"),
        (b'{"type": "object", "type": "object"}', "", "is not JSON"),
        (b"\xff\xfe", "", "ended in `trapped`"),
        (b"x", "(unreachable)", "ended in `trapped`"),
        (b"x", "(loop (br 0))", "ended in `fuel`"),
    ],
    ids=["a list", "no json", "a key twice", "not utf-8", "a trap", "a loop"],
)
async def test_a_near_agent_tool_that_says_no_schema_is_refused(raised, said, body, why):
    with pytest.raises(OperatorError, match=why):
        await raised().runtime.described(telling(said, body))
