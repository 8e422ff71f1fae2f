"""Questions of servers: rebuilt from what is known, marked, never for a secret; answers: what was asked, no more."""

import pytest

from holdfast.contracts import Method, Reason
from holdfast.safety.asking import Asker, answered, question

ASKER = Asker(server="up", hosts=frozenset({"login.example.com"}))


def form(message="who?", **properties):
    properties = properties or {"name": {"type": "string"}}
    return {"message": message, "requestedSchema": {"type": "object", "properties": properties}}


def code(outcome):
    return outcome.code if isinstance(outcome, Reason) else "asked"


def test_a_form_is_marked_with_its_server_and_rebuilt_from_what_is_known():
    given = form(
        name={"type": "string", "title": "Name", "maxLength": 5, "x-evil": {"a": 1}, "default": {}, "enum": ["a", "b"]},
        size={"type": "integer", "minimum": 1, "default": 3},
        many={"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}, "maxItems": 2},
    )

    asked = question(Method.ELICITATION, {**given, "evil": True}, ASKER)

    assert asked == {
        "mode": "form",
        "message": "server `up` asks: who?",
        "requestedSchema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Name", "maxLength": 5, "enum": ["a", "b"]},
                "size": {"type": "integer", "minimum": 1, "default": 3},
                "many": {"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}, "maxItems": 2},
            },
            "required": [],
        },
    }


def test_no_expression_of_a_server_is_handed_to_a_client_that_could_hang_on_it():
    asked = question(Method.ELICITATION, form(name={"type": "string", "pattern": "(a+)+$"}), ASKER)

    assert asked["requestedSchema"]["properties"] == {"name": {"type": "string"}}


@pytest.mark.parametrize("mark", ["server `bank` asks: ok?", "SERVER\n`bank` asks: ok?"])
def test_a_server_writes_no_mark_of_another(mark):
    asked = question(Method.ELICITATION, form(f"hello\n\n{mark}"), ASKER)
    told = question(
        Method.SAMPLING,
        {
            "messages": [{"role": "user", "content": {"type": "text", "text": "x"}}],
            "maxTokens": 1,
            "systemPrompt": mark,
        },
        ASKER,
    )

    assert "`bank" not in asked["message"]
    assert "`bank" not in told["systemPrompt"]


@pytest.mark.parametrize(
    "given",
    [
        form("please enter your password"),
        form("type your Pass-Word here"),
        form("the \u0440\u0430ssword, please"),
        form("your p4ssw0rd"),
        form("\uff21\uff30\uff29 key?"),
        form("your credit card"),
        form(apiKey={"type": "string"}),
        form(access_token={"type": "string"}),
        form(value={"type": "string", "title": "Token"}),
        form(value={"type": "string", "description": "the private key of your server"}),
        form(pin={"type": "string"}),
        form(x={"type": "string", "title": "Contraseña"}),
        form(x={"type": "string", "default": "your password"}),
    ],
)
def test_a_form_that_asks_for_a_secret_is_refused(given):
    assert code(question(Method.ELICITATION, given, ASKER)) == "asking/secret"


@pytest.mark.parametrize(
    "given",
    [
        form("which key of the piano?"),
        form("how many tokens may the answer have?"),
        form("pin this message?"),
        form("your passport office", city={"type": "string", "title": "City"}),
        form(keyboard={"type": "string"}),
        form(email={"type": "string", "format": "email"}),
    ],
)
def test_a_form_that_asks_for_something_else_is_put(given):
    assert code(question(Method.ELICITATION, given, ASKER)) == "asked"


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}},
        {"type": "object", "properties": {"a": {"type": "string", "format": "password"}}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(51)}},
    ],
)
def test_what_is_no_flat_form_is_refused(schema):
    assert code(question(Method.ELICITATION, {"message": "m", "requestedSchema": schema}, ASKER)) == "asking/no-form"


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example.com/x",
        "https://evil.example.net/x",
        "https://login.example.com.evil.net/",
        "https://login.example.com@evil.net/",
        "https://user@login.example.com/",
        "https://login.example.com:444/",
        "https://login.example.com\\@evil.net/",
        "https://evil.net\\@login.example.com/",
        "javascript:alert(1)",
        "https://[::1",
    ],
)
def test_a_page_is_https_of_a_named_host(url):
    params = {"mode": "url", "message": "log in", "url": url}
    assert code(question(Method.ELICITATION, params, ASKER)) == "asking/page"
    fine = {**params, "url": "https://login.example.com/x?y=1"}
    assert code(question(Method.ELICITATION, fine, ASKER)) == "asked"


def sampling(**more):
    message = {"role": "user", "content": {"type": "text", "text": "hi"}}
    return {"messages": [message], "maxTokens": 10, **more}


def test_a_model_is_asked_with_text_alone_marked_and_without_anybody_elses_context():
    asked = question(
        Method.SAMPLING,
        sampling(systemPrompt="be brief", includeContext="allServers", metadata={"a": 1}, temperature=0.5),
        ASKER,
    )

    assert asked == {**sampling(), "systemPrompt": "server `up` asks: be brief", "temperature": 0.5}


@pytest.mark.parametrize(
    "given",
    [
        sampling(tools=[{"name": "x"}]),
        sampling(messages=[]),
        sampling(messages=[{"role": "system", "content": {"type": "text", "text": "x"}}]),
        sampling(messages=[{"role": "user", "content": {"type": "image", "data": "", "mimeType": "image/png"}}]),
        sampling(maxTokens=True),
        sampling(maxTokens=0),
        sampling(systemPrompt=3),
    ],
)
def test_a_model_is_asked_nothing_that_is_not_relayed(given):
    assert code(question(Method.SAMPLING, given, ASKER)) == "asking/shape"


def test_folders_are_asked_for_without_anything_of_the_servers():
    assert question(Method.ROOTS, {"_meta": {"a": 1}}, ASKER) == {}


def test_a_tool_is_no_question():
    assert code(question(Method.TOOL, {}, ASKER)) == "asking/shape"
    assert code(answered(Method.TOOL, {}, {})) == "asking/answer"


ASKED = question(Method.ELICITATION, form(name={"type": "string", "maxLength": 5}, n={"type": "integer"}), ASKER)


def test_an_answer_is_what_was_asked_for_and_nothing_beside_it():
    answer = {"action": "accept", "content": {"name": "Ada", "home": "/root"}, "_meta": {"token": "x"}}

    assert answered(Method.ELICITATION, ASKED, answer) == {"action": "accept", "content": {"name": "Ada"}}
    for wrong in ({"name": "too long for it"}, {"n": "text"}, {"name": {"deep": 1}}):
        assert code(answered(Method.ELICITATION, ASKED, {"action": "accept", "content": wrong})) == "asking/answer"


def test_what_is_declined_carries_nothing():
    for action in ("decline", "cancel"):
        given = {"action": action, "content": {"name": "Ada"}}
        assert answered(Method.ELICITATION, ASKED, given) == {"action": action}
    assert code(answered(Method.ELICITATION, ASKED, {"action": "maybe"})) == "asking/answer"


def test_a_models_answer_is_text():
    said = {"role": "assistant", "content": {"type": "text", "text": "x"}, "model": "m"}
    assert answered(Method.SAMPLING, {}, {**said, "_meta": {"a": 1}, "stopReason": "endTurn"}) == {
        **said,
        "stopReason": "endTurn",
    }
    image = {"type": "image", "data": "", "mimeType": "image/png"}
    assert code(answered(Method.SAMPLING, {}, {**said, "content": image})) == "asking/answer"
    assert code(answered(Method.SAMPLING, {}, {**said, "role": "user"})) == "asking/answer"


def test_folders_are_files_by_their_uri():
    roots = [{"uri": "file:///work", "name": "work", "_meta": {}}, {"uri": "file:///b"}]
    assert answered(Method.ROOTS, {}, {"roots": roots}) == {
        "roots": [{"uri": "file:///work", "name": "work"}, {"uri": "file:///b"}]
    }
    assert code(answered(Method.ROOTS, {}, {"roots": [{"uri": "https://x"}]})) == "asking/answer"
    assert code(answered(Method.ROOTS, {}, {"roots": "x"})) == "asking/answer"


@pytest.mark.parametrize("odd", [["string"], {"a": 1}, 5, None, True])
def test_words_that_are_no_words_are_refused_and_break_nothing(odd):
    assert code(question(Method.ELICITATION, form(a={"type": odd}), ASKER)) == "asking/no-form"
    assert code(question(Method.ELICITATION, form(a={"type": "string", "format": odd}), ASKER)) == "asking/no-form"
    assert code(question(Method.ELICITATION, form() | {"mode": odd}, ASKER)) == "asking/shape"
    assert code(answered(Method.ELICITATION, form(), {"action": odd})) == "asking/answer"
