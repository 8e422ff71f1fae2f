"""`[auth]`: each key decides whose tokens a real server takes, and what it tells those who come without."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from holdfast.contracts import OperatorError
from holdfast.server.config import Settings, load_settings

from .served import Served, body, refused, serving
from .world import Answering, listening

RESOURCE = "https://tools.example/mcp"
FETCHED, FILED = "https://fetched.example", "https://filed.example"
KEYS = {name: ed25519.Ed25519PrivateKey.generate() for name in (FETCHED, FILED, "nobody's")}


def jwks(*names: str) -> str:
    algorithm = jwt.get_algorithm_by_name("EdDSA")
    return json.dumps(
        {"keys": [json.loads(algorithm.to_jwk(KEYS[name].public_key())) | {"kid": name} for name in names]}
    )


class Keys(Answering):
    """Answers the keys of the fetched issuer."""

    def do_GET(self) -> None:  # noqa: N802 -- the library's name
        written = jwks(FETCHED).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)


def auth(folder: Path, port: int) -> str:
    (folder / "keys.json").write_text(jwks(FILED), encoding="utf-8")
    return f"""[server]
allow_root = true
port = 0
[auth]
resource = "{RESOURCE}"
[auth.scope_names]
call = "mcp:tools"
[[auth.issuers]]
issuer = "{FETCHED}"
jwks = "http://127.0.0.1:{port}/keys"
tenant = "acme"
[[auth.issuers]]
issuer = "{FILED}"
jwks = "{folder / "keys.json"}"
tenants = ["beta", "gamma"]
scopes = ["call", "metrics"]
"""


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("auth")
    with listening(Keys) as keys, serving(folder, auth(folder, keys.port)) as one:
        yield one


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("plain"), "[server]\nallow_root = true\nport = 0\n") as one:
        yield one


def settings(folder: Path, text: str, *, resource: bool = True) -> Settings:
    file = folder / "holdfast.toml"
    file.write_text((f'[auth]\nresource = "{RESOURCE}"\n' if resource else "") + text, encoding="utf-8")
    return load_settings(file)


def token(issuer: str, *, signed: str | None = None, **changes: object) -> str:
    now = int(time.time())
    claims = {"sub": "ada", "aud": RESOURCE, "iss": issuer, "iat": now, "exp": now + 600, "scope": "mcp:tools metrics"}
    said = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(said, KEYS[signed or issuer], algorithm="EdDSA", headers={"kid": issuer})


def status(served: Served, written: str, path: str = "/v1/tools") -> int:
    return served.get(path, Authorization=f"Bearer {written}").status


def test_an_issuer_is_whose_tokens_are_taken(trusting: Served, plain: Served) -> None:
    assert [status(one, token(FETCHED)) for one in (trusting, plain)] == [200, 401]
    assert status(trusting, token("https://other.example", signed=FETCHED)) == 401


def test_jwks_is_a_url_or_a_file_and_only_its_keys_sign(trusting: Served) -> None:
    assert status(trusting, token(FETCHED)) == 200
    assert status(trusting, token(FILED, tenant="beta")) == 200
    assert status(trusting, token(FETCHED, signed="nobody's")) == 401
    assert status(trusting, token(FILED, signed=FETCHED, tenant="beta")) == 401


@pytest.mark.parametrize(
    ("jwks", "why"),
    [('"http://keys.example/jwks"', "`https`"), ('"https://user:x@keys.example/jwks"', "without a user")],
)
def test_keys_that_cannot_be_had_safely_are_refused(tmp_path: Path, jwks: str, why: str) -> None:
    with pytest.raises(OperatorError, match=why):
        settings(tmp_path, f'[[auth.issuers]]\nissuer = "x"\ntenant = "t"\njwks = {jwks}\n')


def test_keys_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    written = f'[server]\nallow_root = true\n[auth]\nresource = "{RESOURCE}"\n'
    code, talk = refused(tmp_path, f'{written}[[auth.issuers]]\nissuer = "x"\ntenant = "t"\njwks = "absent.json"\n')

    assert code != 0
    assert "cannot be read" in talk.replace("\n", " ")


def test_resource_is_the_audience_a_token_must_name_and_nobody_beside_it(trusting: Served) -> None:
    named = {"https://tools.example": 200, RESOURCE: 200, "holdfast": 401, "https://other.example/mcp": 401}
    assert {audience: status(trusting, token(FETCHED, aud=audience)) for audience in named} == named
    assert status(trusting, token(FETCHED, aud=[RESOURCE, "https://other.example"])) == 401


def test_resource_is_what_the_server_says_of_itself(trusting: Served, plain: Served) -> None:
    path = "/.well-known/oauth-protected-resource"
    documents = [body(one.get(path + end)) for one in (trusting, plain) for end in ("/mcp", "")]

    here = f"http://127.0.0.1:{plain.port}"
    assert [one["resource"] for one in documents] == [RESOURCE, "https://tools.example", f"{here}/mcp", here]
    assert [one["authorization_servers"] for one in documents] == [[FETCHED, FILED]] * 2 + [[]] * 2


def test_an_issuer_without_a_resource_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="`resource` is needed"):
        settings(tmp_path, '[[auth.issuers]]\nissuer = "x"\ntenant = "t"\njwks = "keys.json"\n', resource=False)


@pytest.mark.parametrize("url", ["http://tools.example/mcp", "https://tools.example/mcp?x=1", "tools", "https://"])
def test_a_resource_is_a_url_that_a_token_can_name(tmp_path: Path, url: str) -> None:
    with pytest.raises(OperatorError, match="`resource` is an `https` URL"):
        settings(tmp_path, f'[auth]\nresource = "{url}"\n', resource=False)


def test_scope_names_are_what_tokens_and_challenges_say(trusting: Served, plain: Served) -> None:
    assert status(trusting, token(FETCHED, scope="call")) == 403
    documents = [body(one.get("/.well-known/oauth-protected-resource/mcp")) for one in (trusting, plain)]
    assert [("mcp:tools" in one["scopes_supported"], "call" in one["scopes_supported"]) for one in documents] == [
        (True, False),
        (False, True),
    ]
    without = trusting.get("/mcp").headers["www-authenticate"]
    where = f"http://127.0.0.1:{trusting.port}/.well-known/oauth-protected-resource/mcp"
    assert without == f'Bearer resource_metadata="{where}", scope="mcp:tools"'
    too_little = trusting.get("/mcp", Authorization=f"Bearer {token(FETCHED, scope='openid')}")
    assert too_little.status == 403
    assert too_little.headers["www-authenticate"] == (
        f'Bearer error="insufficient_scope", resource_metadata="{where}", scope="mcp:tools"'
    )
    wrong = trusting.get("/mcp", Authorization="Bearer x.y.z").headers["www-authenticate"]
    assert wrong.endswith('error="invalid_token"')


def test_scopes_are_the_most_that_an_issuer_s_tokens_say(trusting: Served) -> None:
    assert status(trusting, token(FETCHED), "/metrics") == 403
    assert status(trusting, token(FILED, tenant="beta"), "/metrics") == 200
    assert status(trusting, token(FILED, tenant="beta", scope="mcp:tools tokens approve"), "/v1/approvals") == 403


def test_a_tenant_is_every_token_s_whatever_it_says(trusting: Served) -> None:
    assert status(trusting, token(FETCHED, tenant=None)) == 200
    assert status(trusting, token(FETCHED, tenant="beta")) == 200, "it is of `acme` all the same"
    assert status(trusting, token(FILED, tenant=None)) == 401


def test_tenants_are_those_that_a_token_may_name(trusting: Served) -> None:
    named = {"beta": 200, "gamma": 200, "acme": 401, "local": 401}
    assert {tenant: status(trusting, token(FILED, tenant=tenant)) for tenant in named} == named


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (['issuer = "a"\njwks = "f"\n'], "either `tenant` or `tenants`"),
        (['issuer = "a"\njwks = "f"\ntenant = "local"\n'], "tenants of its own"),
        (['issuer = "a"\njwks = "f"\ntenant = "t"\ntenants = ["t"]\n'], "either `tenant` or `tenants`"),
        (['issuer = "a"\njwks = "f"\ntenant = "t"\n', 'issuer = "b"\njwks = "f"\ntenants = ["t"]\n'], "share a tenant"),
        (['issuer = "a"\njwks = "f"\ntenant = "t"\n', 'issuer = "a"\njwks = "f"\ntenant = "u"\n'], "the same `issuer`"),
    ],
)
def test_nobody_speaks_for_another_s_people(tmp_path: Path, rows: list[str], why: str) -> None:
    with pytest.raises(OperatorError, match=why):
        settings(tmp_path, "".join(f"[[auth.issuers]]\n{row}" for row in rows))
