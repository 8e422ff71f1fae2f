"""`[[upstreams]]`: how a server is spoken to, and with which credential. Each key decides what reaches it."""

import base64
import json
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from holdfast.contracts import OperatorError, Secret, ToolError
from holdfast.server.config import load_settings
from holdfast.server.principals import LOCAL_TENANT
from tests.guarded_server import Guarded, browse, guarded

from .world import McpOverHttp, World, code, listening, opened, said

pytestmark = pytest.mark.anyio

COMMAND = json.dumps([str(Path(sys.executable).resolve()), str(Path(__file__).with_name("stdio_server.py").resolve())])
VALUE = "k3y-of-the-tenant"


def basic(user: str, value: str) -> str:
    """The header that says both."""
    return f"Basic {base64.b64encode(f'{user}:{value}'.encode()).decode()}"


class Noting(McpOverHttp):
    """Notes the headers of calls."""

    seen: ClassVar[dict[str, str]] = {}

    def do_POST(self) -> None:  # noqa: N802 -- the library's name
        type(self).seen = {name.lower(): value for name, value in self.headers.items()}
        super().do_POST()


async def sent(tmp_path: Path, headers: str, value: bytes | None = VALUE.encode()) -> dict[str, str] | str:
    """What reached a server whose entry has *headers*; why it was not reached, when it was not."""

    class Here(Noting):
        pass

    with listening(Here) as server:
        text = f'[[upstreams]]\nname = "web"\nurl = "http://127.0.0.1:{server.port}/mcp"\neffects = []\n{headers}\n'
        async with opened(tmp_path, text) as house:
            if value is not None:
                await house.house.state.vault.put(LOCAL_TENANT, "key", Secret(value))
            try:
                await house.house.upstreams.diff("web")
                await house.house.upstreams.approve("web", ())
            except ToolError as error:
                return error.message
            assert said(await house.call("web__where", {})) == "reached over http"
    return Here.seen


async def test_a_header_is_sent_as_it_is_written(tmp_path: Path) -> None:
    assert (await sent(tmp_path, "[upstreams.headers]\nX-Team = 'blue'"))["x-team"] == "blue"


@pytest.mark.parametrize(
    ("keys", "there"),
    [
        ('secret = "key"', VALUE),
        ('secret = "key", scheme = "bearer"', f"Bearer {VALUE}"),
        ('secret = "key", scheme = "basic", user = "me"', basic("me", VALUE)),
        ('secret = "key", scheme = "basic", user = "you"', basic("you", VALUE)),
    ],
)
async def test_a_secret_stands_in_a_header_as_its_scheme_says(tmp_path: Path, keys: str, there: str) -> None:
    assert (await sent(tmp_path, f"[upstreams.headers]\nAuthorization = {{ {keys} }}"))["authorization"] == there


async def test_a_header_whose_secret_is_not_set_reaches_nobody(tmp_path: Path) -> None:
    why = await sent(tmp_path, '[upstreams.headers]\nAuthorization = { secret = "other" }')

    assert "the secret `other` of its entry is not set" in why


async def test_a_variable_is_made_of_the_secret_and_is_taken_out_of_what_comes_back(tmp_path: Path) -> None:
    grants = (
        '[upstreams.grants]\nenv = { A = { secret = "key" }, B = { secret = "key", scheme = "bearer" }, '
        'C = { secret = "key", scheme = "basic", user = "me" }, D = "plain" }\n'
    )
    text = f'[[upstreams]]\nname = "here"\ncommand = {COMMAND}\neffects = []\n{grants}'
    async with opened(tmp_path, text) as house:
        await house.house.state.vault.put(LOCAL_TENANT, "key", Secret(VALUE.encode()))
        await house.house.upstreams.diff("here")
        await house.house.upstreams.approve("here", ())
        found = json.loads(said(await house.call("here__env", {})))
        lengths = said(await house.call("here__lengths", {"text": "A B C D"}))

    assert VALUE not in json.dumps(found)
    assert "REDACTED" in found["A"]
    assert found["B"].startswith("Bearer ")
    assert found["D"] == "plain"
    assert lengths == "17 24 34 5"


@pytest.mark.parametrize(("transport", "met"), [("auto", "HTTP 404"), ("streamable", "HTTP 404"), ("sse", "stream")])
async def test_the_transport_is_how_it_is_spoken_to(tmp_path: Path, transport: str, met: str) -> None:
    class Nothing(McpOverHttp):
        posts = gets = 0

        def do_POST(self) -> None:  # noqa: N802 -- the library's name
            type(self).posts += 1
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_error(404)

        def do_GET(self) -> None:  # noqa: N802 -- the library's name
            type(self).gets += 1
            self.send_error(404)

    with listening(Nothing) as server:
        place = f"http://127.0.0.1:{server.port}/mcp"
        text = f'[[upstreams]]\nname = "web"\nurl = "{place}"\ntransport = "{transport}"\n'
        async with opened(tmp_path, text) as house:
            (status,) = house.house.upstreams.status()

    assert status.fault is not None
    assert met in status.fault
    assert (bool(Nothing.posts), bool(Nothing.gets)) == {
        "auto": (True, True),
        "streamable": (True, False),
        "sse": (False, True),
    }[transport]


def entry(server: Guarded, keys: str) -> str:
    return f'[[upstreams]]\nname = "web"\nurl = "{server.url}/mcp"\neffects = []\n[upstreams.oauth]\n{keys}\n'


async def signed_in(tmp_path: Path, server: Guarded, keys: str, secret: bytes | None = VALUE.encode()) -> World:
    """A house whose server was signed in to, or had a token of its own; closed again."""
    async with opened(tmp_path, entry(server, keys)) as house:
        desk = house.house.upstreams
        if secret is not None:
            await house.house.state.vault.put(LOCAL_TENANT, "key", Secret(secret))
        if "authorization_code" in keys:
            await browse(await desk.logins.begin("web", LOCAL_TENANT))
            await desk.logins.wait("web")
        await desk.diff("web")
        await desk.approve("web", ())
        assert code(await house.call("web__read", {})) == "ok"
    return house


MACHINE = 'grant = "client_credentials"\nclient_id = "us"\nclient_secret = "key"\n'
PERSON = 'grant = "authorization_code"\n'


async def test_the_grant_is_how_a_token_is_had(tmp_path: Path) -> None:
    with guarded() as server:
        await signed_in(tmp_path / "a", server, MACHINE + f'issuer = "{server.url}"')
        await signed_in(tmp_path / "b", server, PERSON)

    assert server.grants() == ["client_credentials", "authorization_code"]


async def test_client_id_and_secret_are_who_we_are(tmp_path: Path) -> None:
    with guarded() as server:
        issuer = f'issuer = "{server.url}"\n'
        await signed_in(tmp_path / "a", server, MACHINE + issuer + 'client_auth = "client_secret_post"')
        await signed_in(tmp_path / "b", server, PERSON + 'client_id = "somebody"')
        await signed_in(tmp_path / "c", server, PERSON)

    assert (server.forms[0]["client_id"], server.forms[0]["client_secret"]) == ("us", VALUE)
    assert [asked["client_id"] for asked in server.asked] == ["somebody", "client-1"]


@pytest.mark.parametrize(
    ("how", "shown"),
    [
        ("client_secret_basic", (basic("us", VALUE), False, False)),
        ("client_secret_post", ("", True, False)),
        ("private_key_jwt", ("", False, True)),
    ],
)
async def test_client_auth_is_how_we_prove_it(tmp_path: Path, how: str, shown: tuple[str, bool, bool]) -> None:
    with guarded() as server:
        await signed_in(
            tmp_path,
            server,
            MACHINE + f'issuer = "{server.url}"\nclient_auth = "{how}"',
            pem(ec.SECP256R1()) if how == "private_key_jwt" else VALUE.encode(),
        )

    form = server.forms[0]
    assert (form["_authorization"], "client_secret" in form, "client_assertion" in form) == shown


def pem(curve: ec.EllipticCurve) -> bytes:
    key = ec.generate_private_key(curve)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(("algorithm", "curve"), [("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1())])
async def test_the_algorithm_is_what_signs(tmp_path: Path, algorithm: str, curve: ec.EllipticCurve) -> None:
    keys = 'client_auth = "private_key_jwt"\nalgorithm = "' + algorithm + '"'
    with guarded() as server:
        await signed_in(tmp_path, server, MACHINE + f'issuer = "{server.url}"\n' + keys, pem(curve))

    head = server.forms[0]["client_assertion"].partition(".")[0]
    assert json.loads(base64.urlsafe_b64decode(head + "==="))["alg"] == algorithm


async def test_client_metadata_url_is_who_we_are_where_it_is_read(tmp_path: Path) -> None:
    document = "https://holdfast.example/client.json"
    with guarded(knows_documents=True) as server:
        await signed_in(tmp_path / "a", server, PERSON + f'client_metadata_url = "{document}"')
        await signed_in(tmp_path / "b", server, PERSON)

    assert [asked["client_id"] for asked in server.asked] == [document, "client-1"]


async def test_the_issuer_is_the_only_one_that_is_trusted(tmp_path: Path) -> None:
    with guarded() as server:
        await signed_in(tmp_path / "a", server, PERSON + f'issuer = "{server.url}"')
        with pytest.raises(ToolError, match="another authorization server than `issuer`"):
            await signed_in(tmp_path / "b", server, PERSON + 'issuer = "https://elsewhere.example"')

    assert len(server.asked) == 1


async def test_scopes_are_what_is_asked_for(tmp_path: Path) -> None:
    with guarded() as server:
        await signed_in(tmp_path / "a", server, PERSON + 'scopes = ["only", "these"]')
        await signed_in(tmp_path / "b", server, PERSON)

    assert [asked["scope"] for asked in server.asked] == ["only these", "a"]


async def test_redirect_port_is_where_the_browser_comes_back_to(tmp_path: Path) -> None:
    with listening() as free:
        taken = free.port
        with guarded() as server, pytest.raises(ToolError, match=f"port {taken} of 127.0.0.1 is taken"):
            await signed_in(tmp_path / "a", server, PERSON + f"redirect_port = {taken}")
        free.shutdown()
        free.server_close()
    with guarded() as server:
        await signed_in(tmp_path / "b", server, PERSON + f"redirect_port = {taken}")

    assert server.asked[0]["redirect_uri"] == f"http://127.0.0.1:{taken}/callback"


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ('command = ["x"]\ntransport = "sse"', "go with `url`"),
        ('command = ["x"]\nheaders = { A = "b" }', "go with `url`"),
        ('url = "https://a.example"\nheaders = { Host = "b" }', "the header `host` is not"),
        ('url = "https://a.example"\nheaders = { Mcp-Session-Id = "b" }', "the header `mcp-session-id` is not"),
        ('url = "https://a.example"\nheaders = { A = "b\\nc" }', "holds a line break"),
        ('url = "https://a.example"\nheaders = { A = { secret = "Not A Name" } }', "upstreams.0.headers.A"),
        ('url = "https://a.example"\nheaders = { A = { secret = "x", user = "y" } }', "`user` goes with"),
        (
            'url = "https://a.example"\nheaders = { Authorization = "b" }\noauth = { grant = "authorization_code" }',
            "exclude each other",
        ),
        ('url = "https://a.example"\noauth = { grant = "client_credentials" }', "needs `client_id`"),
        (
            'url = "https://a.example"\noauth = { grant = "client_credentials", client_id = "a", client_secret = "b" }',
            "needs `client_id` and `issuer`",
        ),
    ],
)
def test_a_credential_that_cannot_be_meant_is_refused(tmp_path: Path, keys: str, why: str) -> None:
    file = tmp_path / "holdfast.toml"
    file.write_text(f'[[upstreams]]\nname = "a"\n{keys}\n')

    with pytest.raises(OperatorError) as wrong:
        load_settings(file)

    assert why in wrong.value.message
