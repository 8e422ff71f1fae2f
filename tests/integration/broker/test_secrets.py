"""A tool's requests carry the secrets of its caller's tenant; what comes of it holds none: answers, record, errors."""

import json
from dataclasses import replace

import pytest

from holdfast.contracts import (
    Grants,
    IntegrityError,
    InvalidRequest,
    NotFound,
    Secret,
    SecretPlace,
    SecretUse,
    Status,
    TenantId,
)
from holdfast.server.principals import OPERATOR
from holdfast.server.store import schema
from holdfast.server.verbs import run_verb

from .conftest import b64
from .test_registered import call, granting, served

pytestmark = pytest.mark.anyio

ACME = TenantId("acme")
VALUE = "sk-Zx81kQ77aBcDeFgHjKmNpQ"


def granted(world, name="api", place=SecretPlace.BEARER, parameter="", **grant):
    secret = SecretUse(name=name, place=place, parameter=parameter)
    return Grants(http=(replace(world.far.grant(), secret=secret, **grant),))


async def kept(world, name="api", value=VALUE, tenant=ACME):
    await world.house.state.vault.put(tenant, name, Secret(value.encode()))


def record(world):
    return b"".join(file.read_bytes() for file in (world.house.data.audit).rglob("*.jsonl"))


async def test_a_guests_request_carries_the_secret_of_its_tenant(world):
    await kept(world)
    await kept(world, value="a-value-of-somebody-else", tenant=TenantId("other"))
    guest = await world.guest(granted(world))

    assert (await guest.http(world.far.url("/in/x"))).ok

    assert f"authorization: Bearer {VALUE}\r\n".encode() in world.far.seen[-1]


async def test_a_tenant_without_the_secret_is_told_its_name(world):
    await kept(world)
    before = len(world.far.seen)
    guest = await world.guest(granted(world), session=await world.session(tenant="poor"))

    answer = await guest.http(world.far.url("/in/x"))

    assert answer.code == "secret/absent"
    assert b"`api`" in answer.payload
    assert len(world.far.seen) == before


async def test_what_is_scanned_is_the_request_without_its_secret(world):
    """A secret that a rule would find goes out by its grant; the same one from the guest does not."""
    value = "ghp_" + "Ab9xQz71LmN0pRsTuVwX2yZ3kJ4h5G6f7D8B"
    await kept(world, name="github", value=value)
    guest = await world.guest(granted(world, "github"))

    assert (await guest.http(world.far.url("/in/x"))).ok
    assert value.encode() in world.far.seen[-1]
    assert (await guest.http(world.far.url("/in/x?a=" + value))).code.endswith("/secret-to-egress")


async def test_a_guest_that_sets_the_place_itself_is_refused(world):
    await kept(world)
    guest = await world.guest(granted(world))

    answer = await guest.http(world.far.url("/in/x"), headers=[["AUTHORIZATION", "Bearer mine"]])

    assert answer.code == "secret/set-by-caller"


async def test_an_echo_reaches_the_guest_without_the_secret(world):
    await kept(world)
    guest = await world.guest(granted(world))

    answer = json.loads((await guest.http(world.far.url("/in/echo"), method="POST", body=b"x")).payload)

    assert answer["body"] == b64(b"[REDACTED:secret]")
    assert VALUE not in json.dumps(answer)


async def test_a_secret_that_does_not_open_stops_the_call_and_says_which(world):
    await kept(world, name="moved")
    vault = world.house.state.vault
    await world.house.state.store.change(_broken())
    guest = await world.guest(granted(world, "moved"))

    answer = await guest.http(world.far.url("/in/x"))

    assert (answer.code, b"`moved` does not open" in answer.payload) == ("host/failed", True)
    with pytest.raises(IntegrityError):
        await vault.value(ACME, "moved")


def _broken():
    return schema.secrets.update().where(schema.secrets.c.name == "moved").values(version=99)


async def test_whether_a_secret_is_there_is_told_of_the_callers_own_tenant(world):
    await kept(world, name="asked")
    grants = Grants(secret_exists=("asked",))

    assert await (await world.guest(grants)).gets("secret-exists", name="asked") == {"exists": True}
    elsewhere = await world.guest(grants, session=await world.session(tenant="poor"))
    assert await elsewhere.gets("secret-exists", name="asked") == {"exists": False}


async def test_an_operator_sets_lists_and_removes_and_the_record_says_so_without_the_value(world):
    set_to = {"name": "github", "tenant": "acme", "value": VALUE}
    assert VALUE not in json.dumps(await run_verb(world.house, "secrets.set", set_to))
    assert (await world.house.state.vault.value(ACME, "github")).reveal() == VALUE.encode()

    listed = await run_verb(world.house, "secrets.list", {"tenant": "acme"})
    row = next(row for row in listed if row["name"] == "github")
    assert set(row) == {"name", "tenant", "created_at", "updated_at"}
    assert await run_verb(world.house, "secrets.list", {}) == []

    await run_verb(world.house, "secrets.remove", {"name": "github", "tenant": "acme"})
    with pytest.raises(NotFound):
        await run_verb(world.house, "secrets.remove", {"name": "github", "tenant": "acme"})
    said = record(world)
    assert said.count(b'"kind":"secret"') == 2
    assert b'"decision":"removed"' in said
    assert VALUE.encode() not in said


@pytest.mark.parametrize(
    "params",
    [
        {"name": "github", "value": "short"},
        {"name": "Not A Name", "value": VALUE},
        {"name": "github", "value": ["hunter2-in-a-list"]},
        {"name": "github", "value": VALUE, "more": "hunter2"},
        {"name": "github", "value": VALUE, "tenant": ""},
    ],
)
async def test_what_will_not_do_is_refused_without_saying_it(world, params):
    with pytest.raises(InvalidRequest) as refused:
        await run_verb(world.house, "secrets.set", params)

    for said in ("hunter2", VALUE, "short"):
        assert said not in refused.value.message.replace("a shorter one", "")


async def test_a_real_plugin_uses_a_secret_that_it_never_sees(world):
    """Registered before the secret is set: a warning then, a refusal that names it when called, and then it works."""
    grants = granting(world.far.port) + 'secret = { name = "later", in = "bearer" }\n'
    registered = await served(world, "carries", world.far.url("/in/echo"), grants)
    assert any("the secret `later` is not set" in note for note in registered.notes)
    shown = await run_verb(world.house, "tools.show", {"name": "carries"})
    assert shown["grants"]["http"][0]["secret"] == {"name": "later", "place": "bearer", "parameter": ""}

    refused = await call(world, "carries", await world.session())
    await kept(world, name="later")
    done = await call(world, "carries", await world.session())

    assert refused.status is not Status.OK
    assert "secret/absent" in json.dumps(refused.operator_json()) + record(world).decode()
    assert (done.status, "[REDACTED:secret]" in done.output) == (Status.OK, True)
    assert VALUE.encode() in world.far.seen[-1]
    assert VALUE not in json.dumps(done.operator_json())
    assert VALUE.encode() not in record(world)


async def test_a_secret_that_is_set_is_no_warning(world):
    await kept(world, name="already", tenant=OPERATOR.tenant)
    grants = granting(world.far.port) + 'secret = { name = "already", in = "bearer" }\n'

    registered = await served(world, "calm", world.far.url("/in/echo"), grants)

    assert not [note for note in registered.notes if "is not set" in note]
