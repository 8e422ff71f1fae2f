"""A secret that lies across the cut of an output: no piece of it comes out, neither here nor behind `output_read`."""

import json
import secrets as randomness

import pytest

from holdfast.safety.leaks.specimens import expand

from .callers import Answer, Caller
from .conftest import OUTPUT_BYTES
from .server import Server
from .staging import Stage, on_stage

pytestmark = pytest.mark.xdist_group("doors")

FRAGMENT = 8
"""Characters in a row that would be a piece of the secret."""
WORDS = "the quick brown fox jumps over the lazy dog and runs home. "


def filler(length: int) -> str:
    return (WORDS * (length // len(WORDS) + 1))[:length]


def pieces(secret: str) -> list[str]:
    return [secret[at : at + FRAGMENT] for at in range(len(secret) - FRAGMENT + 1)]


def shows(answer: Answer, secret: str) -> list[str]:
    """The pieces of *secret* that are in *answer*, as it is and as JSON would have it."""
    text = answer.raw.decode() + json.dumps(answer.body, ensure_ascii=False)
    return [piece for piece in pieces(secret) if piece in text]


def read_on(agent: Caller, call: str, *, step: int) -> list[Answer]:
    """Everything behind a cut, in pieces of *step* bytes."""
    answers, offset = [], 0
    while True:
        answer = agent.call("output_read", {"call_id": call, "offset": offset, "limit": step})
        answers.append(answer)
        following = (answer.body["structured"] or {}).get("next_offset")
        if following is None:
            return answers
        offset = following


SECRETS = {"an access key": "AKIA{base32:16}", "a token of a code host": "ghp_{crc:30}"}


def offsets(secret: str) -> list[int]:
    """Where the secret begins, so that the cut goes through each of its characters and beside both ends."""
    return list(range(OUTPUT_BYTES - len(secret) - 3, OUTPUT_BYTES + 4))


def test_the_secret_of_this_test_is_one_that_is_found(agent: Caller):
    secret = expand("AKIA{base32:16}", 3)
    answer = agent.call("echo", {"text": f"key {secret} end"})

    assert answer.body["status"] == "ok"
    assert [finding["action"] for finding in answer.body["findings"]]
    assert not shows(answer, secret)


def test_a_secret_across_the_cut_of_a_file_shows_no_piece(server: Server, agent: Caller):
    secret = expand("AKIA{base32:16}", 5)
    name = f"cut-{randomness.token_hex(4)}.txt"
    for offset in offsets(secret):
        text = filler(offset - 1) + " " + secret + " " + filler(3000)
        (server.workspace / name).write_text(text)

        answer = agent.call("file_read", {"path": name})
        assert answer.body["status"] == "ok"
        assert shows(answer, secret) == [], offset
    for step in (7, 100, 1024):
        behind = read_on(agent, answer.body["call_id"], step=step) if step > 50 else []
        assert not [piece for one in behind for piece in shows(one, secret)]


def test_a_secret_across_the_cut_of_structured_output_shows_no_piece(agent: Caller):
    secret = expand("AKIA{base32:16}", 7)
    for offset in offsets(secret)[::3]:
        text = json.dumps({"note": filler(offset - 12) + " ", "key": secret, "rest": filler(2000)})

        answer = agent.call("json", {"op": "format", "text": text})
        if answer.body["status"] == "denied":
            answer = agent.call("json", {"op": "parse", "text": text})
        assert answer.body["status"] == "ok", answer.raw
        assert shows(answer, secret) == [], offset


def test_a_secret_searched_for_behind_the_cut_is_not_found(server: Server, agent: Caller):
    secret = expand("AKIA{base32:16}", 9)
    name = f"cut-{randomness.token_hex(4)}.txt"
    (server.workspace / name).write_text("\n".join([filler(90)] * 60 + [f"key {secret}"] + [filler(90)] * 60))
    call = agent.call("file_read", {"path": name}).body["call_id"]

    for query in ("AKIA", secret, secret[4:12], "key"):
        answer = agent.call("output_read", {"call_id": call, "query": query})

        assert not [piece for piece in shows(answer, secret) if piece not in query]


def test_what_is_behind_a_cut_is_given_only_to_whom_it_was_cut_for(server: Server, agent: Caller, other: Caller):
    name = f"cut-{randomness.token_hex(4)}.txt"
    (server.workspace / name).write_text(filler(5000) + "nearly the end")
    call = agent.call("file_read", {"path": name}).body["call_id"]
    same = server.agent(agent.name)

    answers = [one.call("output_read", {"call_id": call, "offset": 4000}) for one in (other, same)]
    guessed = other.call("output_read", {"call_id": "c_" + "0" * 24})

    assert agent.call("output_read", {"call_id": call, "offset": 4000}).body["status"] == "ok"
    assert "nearly" not in "".join(answer.raw.decode() for answer in answers)
    assert answers[0].text == answers[1].text == guessed.text != ""


@pytest.fixture(scope="module")
def stage(server: Server) -> Stage:
    stage = on_stage(server, "cutting")
    server.done("upstreams", "approve", "cutting")
    return stage


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_in_pieces_over_several_blocks_shows_no_piece(server: Server, agent: Caller, stage: Stage, kind: str):
    secret = expand(SECRETS[kind], 13)
    for at in range(FRAGMENT, len(secret) - FRAGMENT, 3):
        blocks = [f"first {secret[:at]}", f"{secret[at:]} last"]
        stage.answers({"content": [{"type": "text", "text": text} for text in blocks]})
        answer = agent.call("cutting__say", {"text": "x"})

        assert answer.body["status"] == "ok"
        assert shows(answer, secret) == [], at


PLACES = {
    "a text": lambda s: {"content": [{"type": "text", "text": s}]},
    "a link's name": lambda s: {"content": [{"type": "resource_link", "uri": "file:///a", "name": s}]},
    "a link's address": lambda s: {
        "content": [{"type": "resource_link", "uri": f"https://x.example/{s}", "name": "a"}]
    },
    "a link's description": lambda s: {
        "content": [{"type": "resource_link", "uri": "file:///a", "name": "a", "description": s}]
    },
    "a resource": lambda s: {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": s}}]},
    "a resource's address": lambda s: {
        "content": [{"type": "resource", "resource": {"uri": f"https://x.example/{s}", "text": "a"}}]
    },
    "structured": lambda s: {"content": [], "structuredContent": {"a": [{"b": s}]}},
    "a key of structured": lambda s: {"content": [], "structuredContent": {s: 1}},
    "annotations": lambda s: {
        "content": [{"type": "text", "text": "a", "annotations": {"audience": ["user"]}, "_meta": {"k": s}}]
    },
    "metadata": lambda s: {"content": [{"type": "text", "text": "a"}], "_meta": {"k": s}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_anywhere_in_an_answer_shows_no_piece(server: Server, agent: Caller, stage: Stage, place: str):
    secret = expand("AKIA{base32:16}", 17)
    stage.answers(PLACES[place](secret))

    answer = agent.call("cutting__say", {"text": "x"})

    assert answer.body["status"] in {"ok", "error"}, answer.raw
    assert shows(answer, secret) == []


def test_a_secret_in_an_error_shows_no_piece(server: Server, agent: Caller, stage: Stage):
    secret = expand("AKIA{base32:16}", 19)
    stage.fails(f"cannot log in with {secret} here")

    answer = agent.call("cutting__say", {"text": "x"})

    assert answer.body["status"] == "error"
    assert shows(answer, secret) == []
