"""Tokens for servers that want them: had from where the server leads, if that may be trusted. The caller's stays."""

import asyncio
import json

import httpx2
import pytest
from tests.guarded_server import browse, guarded

from holdfast.contracts import Completed, Failed, Secret, TenantId, ToolError
from holdfast.sandbox.mcp import (
    ClientAuth,
    Grant,
    Keyring,
    McpRuntime,
    OAuthConfig,
    Scheme,
    SecretText,
    UpstreamConfig,
    Upstreams,
)
from holdfast.sandbox.mcp.credentials.oauth import Authorizer
from holdfast.sandbox.mcp.faults import UpstreamFault

pytestmark = pytest.mark.anyio

A = TenantId("a")


class Drawer:
    """Secrets and states that last as long as the test."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Secret] = {}
        self.states: dict[tuple[str, str], Secret] = {}

    async def exists(self, tenant, name, /):
        return (tenant, name) in self.held

    async def value(self, tenant, name, /):
        return self.held.get((tenant, name))

    async def load(self, tenant, upstream, /):
        return self.states.get((tenant, upstream))

    async def keep(self, tenant, upstream, state, /):
        self.states[tenant, upstream] = state

    async def forget(self, upstream, /):
        self.states = {key: value for key, value in self.states.items() if key[1] != upstream}


@pytest.fixture
def drawer():
    made = Drawer()
    for tenant in ("a", "b", "t"):
        made.held[tenant, "client"] = Secret(b"what the client says")
    return made


@pytest.fixture
async def signing(house, drawer):
    """The house with a keyring, looking as tenant `a`."""
    await house.upstreams.close()
    keyring = Keyring(vault=drawer, tokens=drawer, looker=A)
    house.upstreams = Upstreams(pins=house.pins, start=house.starter, changed=house.told.append, keyring=keyring)
    house.runtime = McpRuntime(house.upstreams)
    return house


def entry(server, **oauth):
    oauth = {"grant": Grant.AUTHORIZATION_CODE} | oauth
    return UpstreamConfig(name="web", url=f"{server.url}/mcp", oauth=OAuthConfig(**oauth))


def machine(server, **more):
    issuer = more.pop("issuer", server.url)
    return entry(server, grant=Grant.CLIENT_CREDENTIALS, client_id="us", client_secret="client", issuer=issuer, **more)


async def test_a_machine_gets_a_token_for_this_server_and_no_other(signing):
    with guarded() as server:
        signing.upstreams.add(machine(server, scopes=("read", "list")))
        await signing.approve_all("web")

        outcome = await signing.call("web__read", tenant="a")
        await signing.upstreams.close()

    assert isinstance(outcome, Completed)
    assert server.grants() == ["client_credentials"]
    assert server.forms[0]["resource"] == f"{server.url}/mcp"
    assert server.forms[0]["_authorization"].startswith("Basic ")
    assert "client_secret" not in server.forms[0]


async def test_calls_do_not_wait_for_one_another_to_use_the_same_token(signing):
    with guarded() as server:
        signing.upstreams.add(machine(server))
        await signing.approve_all("web")

        outcomes = await asyncio.gather(*(signing.call("web__read", tenant="a") for _ in range(12)))
        await signing.upstreams.close()

    assert all(isinstance(one, Completed) for one in outcomes)
    assert server.grants() == ["client_credentials"]


async def test_each_tenant_has_a_token_of_its_own(signing):
    with guarded() as server:
        signing.upstreams.add(machine(server))
        await signing.approve_all("web")
        for tenant in ("a", "b"):
            assert isinstance(await signing.call("web__read", tenant=tenant), Completed)
        await signing.upstreams.close()

    used = {one.get("authorization") for one in server.headers} - {None}
    assert len(used) == 2


async def test_a_token_that_comes_back_in_an_answer_is_taken_out(signing):
    with guarded() as server:
        signing.upstreams.add(machine(server))
        await signing.approve_all("web")

        outcome = await signing.call("web__told", tenant="a")
        await signing.upstreams.close()

    assert "[REDACTED:secret]" in outcome.content[0].text
    assert not any(token in repr(outcome) for token in server.tokens)


async def test_somebody_signs_in_once_and_calls_are_made_until_it_is_undone(signing, drawer):
    with guarded() as server:
        signing.upstreams.add(entry(server))
        with pytest.raises(ToolError, match="holdfast upstreams login web"):
            await signing.approve_all("web")
        nobody = server.grants(), list(server.registered)

        await signing.upstreams.sign_in("web", A, browse)
        await signing.approve_all("web")
        outcome = await signing.call("web__read", tenant="a")
        other = await signing.call("web__read", tenant="b")
        await signing.upstreams.close()

    assert nobody == ([], [])
    assert isinstance(outcome, Completed)
    assert server.asked[0]["code_challenge_method"] == "S256"
    assert server.asked[0]["resource"] == f"{server.url}/mcp"
    assert server.grants() == ["authorization_code"]
    assert isinstance(other, Failed)
    assert (other.code, "login web" in other.message) == ("upstreams/unauthorized", True)
    assert set(drawer.states) == {("a", "web")}


async def restarted(house, drawer):
    await house.upstreams.close()
    keyring = Keyring(vault=drawer, tokens=drawer, looker=A)
    house.upstreams = Upstreams(pins=house.pins, start=house.starter, changed=house.told.append, keyring=keyring)
    house.runtime = McpRuntime(house.upstreams)


async def test_after_a_restart_a_stale_token_is_renewed_where_it_came_from(signing, drawer):
    with guarded() as server:
        signing.upstreams.add(entry(server))
        await signing.upstreams.sign_in("web", A, browse)
        await signing.approve_all("web")
        await restarted(signing, drawer)
        kept = json.loads(drawer.states["a", "web"].reveal())
        drawer.states["a", "web"] = Secret(json.dumps(kept | {"expires_at": 1.0}).encode())
        server.paths.clear()

        signing.upstreams.add(entry(server))
        await signing.approve_all("web")
        outcome = await signing.call("web__read", tenant="a")
        await signing.upstreams.close()

    assert isinstance(outcome, Completed)
    assert server.grants()[-1] == "refresh_token"
    assert server.paths[0] == "/token"
    assert set(server.paths[1:]) == {"/mcp"}


async def test_a_token_that_is_not_taken_any_more_is_renewed_and_one_that_cannot_be_needs_somebody(signing):
    with guarded() as server:
        signing.upstreams.add(entry(server))
        await signing.upstreams.sign_in("web", A, browse)
        await signing.approve_all("web")
        server.revoke()
        renewed = await signing.call("web__read", tenant="a")
        server.revoke()
        server.refreshes.clear()
        lost = await signing.call("web__read", tenant="a")
        await signing.upstreams.close()

    assert isinstance(renewed, Completed)
    assert isinstance(lost, Failed)
    assert lost.code == "upstreams/unauthorized"


async def test_what_was_kept_for_another_address_is_not_used(signing, drawer):
    with guarded() as first, guarded() as second:
        signing.upstreams.add(entry(first))
        await signing.upstreams.sign_in("web", A, browse)
        await restarted(signing, drawer)

        signing.upstreams.add(entry(second))
        with pytest.raises(ToolError, match="login web"):
            await signing.approve_all("web")
        await signing.upstreams.close()

    assert all("authorization" not in one for one in second.headers)


async def test_a_scope_that_is_missing_is_asked_for_by_a_machine_and_by_somebody_who_signs_in_again(signing):
    with guarded(write_scope="w") as server:
        signing.upstreams.add(machine(server))
        await signing.approve_all("web")
        by_machine = await signing.call("web__write", tenant="a")
        await signing.upstreams.remove("web")
        signing.upstreams.add(entry(server))
        await signing.upstreams.sign_in("web", A, browse)
        await signing.upstreams.refresh("web")

        before = await signing.call("web__write", tenant="a")
        await signing.upstreams.sign_in("web", A, browse)
        after = await signing.call("web__write", tenant="a")
        await signing.upstreams.close()

    assert isinstance(by_machine, Completed)
    assert isinstance(before, Failed)
    assert before.code == "upstreams/unauthorized"
    assert isinstance(after, Completed)
    assert {"a", "w"} <= set(server.asked[-1]["scope"].split())


async def test_a_server_that_is_never_satisfied_is_given_up_after_a_few_tokens(signing):
    with guarded(never_satisfied=True) as server:
        signing.upstreams.add(machine(server))
        with pytest.raises(ToolError, match=r"takes none of the tokens|refused 3 tokens"):
            await signing.approve_all("web")
        await signing.upstreams.close()

    assert len(server.forms) == 3


@pytest.mark.parametrize(
    ("switches", "why"),
    [
        ({"issuer": "https://elsewhere.example"}, "broken, or not to be trusted"),
        ({"resource": "https://elsewhere.example/mcp"}, "broken, or not to be trusted"),
        ({"metadata_url": "https://169.254.169.254/latest/meta-data"}, "may not be reached"),
        ({"metadata_url": "https://10.0.0.1/x"}, "may not be reached"),
        ({"token_endpoint": "https://192.168.1.1/token"}, "may not be reached"),
        ({"metadata_url": "http://169.254.169.254/latest/meta-data"}, "without https"),
        ({"token_endpoint": "http://192.168.1.1/token"}, "without https"),
        ({"token_endpoint": "ftp://127.0.0.1/token"}, "broken, or not to be trusted"),
    ],
)
async def test_a_server_that_leads_where_it_must_not_gets_nothing(signing, switches, why):
    with guarded(**switches) as server:
        signing.upstreams.add(machine(server))
        with pytest.raises(ToolError, match=why):
            await signing.approve_all("web")
        await signing.upstreams.close()

    assert server.forms == []


async def test_a_secret_goes_to_the_issuer_of_the_entry_and_nowhere_else(signing):
    with guarded() as server:
        signing.upstreams.add(machine(server, issuer="https://idp.example"))
        with pytest.raises(ToolError, match="not to be trusted"):
            await signing.approve_all("web")
        signing.upstreams.add(
            UpstreamConfig(
                name="people",
                url=f"{server.url}/mcp",
                oauth=OAuthConfig(grant=Grant.AUTHORIZATION_CODE, issuer="https://idp.example"),
            )
        )
        with pytest.raises(ToolError, match="another authorization server than"):
            await signing.upstreams.sign_in("people", A, browse)
        await signing.upstreams.close()

    assert (server.forms, server.asked) == ([], [])


async def test_somebody_who_comes_back_from_another_authorization_server_is_not_signed_in(signing):
    with guarded(answers_iss="https://mallory.example") as server:
        signing.upstreams.add(entry(server))
        with pytest.raises(ToolError, match="not to be trusted"):
            await signing.upstreams.sign_in("web", A, browse)
        await signing.upstreams.close()

    assert server.forms == []


async def test_a_document_of_ours_stands_for_a_registration_where_it_is_read(signing):
    document = "https://holdfast.example/client.json"
    with guarded(knows_documents=True) as server:
        signing.upstreams.add(entry(server, metadata_url=document))
        await signing.upstreams.sign_in("web", A, browse)
        await signing.upstreams.close()

    assert server.registered == []
    assert server.asked[0]["client_id"] == document


async def test_a_key_signs_for_a_machine_and_the_key_stays_here(signing, drawer):
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    drawer.held["a", "client"] = Secret(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with guarded() as server:
        signing.upstreams.add(machine(server, client_auth=ClientAuth.JWT))
        await signing.approve_all("web")
        await signing.upstreams.close()

    assert server.forms[0]["client_assertion"].count(".") == 2
    assert "PRIVATE KEY" not in json.dumps(server.forms)


async def test_nothing_of_whoever_calls_reaches_the_server(house, serve):
    """The token of a caller is for us: there is no header, argument or field that it would go along in."""
    with guarded() as server:
        server.tokens["ours"] = set()
        headers = (("Authorization", "Bearer ours"),)
        house.upstreams.add(UpstreamConfig(name="web", url=f"{server.url}/mcp", headers=headers))
        await house.approve_all("web")
        await house.call("web__read")
        await house.upstreams.close()

    assert {one["authorization"] for one in server.headers} == {"Bearer ours"}


async def test_one_sign_in_is_one_visit_and_a_server_that_then_wants_more_is_told_of(signing):
    with guarded(never_satisfied=True) as server:
        signing.upstreams.add(entry(server))
        with pytest.raises(ToolError, match=r"somebody has to sign in|refused 3 tokens"):
            await signing.upstreams.sign_in("web", A, browse)
        await signing.upstreams.close()

    assert len(server.asked) == 1


async def test_a_modern_server_hears_each_tenant_with_a_credential_of_its_own(signing, drawer, mcp_http, small_service):
    drawer.held["a", "who"], drawer.held["b", "who"] = Secret(b"alice"), Secret(b"bob")
    who = SecretText(secret="who", scheme=Scheme.BEARER)
    async with mcp_http(small_service()) as (_endpoint, url):
        signing.upstreams.add(UpstreamConfig(name="ours", url=url, headers=(("Authorization", who),)))
        await signing.approve_all("ours")

        alice = await signing.call("ours__secret", {"text": "x"}, tenant="a")
        bob = await signing.call("ours__secret", {"text": "x"}, tenant="b")
        await signing.upstreams.close()

    assert isinstance(alice, Completed)
    assert not isinstance(bob, Completed)  # it is hidden from him


async def test_a_server_on_this_machine_leads_to_no_other_without_https(drawer):
    oauth = OAuthConfig(grant=Grant.AUTHORIZATION_CODE)
    config = UpstreamConfig(name="local", url="http://127.0.0.1:1/mcp", oauth=oauth)
    authorizer = Authorizer(config, oauth, A, store=drawer, secret=None)

    with pytest.raises(UpstreamFault, match="without https"):
        await authorizer._fetched(httpx2.Request("POST", "http://192.0.2.1/token", content=b"refresh_token=r"))
