"""Every hop is judged like the first, and nothing that could be a credential goes along to another place."""

import pytest

from holdfast.sandbox.egress import PUBLIC

from .conftest import World, allow, redirect, reply

pytestmark = pytest.mark.anyio
BOTH = (allow(), allow("other.example.com"))


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("https://127.0.0.1/", "egress/address-not-public"),
        ("https://[::ffff:127.0.0.1]/", "egress/address-not-public"),
        ("https://169.254.169.254/latest/meta-data/", "egress/address-not-public"),
        ("https://2130706433/", "egress/url"),
        ("https://user:pw@evil.example.net/", "egress/url"),
        ("https://\\evil.example.net/", "egress/url"),
        ("http://api.example.com/", "egress/redirect"),
        ("http://127.0.0.1/", "egress/redirect"),
        ("https://localhost/", "egress/host-not-granted"),
        ("https://api.example.com:8443/", "egress/host-not-granted"),
        ("file:///etc/passwd", "egress/url"),
    ],
)
async def test_a_redirect_out_of_bounds_is_refused(world: World, location: str, code: str) -> None:
    world.secure.answers["/"] = redirect(location)

    reason = await world.refusal("https://api.example.com/", PUBLIC)

    assert reason.code == code
    assert len(world.routes.dialled) == 1


async def test_a_redirect_to_a_host_without_grant_is_not_resolved(world: World) -> None:
    world.secure.answers["/"] = redirect("https://evil.example.net/?secret=1")

    reason = await world.refusal("https://api.example.com/")

    assert reason.code == "egress/host-not-granted"
    assert "secret" not in str(reason)
    assert world.looked_up == ["api.example.com"]


async def test_a_redirect_out_of_the_granted_path_is_refused(world: World) -> None:
    world.secure.answers["/v1/messages"] = redirect("/v1/messagesX")

    reason = await world.refusal("https://api.example.com/v1/messages", allow(path="/v1/messages"))

    assert reason.code == "egress/host-not-granted"


async def test_a_redirect_is_followed_to_where_it_is_granted(world: World) -> None:
    world.secure.answers["/"] = redirect("https://other.example.com/end")
    world.secure.answers["/end"] = reply(b"there")

    response = await world.get("https://api.example.com/", *BOTH)

    assert (response.body, response.url, response.hops) == (b"there", "https://other.example.com/end", 1)


async def test_credentials_stay_with_the_host_they_were_meant_for(world: World) -> None:
    world.secure.answers["/"] = redirect("https://other.example.com/end")
    headers = (("Authorization", "Bearer T0P"), ("X-Api-Key", "T0P"), ("Accept", "text/plain"), ("User-Agent", "mine"))

    await world.get("https://api.example.com/", *BOTH, headers=headers)

    first, second = world.secure.requests
    assert first.count(b"T0P") == 2
    assert b"T0P" not in second
    assert b"text/plain" in second
    assert b"mine" in second


async def test_credentials_do_not_come_back_when_the_chain_does(world: World) -> None:
    world.secure.answers["/"] = redirect("https://other.example.com/back")
    world.secure.answers["/back"] = redirect("https://api.example.com/end")

    await world.get("https://api.example.com/", *BOTH, headers=(("Authorization", "Bearer T0P"),))

    assert [request.count(b"T0P") for request in world.secure.requests] == [1, 0, 0]


async def test_credentials_stay_on_the_same_origin(world: World) -> None:
    world.secure.answers["/"] = redirect("/end")

    await world.get("https://api.example.com/", headers=(("Authorization", "Bearer T0P"),))

    assert [request.count(b"T0P") for request in world.secure.requests] == [1, 1]


@pytest.mark.parametrize(
    ("status", "method", "body"), [("302", b"GET", b""), ("303", b"GET", b""), ("307", b"POST", b"data")]
)
async def test_the_method_changes_as_the_status_says(world: World, status: str, method: bytes, body: bytes) -> None:
    world.secure.answers["/"] = redirect("/end", f"{status} Moved")

    await world.get("https://api.example.com/", method="POST", body=b"data", headers=(("Content-Type", "text/plain"),))

    last = world.secure.requests[-1]
    assert last.startswith(method + b" /end")
    assert last.partition(b"\r\n\r\n")[2] == body
    assert (b"content-type" in last) is bool(body)


async def test_a_body_is_not_carried_to_another_host(world: World) -> None:
    world.secure.answers["/"] = redirect("https://other.example.com/end", "307 Moved")

    reason = await world.refusal("https://api.example.com/", *BOTH, method="POST", body=b"data")

    assert reason.code == "egress/redirect"
    assert len(world.secure.requests) == 1


async def test_a_redirect_does_not_lend_a_method_that_is_not_granted(world: World) -> None:
    world.secure.answers["/"] = redirect("https://other.example.com/end")
    only_post = allow("other.example.com", methods=frozenset({"POST"}))

    reason = await world.refusal("https://api.example.com/", allow(), only_post)

    assert reason.code == "egress/host-not-granted"


async def test_a_circle_ends_after_five_redirects(world: World) -> None:
    world.secure.answers["/"] = redirect("/")

    reason = await world.refusal("https://api.example.com/")

    assert reason.code == "egress/redirect"
    assert len(world.secure.requests) == 6


async def test_a_redirect_without_a_place_is_an_answer(world: World) -> None:
    world.secure.answers["/"] = reply(b"moved", status="302 Found")

    assert (await world.get("https://api.example.com/")).status == 302
