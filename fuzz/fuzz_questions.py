"""For any JSON that a server asks and a client answers, either is refused, or holds what was allowed, no more."""

import sys
from urllib.parse import urlsplit

from holdfast.contracts import MalformedJson, Method, Reason
from holdfast.contracts.json_values import Json, canonical, parse
from holdfast.safety.asking import Asker, answered, question
from holdfast.safety.schemas import Valid, compile_schema

METHODS = (Method.ELICITATION, Method.SAMPLING, Method.ROOTS, Method.TOOL)
ASKER = Asker(server="fuzz", hosts=frozenset({"ours.example"}))
MARK = "server `fuzz` asks: "
ASKED = {
    Method.ELICITATION: {"message", "mode", "requestedSchema", "url", "elicitationId"},
    Method.SAMPLING: {"messages", "maxTokens", "systemPrompt", "temperature", "stopSequences", "modelPreferences"},
    Method.ROOTS: set[str](),
}
ANSWERED = {
    Method.ELICITATION: {"action", "content"},
    Method.SAMPLING: {"role", "content", "model", "stopReason"},
    Method.ROOTS: {"roots"},
}


def check(data: bytes) -> None:
    """Ask with what is before the first NUL, and answer that with what is behind it."""
    written, _, rest = data.partition(b"\0")
    try:
        params = parse(written)
        answer = parse(rest) if rest else {"action": "accept", "content": {}}
    except MalformedJson:
        return
    if not isinstance(params, dict) or not isinstance(answer, dict):
        return
    for method in METHODS:
        asked = question(method, params, ASKER)
        if isinstance(asked, Reason):
            assert asked.message.isprintable()
            continue
        assert method in ASKED
        assert asked.keys() <= ASKED[method], "something that nobody knows is put to a person"
        assert canonical(asked)
        _check_marked(method, asked)
        _check_answer(method, asked, answered(method, asked, answer))


def _check_marked(method: Method, asked: dict[str, Json]) -> None:
    if method is Method.ROOTS:
        return
    text = asked["message"] if method is Method.ELICITATION else asked["systemPrompt"]
    assert isinstance(text, str)
    assert text.startswith(MARK)
    assert "server `" not in text.removeprefix(MARK).lower(), "a second server seems to ask"
    if isinstance(url := asked.get("url"), str):
        assert urlsplit(url).scheme == "https"
        assert urlsplit(url).netloc.lower().removesuffix(":443") in {"ours.example", "ours.example:"}


def _check_answer(method: Method, asked: dict[str, Json], fitting: dict[str, Json] | Reason) -> None:
    if isinstance(fitting, Reason):
        assert fitting.message.isprintable()
        return
    assert fitting.keys() <= ANSWERED[method]
    if method is Method.ELICITATION and "content" in fitting:
        schema = asked["requestedSchema"]
        assert isinstance(schema, dict)
        assert isinstance(compile_schema(schema).evaluate(fitting["content"]), Valid)
    if method is Method.ROOTS:
        roots = fitting["roots"]
        assert isinstance(roots, list)
        assert all(isinstance(one, dict) and str(one["uri"]).startswith("file://") for one in roots)


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
