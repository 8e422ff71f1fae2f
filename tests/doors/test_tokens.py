"""Tokens that do not hold have no effect; what a token does not allow is not done; what is hidden does not show."""

import base64
import json
import re
import secrets
import time
from collections.abc import Callable

import jwt
import pytest

from . import guests
from .callers import Answer, Caller
from .server import Server
from .watching import Listener, until

pytestmark = pytest.mark.xdist_group("doors")


@pytest.fixture
def name() -> str:
    return f"holder-{secrets.token_hex(6)}.txt"


def write(caller: Caller, name: str) -> Answer:
    return caller.call("file_write", {"path": name, "content": "owned"})


def written(server: Server, name: str) -> bool:
    return (server.workspace / name).exists()


def with_token(server: Server, token: str) -> Caller:
    return Caller(port=server.port, token=token)


def test_a_revoked_token_has_no_effect_any_more(server: Server, name: str):
    issued = server.token("leaver")
    leaver = with_token(server, issued["token"])
    assert leaver.said()

    server.done("token", "revoke", issued["id"])

    assert write(leaver, name).status == 401
    assert not written(server, name)


def test_an_expired_token_has_no_effect_any_more(server: Server, name: str):
    """Clocks may differ by a few seconds, so it is asked until it is refused."""
    brief = with_token(server, server.token("brief", ttl="1s")["token"])

    until(lambda: not brief.said(), "a token that expires")

    assert write(brief, name).status == 401
    assert not written(server, name)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


Claims = dict[str, object]
EVERYTHING = "approve audit call host metrics policy:read policy:write register tokens"


def resigned(**other: object) -> Callable[[str, Claims, bytes], str]:
    """The same claims but *other*, signed with the server's very own key: as bad as a forger can be."""
    return lambda _real, claims, key: jwt.encode({**claims, **other}, key, algorithm="HS256")


def unsigned(algorithm: str) -> Callable[[str, Claims, bytes], str]:
    return lambda _real, claims, _key: f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


FORGERIES: dict[str, Callable[[str, Claims, bytes], str]] = {
    "no algorithm": unsigned("none"),
    "no algorithm, in another case": unsigned("nOnE"),
    "no algorithm, the signature kept": lambda real, claims, _key: (
        f"{part({'alg': 'none'})}.{part(claims)}.{real.rpartition('.')[2]}"
    ),
    "another key": lambda _real, claims, _key: jwt.encode(claims, secrets.token_bytes(32), algorithm="HS256"),
    "an empty signature": lambda real, _claims, _key: f"{real.rpartition('.')[0]}.",
    "other claims under the old signature": lambda real, claims, _key: (
        f"{real.split('.')[0]}.{part({**claims, 'scope': EVERYTHING})}.{real.rpartition('.')[2]}"
    ),
    "another algorithm of the same key": lambda _real, claims, key: jwt.encode(claims, key * 2, algorithm="HS512"),
    "another audience": resigned(aud="somebody-else"),
    "two audiences": resigned(aud=["holdfast", "somebody-else"]),
    "another issuer": resigned(iss="somebody-else"),
    "more scopes": resigned(scope=EVERYTHING),
    "an id nobody issued": resigned(jti=secrets.token_hex(16)),
    "a later end": resigned(exp=int(time.time()) + 10**7),
}


def forged(server: Server, way: str) -> str:
    """A token made of a real one's claims in *way*."""
    real = server.agent().token
    claims = jwt.decode(real, options={"verify_signature": False})
    return FORGERIES[way](real, claims, (server.data / "keys" / "tokens").read_bytes())


@pytest.mark.parametrize("way", FORGERIES)
def test_a_forged_token_has_no_effect(server: Server, name: str, way: str):
    forger = with_token(server, forged(server, way))

    assert write(forger, name).status == 401
    assert forger.get("/v1/tools").status == 401
    assert forger.get("/metrics").status == 401
    assert not written(server, name)


def test_every_token_that_does_not_hold_is_answered_alike(server: Server):
    """Or the answer says how near a forger came."""
    answers = {with_token(server, forged(server, way)).get("/v1/tools").raw for way in FORGERIES}

    assert len(answers) == 1


def test_an_agent_is_given_nothing_but_calls(server: Server, agent: Caller, name: str):
    module = guests.saying("x")
    refused = [
        guests.hand_in(agent, guests.manifest("sneaked_in", module), module),
        agent.post("/v1/sessions", {"principal": "somebody-else"}),
        agent.post("/v1/sessions", {}),
        agent.get("/v1/approvals"),
        agent.get("/metrics"),
    ]

    assert [answer.status for answer in refused] == [403] * 5
    assert "sneaked_in" not in server.done("tools", "list", "--format", "json")


@pytest.mark.parametrize("scope", ["host", "register", "approve", "metrics", "audit tokens policy:read policy:write"])
def test_a_token_without_the_scope_of_calls_calls_nothing(server: Server, name: str, scope: str):
    holder = server.caller("holder", scope)

    assert write(holder, name).status == 403
    assert holder.call("file_write", {"path": name, "content": "x"}, dry_run=True).status == 403
    assert holder.get("/v1/tools").status == 403
    assert not written(server, name)


def test_a_token_is_never_wider_than_the_profile_of_the_server(server: Server, granted: Listener):
    """`supervised` asks before something is posted; a token made out for `autonomous` is asked for it all the same."""
    bold = server.caller("bold", profile="autonomous")
    before = granted.connections

    asked = bold.call("http_fetch", {"url": f"http://127.0.0.1:{granted.port}/", "method": "POST", "body": "owned"})

    assert asked.status == 202, asked.raw
    assert granted.connections == before


def test_a_token_bound_to_a_narrower_profile_stays_in_it(server: Server, name: str):
    reader = server.caller("reader", profile="readonly")

    assert write(reader, name).code == "policy/read-only"
    assert not written(server, name)


def test_a_session_is_not_taken_by_naming_it(server: Server, agent: Caller, other: Caller):
    """A session that has read something is left for a clean one only by whoever minted it."""
    (server.workspace / "read.txt").write_text("private")
    agent.call("file_read", {"path": "read.txt"})
    for session in (other.session, "fresh", "default", "", agent.name):
        answer = agent.call("http_fetch", {"url": f"http://127.0.0.1:{server.port}/"}, session=session)

        assert answer.status in {403, 422}
    labels = agent.get(f"/v1/sessions/{agent.session}").body["labels"]
    assert labels == ["private"]
    assert agent.get(f"/v1/sessions/{other.session}").status == 404


CHANGING = re.compile(
    rb'"micros":\d+|"wall_ms":[\d.]+|c_[0-9a-f]{24}|tool_output_[0-9a-f]{16}|"seq":\d+|"hash":"blake3:[0-9a-f]{64}"'
)


def test_a_tool_that_waits_for_approval_looks_like_one_that_does_not_exist(server: Server, agent: Caller):
    module = guests.saying("hidden")
    taken = guests.hand_in(server.registrar, guests.manifest("hidden_one", module), module)
    assert taken.status == 201, taken.raw

    def shown(tool: str) -> list[bytes]:
        answers = [
            agent.call(tool, {}),
            agent.call(tool, {}, dry_run=True),
            agent.call(tool, {"a": [1]}, idempotency_key="k"),
            agent.call(tool, {}, approval="a"),
            agent.get(f"/v1/tools/{tool}"),
        ]
        dropped = {"date", "content-length"}  # the length of the numbers of microseconds
        kept = [sorted((k, v) for k, v in answer.headers.items() if k not in dropped) for answer in answers]
        return [
            CHANGING.sub(b"", answer.raw).replace(tool.encode(), b"NAME") + repr(head).encode()
            for answer, head in zip(answers, kept, strict=True)
        ]

    hidden, unknown = shown("hidden_one"), shown("hidden_two")

    assert hidden == unknown
    assert "hidden_one" not in agent.get("/v1/tools").raw.decode()
    assert b"hidden" not in b"".join(hidden)
