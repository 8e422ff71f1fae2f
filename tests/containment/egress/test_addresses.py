"""No spelling, answer or redirect leads to an address that is not public."""

import asyncio

import pytest

from holdfast.contracts import HttpRequest, Refusal, ToolError
from holdfast.sandbox.egress import PUBLIC, EgressBroker

from .conftest import World, allow, network, redirect

pytestmark = pytest.mark.anyio

PRIVATE = [
    "127.0.0.1",
    "10.0.0.5",
    "169.254.169.254",
    "100.100.100.200",
    "192.168.1.1",
    "0.0.0.0",
    "::1",
    "fd00:ec2::254",
]
PRIVATE += ["::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fe80::1", "224.0.0.1"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_name_at_a_private_address_is_not_dialled(world: World, address: str) -> None:
    world.at("api.example.com", address)

    reason = await world.refusal("https://api.example.com/")

    assert reason.code == "egress/address-not-public"
    assert world.routes.dialled == []


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_not_dialled_though_it_is_granted_as_such(world: World, address: str) -> None:
    world.listen(address)
    host = f"[{address}]" if ":" in address else address

    reason = await world.refusal(f"https://{host}/", allow(host), PUBLIC)

    assert reason.code == "egress/address-not-public"
    assert world.routes.dialled == []


@pytest.mark.parametrize(
    "spelling",
    [
        *(
            "2130706433",
            "0x7f000001",
            "017700000001",
            "127.1",
            "0177.0.0.1",
            "127.0.0.1.",
            "0x7f.0.0.1",
            "[::ffff:7f00:1%25]",
        ),
        *(
            "user@127.0.0.1",
            "93.184.215.14@127.0.0.1",
            "127.0.0.1\\@api.example.com",
            "127.0.0.1%00.example.com",
            "①②⑦.0.0.1",
        ),
        *("localhost.", "127。0。0。1", "0", "[::]:443:443"),
    ],
)
async def test_no_spelling_of_loopback_gets_further_than_the_url(world: World, spelling: str) -> None:
    reason = await world.refusal(f"https://{spelling}/", PUBLIC)

    assert reason.code == "egress/url"
    assert world.looked_up == world.routes.dialled == []


async def test_one_private_address_among_public_ones_refuses_them_all(world: World) -> None:
    world.at("api.example.com", "93.184.215.14", "10.0.0.5")

    reason = await world.refusal("https://api.example.com/")

    assert reason.code == "egress/address-not-public"
    assert world.routes.dialled == []


async def test_a_name_that_changes_its_address_is_asked_once_and_dialled_where_it_was_checked(world: World) -> None:
    world.listen("127.0.0.1")
    world.names["api.example.com"] = [("93.184.215.14",), ("127.0.0.1",)]

    await world.get("https://api.example.com/")

    assert world.looked_up == ["api.example.com"]
    assert world.routes.dialled == [("93.184.215.14", 443)]


async def test_a_name_that_turns_private_between_hops_is_refused_at_the_second(world: World) -> None:
    world.listen("127.0.0.1")
    world.names["api.example.com"] = [("93.184.215.14",), ("127.0.0.1",)]
    world.secure.answers["/"] = redirect("/again")

    reason = await world.refusal("https://api.example.com/")

    assert reason.code == "egress/address-not-public"
    assert world.routes.dialled == [("93.184.215.14", 443)]


async def test_no_name_is_resolved_before_its_host_is_granted(world: World) -> None:
    reason = await world.refusal("https://evil.example.net/")

    assert reason.code == "egress/host-not-granted"
    assert world.looked_up == []


async def test_the_next_address_is_tried_when_one_is_silent(world: World) -> None:
    world.names["api.example.com"] = [("93.184.215.99", "93.184.215.14")]

    response = await world.get("https://api.example.com/")

    assert response.body == b"hello"
    assert world.routes.dialled == [("93.184.215.99", 443), ("93.184.215.14", 443)]


async def test_a_certificate_for_another_name_is_not_taken(world: World) -> None:
    world.at("stranger.example.org", "93.184.215.20")

    with pytest.raises(ToolError):
        await world.get("https://stranger.example.org/", allow("stranger.example.org"))


async def test_a_name_without_address_is_the_far_sides_fault(world: World) -> None:
    with pytest.raises(ToolError):
        await world.get("https://nowhere.example.com/", allow("nowhere.example.com"))


async def test_an_allowed_network_counts_only_for_a_grant_that_names_the_host(world: World) -> None:
    world.at("api.example.com", "10.0.0.5")
    broker = world.broker(unsafe_allow_networks=network("10.0.0.0/8"))
    request = HttpRequest(method="GET", url="https://api.example.com/")

    assert (await broker.fetch(request, (allow(), PUBLIC), wall_ms=20_000)).body == b"hello"
    with pytest.raises(Refusal) as refused:
        await broker.fetch(request, (PUBLIC,), wall_ms=20_000)
    assert refused.value.reason.code == "egress/address-not-public"


async def test_a_real_server_on_loopback_is_out_of_reach_without_being_allowed(world: World) -> None:
    host, port = "127.0.0.1", world.plain.port
    grant = allow(host, scheme="http", port=port)
    request = HttpRequest(method="GET", url=f"http://{host}:{port}/")

    with pytest.raises(Refusal):
        await EgressBroker().fetch(request, (grant,), wall_ms=20_000)
    allowed = EgressBroker(unsafe_allow_networks=network("127.0.0.0/8"))
    assert (await allowed.fetch(request, (grant,), wall_ms=20_000)).body == b"hello"


async def test_localhost_is_out_of_reach_by_name(world: World) -> None:
    grant = allow("localhost", scheme="http", port=world.plain.port)
    request = HttpRequest(method="GET", url=f"http://localhost:{world.plain.port}/")

    with pytest.raises(Refusal) as refused:
        await EgressBroker().fetch(request, (grant,), wall_ms=20_000)

    assert refused.value.reason.code == "egress/address-not-public"
    assert world.plain.requests == []


class ThisMachine:
    """Connections that come back from the address they were made to, as those to a machine's own address do."""

    def __init__(self, real) -> None:
        self._real = real

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109 -- theirs
        stream = await self._real.connect_tcp(host, port, timeout)
        told = stream.get_extra_info
        stream.get_extra_info = lambda what: (host, 1) if what == "client_addr" else told(what)
        return stream


async def test_a_public_address_of_this_very_machine_is_not_spoken_to(world: World) -> None:
    broker = EgressBroker(tls=world.tls, resolver=world.resolve, backend=ThisMachine(world.routes))

    with pytest.raises(Refusal) as refused:
        await broker.fetch(HttpRequest(method="GET", url="https://api.example.com/"), (allow(),), wall_ms=20_000)

    assert refused.value.reason.code == "egress/address-not-public"
    assert world.secure.requests == []


async def test_a_resolver_that_never_answers_ends_at_the_deadline(world: World) -> None:
    world.stuck = asyncio.Event()

    with pytest.raises(ToolError, match="within 50 ms"):
        await world.get("https://api.example.com/", wall_ms=50)
