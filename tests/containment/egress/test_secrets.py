"""A secret reaches the place its grant says and no other, and nothing that comes back holds it."""

import asyncio
import gzip
import zlib
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from tests.writings import BARE, LAYERS, found

from holdfast.contracts import (
    HttpGrant,
    HttpRequest,
    HttpResponse,
    Reason,
    Refusal,
    Secret,
    SecretPlace,
    SecretUse,
    TenantId,
    ToolError,
)
from holdfast.sandbox.egress import EgressLimits

from .conftest import World, allow, redirect, reply

pytestmark = pytest.mark.anyio

ACME = TenantId("acme")
VALUE = b"sk-Zx81_kQ-77aBcDeFgH.jK/mN+pQ=="
URL = "https://api.example.com/v1/echo"


@dataclass
class Vault:
    """A store of one tenant's secrets."""

    values: dict[str, bytes] = field(default_factory=lambda: {"github": VALUE})
    asked: list[tuple[str, str]] = field(default_factory=list)
    stuck: bool = False

    async def value(self, tenant: TenantId, name: str, /) -> Secret | None:
        self.asked.append((tenant, name))
        if self.stuck:
            await asyncio.Event().wait()
        return Secret(self.values[name]) if tenant == ACME and name in self.values else None


def granted(
    name: str = "github", place: SecretPlace = SecretPlace.BEARER, parameter: str = "", **grant: object
) -> HttpGrant:
    return allow(secret=SecretUse(name=name, place=place, parameter=parameter), **{"path": "/v1/", **grant})


async def fetched(
    world: World,
    *grants: HttpGrant,
    url: str = URL,
    vault: Vault | None = None,
    wall_ms: int = 20_000,
    **request: object,
) -> HttpResponse:
    asked = HttpRequest(**{"method": "GET", "url": url, **request})
    broker = world.broker(vault=vault or Vault())
    return await broker.fetch(asked, grants or (granted(),), wall_ms=wall_ms, tenant=ACME)


async def refused(world: World, *grants: HttpGrant, **request: object) -> Reason:
    with pytest.raises(Refusal) as caught:
        await fetched(world, *grants, **request)
    assert not found(str(caught.value.reason).encode(), VALUE)
    return caught.value.reason


async def test_a_secret_goes_to_the_place_of_its_grant(world: World) -> None:
    await fetched(world)

    assert b"\r\nauthorization: Bearer " + VALUE + b"\r\n" in world.secure.requests[0]


@pytest.mark.parametrize(
    ("url", "method"),
    [
        ("https://api.example.com/v2/echo", "GET"),
        ("https://api.example.com/v1x", "GET"),
        ("https://api.example.com/v1/echo", "POST"),
        ("https://other.example.com/v1/echo", "GET"),
        ("http://api.example.com/v1/echo", "GET"),
    ],
)
async def test_no_other_path_method_host_or_scheme_is_sent_it(world: World, url: str, method: str) -> None:
    bound = granted(methods=frozenset({"GET"}))
    others = (
        allow(),
        allow("other.example.com"),
        allow(scheme="http", port=80),
    )

    answer = await fetched(world, bound, *others, url=url, method=method)

    assert answer.status == 200
    (sent,) = (*world.secure.requests, *world.plain.requests)
    assert b"authorization" not in sent
    assert not found(sent, VALUE)


async def test_another_port_is_not_sent_it(world: World) -> None:
    world.routes.table["93.184.215.14", 8443] = world.secure.port

    await fetched(world, granted(), allow(port=8443), url="https://api.example.com:8443/v1/echo")

    assert not found(world.secure.requests[0], VALUE)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("to", ["https://api.example.com/v1/end", "https://other.example.com/v1/end", "/v1/end"])
@pytest.mark.parametrize(
    ("place", "parameter"), [(SecretPlace.BEARER, ""), (SecretPlace.HEADER, "accept-key"), (SecretPlace.QUERY, "key")]
)
async def test_a_redirected_request_carries_no_secret_wherever_it_leads(
    world: World, status: str, to: str, place: SecretPlace, parameter: str
) -> None:
    world.secure.answers["/v1/echo"] = redirect(to, status)

    answer = await fetched(world, granted(place=place, parameter=parameter), allow("other.example.com"))

    first, second = world.secure.requests
    assert found(first, VALUE)
    assert not found(second, VALUE)
    assert b"key" not in second.lower()
    assert answer.hops == 1


@pytest.mark.parametrize("follow", [True, False])
async def test_a_redirect_that_says_the_secret_leads_nowhere(world: World, follow: bool) -> None:  # noqa: FBT001 -- a parameter
    told = VALUE.hex()
    world.secure.answers["/v1/echo"] = redirect(f"https://{told}.other.example.com/{told}?{told}")

    if follow:
        reason = await refused(world, granted(), allow("*.other.example.com"), follow=True)
        assert reason.code == "egress/redirect"
        assert told not in str(reason)
    else:
        answer = await fetched(world, follow=False)
        assert told not in str(answer)
    assert len(world.secure.requests) == 1
    assert world.looked_up == ["api.example.com"]


async def test_what_the_caller_is_told_of_the_url_has_no_secret_in_it(world: World) -> None:
    answer = await fetched(world, granted(place=SecretPlace.QUERY, parameter="key"), url=URL + "?q=1")

    assert f"GET /v1/echo?q=1&key={quote(VALUE, safe='')} HTTP/1.1\r\n".encode() in world.secure.requests[0]
    assert answer.url == URL + "?q=1"


async def test_a_secret_that_is_not_there_stops_the_request_before_any_name_is_looked_up(world: World) -> None:
    reason = await refused(world, granted("nowhere"))

    assert (reason.code, reason.remedy) == ("secret/absent", "holdfast secrets set nowhere")
    assert world.looked_up == []
    assert world.routes.dialled == []


async def test_of_another_tenant_nothing_is_there(world: World) -> None:
    asked = HttpRequest(method="GET", url=URL)
    for tenant in (TenantId("other"), None):
        with pytest.raises(Refusal) as caught:
            await world.broker(vault=Vault()).fetch(asked, (granted(),), wall_ms=20_000, tenant=tenant)
        assert caught.value.reason.code == "secret/absent"
    assert world.routes.dialled == []


async def test_a_request_that_no_grant_admits_asks_for_no_secret(world: World) -> None:
    vault = Vault()

    reason = await refused(world, url="https://api.example.com/v2/echo", vault=vault)

    assert reason.code == "egress/host-not-granted"
    assert vault.asked == []


async def test_a_caller_that_sets_the_place_itself_is_refused_before_anything_is_sent(world: World) -> None:
    reason = await refused(world, headers=(("Authorization", "Bearer mine"),))

    assert reason.code == "secret/set-by-caller"
    assert world.routes.dialled == []


async def test_the_store_is_asked_within_the_one_deadline(world: World) -> None:
    with pytest.raises(ToolError, match="within 100 ms"):
        await fetched(world, vault=Vault(stuck=True), wall_ms=100)


def echoing(write, *, headers: tuple[str, ...] = (), pack=lambda body: body):
    """A server that answers with what it was sent."""

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        sent = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"authorization: "))
        token = sent.rpartition(b" ")[2]
        body = pack(b'{"you sent": "' + write(token) + b'", "more": [1, 2]}')
        head = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers, "", ""]
        writer.write("\r\n".join(head).encode() + body)

    return answer


@pytest.mark.parametrize("bare", sorted(BARE))
async def test_a_server_that_echoes_it_in_any_writing_gives_it_to_nobody(world: World, bare: str) -> None:
    world.secure.answers["/v1/echo"] = echoing(BARE[bare])

    answer = await fetched(world)

    assert b"[REDACTED:secret]" in answer.body
    assert not found(answer.body, VALUE)
    assert answer.body.startswith(b'{"you sent": "')
    assert answer.body.endswith(b'"more": [1, 2]}')


@pytest.mark.parametrize("layer", sorted(LAYERS))
async def test_a_server_that_escapes_it_in_any_way_gives_it_to_nobody(world: World, layer: str) -> None:
    world.secure.answers["/v1/echo"] = echoing(LAYERS[layer])

    answer = await fetched(world)

    assert b"[REDACTED:secret]" in answer.body
    assert not found(answer.body, VALUE)


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
    ids=lambda one: str(one)[:8],
)
async def test_a_compressed_answer_is_searched_as_what_it_says(world: World, encoding: str, pack) -> None:
    world.secure.answers["/v1/echo"] = echoing(bytes, headers=(f"Content-Encoding: {encoding}",), pack=pack)

    answer = await fetched(world)

    assert answer.body == b'{"you sent": "[REDACTED:secret]", "more": [1, 2]}'


async def test_headers_are_searched_names_too(world: World) -> None:
    echo = (f"X-Echo: Bearer {VALUE.decode()}", f"X-Hex: {VALUE.hex()}", f"{VALUE.hex()}: name", "X-Other: stays")
    world.secure.answers["/v1/echo"] = reply(b"hello", *echo)

    answer = await fetched(world)

    assert ("x-echo", "Bearer [REDACTED:secret]") in answer.headers
    assert ("x-hex", "[REDACTED:secret]") in answer.headers
    assert ("[REDACTED:secret]", "name") in answer.headers
    assert ("x-other", "stays") in answer.headers


async def test_a_secret_that_comes_back_with_a_later_request_is_scrubbed_too(world: World) -> None:
    """The server may keep what it was sent, and say it where no secret goes."""
    world.secure.answers["/v2/stored"] = reply(b"stored: " + VALUE)

    answer = await fetched(world, granted(), allow(), url="https://api.example.com/v2/stored")

    assert answer.body == b"stored: [REDACTED:secret]"


async def test_what_is_said_after_a_redirect_is_scrubbed_too(world: World) -> None:
    world.secure.answers["/v1/echo"] = redirect("/v1/end")
    world.secure.answers["/v1/end"] = reply(b"it was " + VALUE)

    assert (await fetched(world)).body == b"it was [REDACTED:secret]"


async def test_an_answer_of_ten_mebibytes_is_searched(world: World) -> None:
    most = EgressLimits().response_bytes
    world.secure.answers["/v1/echo"] = reply(b"x" * (most - len(VALUE)) + VALUE)

    answer = await fetched(world)

    assert answer.body.endswith(b"x[REDACTED:secret]")
    assert len(answer.body) == most - len(VALUE) + len(b"[REDACTED:secret]")


async def test_without_a_secret_nothing_is_searched_or_changed(world: World) -> None:
    world.secure.answers["/v1/echo"] = reply(VALUE)

    assert (await fetched(world, allow())).body == VALUE
