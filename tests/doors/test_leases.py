"""A lease lets exactly the calls it is for run unasked, and no agent ever makes one for itself."""

import secrets

import pytest

from holdfast.server.admin import AdminClient

from .callers import Answer, Caller
from .server import Server

pytestmark = pytest.mark.xdist_group("doors")

ASKING = "ask-untrusted-consequence"


@pytest.fixture
def name() -> str:
    return f"leased-{secrets.token_hex(6)}"


def tainted(server: Server, subject: str | None = None) -> Caller:
    """An agent about whose programs somebody is asked."""
    return server.agent(subject, labels=["untrusted"])


def lease(principal: str, name: str, **more: object) -> dict[str, object]:
    """A lease for two calls that write *name*."""
    pattern = {"script": {"like": f"echo ran >> {name}*"}}
    body = {"tool": "shell", "principal": principal, "arguments": pattern, "forbids": [ASKING], "count": 2}
    return {**body, "ttl_s": 600, **more}


def touch(caller: Caller, name: str, rest: str = "") -> Answer:
    return caller.call("shell", {"script": f"echo ran >> {name}{rest}"})


def runs(server: Server, name: str) -> int:
    path = server.workspace / name
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_lease_is_for_so_many_calls_of_one_shape_by_one_principal(server: Server, name: str):
    agent, other = tainted(server), tainted(server)
    pattern = f'{{"script": {{"like": "echo ran >> {name}*"}}}}'
    words = ("--principal", agent.name, "--count", "2", "--ttl", "10m", "--forbids", ASKING, "--arguments", pattern)
    server.done("leases", "add", "shell", *words)

    beside = [
        touch(other, name),
        agent.call("shell", {"script": f"rm {name}"}),
        agent.call("shell", {"script": f"echo ran >> {name}\nrm {name}"}),
        agent.call("shell", {"script": f"echo ran >> {name}", "cwd": "."}),
        agent.call("shell", {"argv": ["sh", "-c", f"echo ran >> {name}"]}),
    ]
    leased = [touch(agent, name, f" # {number}").status for number in range(3)]

    assert [answer.status for answer in beside] == [202] * 5
    assert leased == [200, 200, 202]
    assert runs(server, name) == 2


def test_a_lease_that_was_revoked_lets_nothing_run(server: Server, name: str):
    agent = tainted(server)
    words = ("--principal", agent.name, "--count", "9", "--ttl", "10m", "--forbids", ASKING)
    server.done("leases", "add", "shell", *words, "--arguments", '{"*": "any"}')
    assert touch(agent, name).status == 200
    (made,) = [one for one in read_leases(server) if one["principal"] == agent.name]

    server.done("leases", "revoke", made["id"])

    assert touch(agent, name, " # again").status == 202
    ended = [one for one in read_leases(server) if one["id"] == made["id"]]
    assert (ended[0]["used"], ended[0]["revoked_at"] is None) == (1, False)
    events = [record for record in server.records(60) if record["kind"] == "lease" and record["id"] == made["id"]]
    assert [(one["decision"], one["by"]) for one in events] == [("made", "operator"), ("revoked", "operator")]


def read_leases(server: Server) -> list[dict[str, object]]:
    import json

    return json.loads(server.done("leases", "list", "--format", "json"))


BAD = {
    "an unknown tool": ("shel", {}, "no such tool"),
    "a policy that is not loaded": ("shell", {"--forbids": "ask-nothing"}, "not loaded"),
    "a permit": ("shell", {"--forbids": "executing"}, "no lease lifts"),
    "a firm forbid": ("shell", {"--forbids": "no-secret-out"}, "no lease lifts"),
    "one of two that will not do": ("shell", {"--forbids": f"{ASKING},no-secret-out"}, "no lease lifts"),
    "no policy": ("shell", {"--forbids": ","}, "one or more policy ids"),
    "no call": ("shell", {"--count": "0"}, "`count`"),
    "too many calls": ("shell", {"--count": "10001"}, "`count`"),
    "no time": ("shell", {"--ttl": "0"}, "`ttl_s`"),
    "over a week": ("shell", {"--ttl": "8d"}, "`ttl_s`"),
    "no arguments": ("shell", {"--arguments": "{}"}, "`arguments`"),
    "a pattern that is none": ("shell", {"--arguments": '{"script": {"like": 1}}'}, "`arguments.script`"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_lease_that_would_mean_too_much_or_nothing_is_refused(server: Server, what: str):
    tool, changed, said = BAD[what]
    good = {"--principal": "nobody", "--count": "1", "--ttl": "1h", "--forbids": ASKING, "--arguments": '{"*": "any"}'}
    words = [word for pair in (good | changed).items() for word in pair]

    ended = server.verb("leases", "add", tool, *words)

    assert ended.returncode == 2
    assert said in ended.stderr
    assert not [one for one in read_leases(server) if one["principal"] == "nobody"]


def test_an_agent_makes_sees_and_ends_no_lease(open_server: Server, name: str):
    agent = tainted(open_server)
    made = open_server.caller("boss", "approve").post("/v1/leases", lease(f"not-{agent.name}", name)).body["id"]

    answers = [
        agent.get("/v1/leases"),
        agent.post("/v1/leases", lease(agent.name, name)),
        agent.post("/v1/leases", lease(f"not-{agent.name}", name)),
        agent.send("DELETE", f"/v1/leases/{made}", Content_Type=""),
    ]

    assert [answer.status for answer in answers] == [403] * 4
    assert touch(agent, name).status == 202
    assert runs(open_server, name) == 0


def test_nobody_makes_a_lease_for_themselves_or_for_agents_they_opened(open_server: Server, name: str):
    """Whether the lease comes before the agent or after it."""
    both = open_server.caller(f"both-{name}", "host approve call")
    before, after = f"before-{name}", f"after-{name}"
    assert both.post("/v1/leases", lease(before, name)).status == 201
    agents = []
    for subject in (before, after):
        minted = both.post("/v1/sessions", {"principal": subject, "labels": ["untrusted"]}).body
        agents.append(Caller(port=open_server.port, token=minted["token"], name=subject))

    refused = [both.post("/v1/leases", lease(subject, name)).status for subject in (both.name, before, after)]

    assert refused == [403] * 3
    assert [touch(agent, name).status for agent in agents] == [202, 202]
    assert runs(open_server, name) == 0
    assert open_server.caller("boss", "approve").post("/v1/leases", lease(after, name)).status == 201
    assert touch(agents[1], name).status == 200


def test_over_http_a_lease_is_of_ones_own_tenant(open_server: Server, name: str):
    admin = AdminClient(open_server.data / "admin.sock")
    issued = admin.call("tokens.issue", {"sub": "stranger", "scope": ["approve"], "tenant": "elsewhere"})
    stranger = Caller(port=open_server.port, token=issued["token"])
    agent, boss = tainted(open_server), open_server.caller("boss", "approve")
    own = boss.post("/v1/leases", lease("somebody", name)).body

    made = stranger.post("/v1/leases", lease(agent.name, name))

    assert made.status == 201
    assert made.body["tenant"] == "elsewhere"
    assert touch(agent, name).status == 202
    assert own["id"] not in [one["id"] for one in stranger.get("/v1/leases").body["leases"]]
    assert stranger.send("DELETE", f"/v1/leases/{own['id']}", Content_Type="").status == 404
    assert stranger.post("/v1/leases", {**lease(agent.name, name), "tenant": "local"}).status == 422
    assert boss.send("DELETE", f"/v1/leases/{own['id']}", Content_Type="").body["revoked_at"] is not None


def test_without_admin_http_nobody_makes_a_lease_over_http(server: Server, name: str):
    boss = server.caller("boss", "approve")

    answers = [boss.get("/v1/leases"), boss.post("/v1/leases", lease("somebody", name))]
    answers.append(boss.send("DELETE", "/v1/leases/l_0", Content_Type=""))

    assert [answer.status for answer in answers] == [403] * 3
